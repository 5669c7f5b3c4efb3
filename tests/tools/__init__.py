"""Tools of the tests that the docs use as well."""
