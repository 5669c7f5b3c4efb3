"""Return paths with the id of a message in them (VERP), such as ``bounces+ID@example.org``."""

from __future__ import annotations

import re

from ..protocol.errors import ConfigurationError

_MAILBOX = re.compile(r"(?P<local>[A-Za-z0-9._-]{1,21})@(?P<domain>[A-Za-z0-9.-]{1,190})")
# The local part of ``bounces+ID``: RFC 5321 allows 64 characters.
_ADDRESS = re.compile(r"<?[^\s@<>+]{1,21}\+(?P<id>[a-z2-7]{42})@[^\s@<>]{1,255}>?", re.IGNORECASE | re.ASCII)


def checked_return_path(address: str) -> str:
    """Return the address of a mailbox whose local part has room for an id. Raises ``ConfigurationError``."""
    if not isinstance(address, str) or not _MAILBOX.fullmatch(address):
        raise ConfigurationError(
            "return_path: must be an address such as bounces@example.org, with at most 21 letters, digits, dots, _ and "
            "- before the @"
        )
    return address


def with_id(return_path: str, signed: str) -> str:
    """Return the return path of one message.

    >>> with_id("bounces@example.org", "a" * 42) == "bounces+" + "a" * 42 + "@example.org"
    True
    """
    local, _, domain = return_path.rpartition("@")
    return f"{local}+{signed}@{domain}"


def id_in_address(address: str) -> str | None:
    """Return the signed id in a return path; ``None`` for any other address.

    >>> id_in_address("bounces+" + "a" * 42 + "@example.org") == "a" * 42
    True
    """
    found = _ADDRESS.fullmatch(address.strip()) if len(address) <= 400 else None
    return None if found is None else found["id"]
