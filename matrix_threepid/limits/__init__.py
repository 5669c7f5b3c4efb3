"""Limits: rates, budgets, guesses of codes, and SMS. All are counted in the store (decision 24)."""
