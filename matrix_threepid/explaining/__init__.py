"""Explanations for support: what happened to an address, a number, a session or a user, and what would happen now."""
