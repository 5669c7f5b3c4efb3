"""Searches for what tests by example cannot see; ``python -m tests.proof`` runs them and keeps count."""
