"""Tests for the interpreter of Synapse; ``../test_contracts.py`` starts them."""
