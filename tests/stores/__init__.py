"""Parts for the tests of stores."""
