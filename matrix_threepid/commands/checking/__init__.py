"""The checks behind ``check``: what a host's wiring and configuration say before it serves requests."""
