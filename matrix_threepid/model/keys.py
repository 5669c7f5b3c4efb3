"""Peppers: the keys that make what the store holds worthless to a thief of the database.

Client secrets and addresses used as keys are stored as keyed MACs. Tokens and codes are not stored
at all: they are derived from the pepper, the session and a count, so a worker that sends later, or
again after a crash, sends the same one.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from functools import cached_property

from attrs import field, frozen

from ..protocol.errors import ConfigurationError
from ..protocol.members import redacted

MIN_BYTES = 32
_MAC_BYTES = 16


@frozen(slots=False)
class Pepper:
    """One secret key of at least 32 bytes; ``id`` names it in the store without telling it."""

    key: bytes = field(repr=redacted)

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.key, bytes) or len(self.key) < MIN_BYTES:
            raise ConfigurationError(f"a pepper is a bytes value of at least {MIN_BYTES} bytes")

    @cached_property
    def id(self) -> str:
        """The name of the key in the store."""
        return self.mac("pepper id")[:8]

    def mac(self, label: str, *parts: str) -> str:
        """Return the MAC of ``parts`` under ``label`` as 22 URL-safe characters (128 bit)."""
        return _text(self._digest(label, parts)[:_MAC_BYTES])

    def token(self, label: str, *parts: str) -> str:
        """Return a token of 43 URL-safe characters (256 bit) derived from ``parts``."""
        return _text(self._digest(label, parts))

    def code(self, digits: int, label: str, *parts: str) -> str:
        """Return a code of so many decimal digits derived from ``parts``."""
        return str(int.from_bytes(self._digest(label, parts), "big") % 10**digits).zfill(digits)

    def _digest(self, label: str, parts: tuple[str, ...]) -> bytes:
        return hmac.digest(self.key, "\0".join((label, *parts)).encode(), "sha256")


@frozen
class Peppers:
    """The live peppers: ``current`` makes everything new, ``previous`` still checks what it made.

    To rotate, move ``current`` to ``previous``, and drop it a day later.
    """

    current: Pepper
    previous: Pepper | None = None

    @classmethod
    def of(cls, current: bytes, previous: bytes | None = None) -> Peppers:
        """Return peppers from raw keys of at least 32 bytes each. Raises ``ConfigurationError``."""
        return cls(Pepper(current), None if previous is None else Pepper(previous))

    def by_id(self, pepper_id: str) -> Pepper | None:
        """Return the live pepper with this id, or ``None`` after it was dropped."""
        return next((pepper for pepper in self.live if hmac.compare_digest(pepper.id, pepper_id)), None)

    @property
    def live(self) -> tuple[Pepper, ...]:
        """The peppers in force, newest first."""
        return (self.current,) if self.previous is None else (self.current, self.previous)


def same(left: str, right: str) -> bool:
    """Compare two secrets in constant time, whatever characters they hold."""
    return hmac.compare_digest(left.encode("utf-8", "surrogatepass"), right.encode("utf-8", "surrogatepass"))


def random_text(random_bytes: bytes) -> str:
    """Return random bytes as URL-safe text without padding."""
    return _text(random_bytes)


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
