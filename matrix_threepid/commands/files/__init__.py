"""Reads configuration files for commands: those of the examples, and ``homeserver.yaml`` of Synapse."""
