"""Processes that are killed in the middle of what they do, and what must hold afterwards."""
