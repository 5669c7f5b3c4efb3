"""Hashes of addresses, by which users of an identity server are looked up, and the peppers in them.

These peppers are public: a client needs them to hash addresses. They only keep anybody from computing the hashes of all
addresses once and for ever. See https://spec.matrix.org/latest/identity-service-api/#association-lookup.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Sequence
from hashlib import sha256

from attrs import frozen

from .threepid import Threepid

KEPT = 2
"""The peppers that are stored: every association has a hash for each."""


@frozen
class LookupPepper:
    """A public pepper.

    * ``number``: its number; the next one has the next number, the first one 1.
    * ``text``: the pepper, of the characters that the specification allows.
    * ``since``: the time in ms at which it was made.
    * ``ready``: whether every association has its hash, so that it can be served.
    """

    number: int
    text: str
    since: int
    ready: bool


def hashed(threepid: Threepid, pepper: str) -> str:
    """Return the hash of an address, in URL-safe base64 without padding.

    See https://spec.matrix.org/latest/identity-service-api/#sha256.

    >>> from matrix_threepid import Medium
    >>> hashed(Threepid(Medium.EMAIL, "alice@example.com"), "matrixrocks")
    '4kenr7N9drpCJ4AfalmlGQVsOn3o2RHjkADUpXJWZUc'
    """
    content = f"{threepid.address} {threepid.medium.value} {pepper}".encode()
    return urlsafe_b64encode(sha256(content).digest()).rstrip(b"=").decode("ascii")


def served(peppers: Sequence[LookupPepper]) -> list[LookupPepper]:
    """Return the peppers that clients may use, the newest first; ``peppers``: all that are stored, the newest first.

    While the hashes of a new pepper are computed they replace those of the pepper before the current one.
    """
    newest = peppers[:KEPT]
    return [each for each in newest if each.ready]
