"""The units, each in a module of its kind; ``registry.UNITS`` is the table of all."""
