"""What is counted and refused: rates, budgets, guesses of codes and SMS."""
