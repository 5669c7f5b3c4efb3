"""Peppers: secret keys outside the database, without which a stolen database opens no session (SEC-20).

Client secrets, and addresses that are used as keys, are stored as keyed MACs (SEC-112). Tokens and codes are not
stored: they are derived from the pepper, the session and the number of the message (SEC-113), so a worker that sends
later, or again after a crash, sends the same one. See decision 21 and https://www.rfc-editor.org/rfc/rfc2104.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from functools import cached_property

from attrs import field, frozen

from ..protocol.errors import ConfigurationError
from ..protocol.members import redacted

MIN_BYTES = 32
"""The shortest key: as long as the output of SHA-256 (RFC 2104, section 3)."""
_MAC_BYTES = 16


@frozen(slots=False)
class Pepper:
    """One secret key.

    * ``key``: at least 32 random bytes. Raises ``ConfigurationError`` for a shorter one or another type.

    >>> Pepper(bytes(32)).code(6, "example")
    '117754'
    """

    key: bytes = field(repr=redacted)

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.key, bytes) or len(self.key) < MIN_BYTES:
            raise ConfigurationError(f"a pepper is a bytes value of at least {MIN_BYTES} bytes")

    @cached_property
    def id(self) -> str:
        """The name of the key in the store: the start of a MAC, from which the key cannot be computed."""
        return self.mac("pepper id")[:8]

    def mac(self, label: str, *parts: str) -> str:
        """Return the MAC of ``parts`` under ``label`` as 22 URL-safe characters (128 bit)."""
        return _text(self.digest(label, *parts)[:_MAC_BYTES])

    def token(self, label: str, *parts: str) -> str:
        """Return a token of 43 URL-safe characters (256 bit) derived from ``parts``."""
        return _text(self.digest(label, *parts))

    def code(self, digits: int, label: str, *parts: str) -> str:
        """Return a code of ``digits`` decimal digits, zero-padded, derived from ``parts``."""
        # 256 bits modulo 10**digits: the bias is below 2**-200, so every code is equally likely (SEC-110).
        return str(int.from_bytes(self.digest(label, *parts), "big") % 10**digits).zfill(digits)

    def digest(self, label: str, *parts: str) -> bytes:
        """Return the MAC of ``parts`` under ``label`` as 32 bytes."""
        # No member of a request can contain a zero byte, so two different lists of parts never join to the same text.
        digest = self._keyed.copy()
        digest.update("\0".join((label, *parts)).encode())
        return digest.digest()

    @cached_property
    def _keyed(self) -> hmac.HMAC:
        """A MAC of nothing yet; a copy of it takes half the time of a new one, and a request makes eight."""
        return hmac.new(self.key, digestmod="sha256")


@frozen
class Peppers:
    """The peppers in force.

    * ``current``: derives and stores everything new.
    * ``previous``: still checks what was made with it; default ``None``.

    To rotate, make the current pepper the previous one, and remove it a day later, when its sessions have ended.

    >>> Peppers.of(bytes(32)).previous is None
    True
    """

    current: Pepper
    previous: Pepper | None = None

    @classmethod
    def of(cls, current: bytes, previous: bytes | None = None) -> Peppers:
        """Return peppers made from raw keys.

        * ``current``: at least 32 random bytes.
        * ``previous``: the same, for the key before it; default ``None``.

        Raises ``ConfigurationError`` for a shorter key or another type.
        """
        return cls(Pepper(current), None if previous is None else Pepper(previous))

    def by_id(self, pepper_id: str) -> Pepper | None:
        """Return the pepper with this id, or ``None`` if it is no longer in force."""
        return next((pepper for pepper in self.live if hmac.compare_digest(pepper.id, pepper_id)), None)

    @property
    def live(self) -> tuple[Pepper, ...]:
        """The peppers in force, the newest first."""
        return (self.current,) if self.previous is None else (self.current, self.previous)


def same(left: str, right: str) -> bool:
    """Return whether two secrets are equal, compared in constant time (SEC-22).

    Texts with characters outside ASCII and with lone surrogates are compared as well.
    """
    # ``compare_digest`` raises for text outside ASCII, and ``encode`` for the lone surrogates that JSON can carry.
    return hmac.compare_digest(left.encode("utf-8", "surrogatepass"), right.encode("utf-8", "surrogatepass"))


def random_text(random_bytes: bytes) -> str:
    """Return random bytes as URL-safe base64 without padding."""
    return _text(random_bytes)


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
