"""Configuration files, as far as commands read them: those of the examples, and Synapse's."""
