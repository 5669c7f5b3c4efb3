"""Return paths with the id of a message in them (VERP), such as ``bounces+ID@example.org``."""

from __future__ import annotations

import re

# The local part of ``bounces+ID``: RFC 5321 allows 64 characters.
_ADDRESS = re.compile(r"<?[^\s@<>+]{1,21}\+(?P<id>[a-z2-7]{42})@[^\s@<>]{1,255}>?", re.IGNORECASE | re.ASCII)


def id_in_address(address: str) -> str | None:
    """Return the signed id in a return path; ``None`` for any other address.

    >>> id_in_address("bounces+" + "a" * 42 + "@example.org") == "a" * 42
    True
    """
    found = _ADDRESS.fullmatch(address.strip()) if len(address) <= 400 else None
    return None if found is None else found["id"]
