"""What a unit raises that cannot run here."""


class Skipped(Exception):
    """The unit needs something that is not there; the text says what."""
