"""Mutants: small changes of the library's code, each of which a test has to notice."""
