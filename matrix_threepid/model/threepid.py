"""Third-party identifiers and how they are shown: in full to their owner, masked everywhere else."""

from __future__ import annotations

from enum import Enum
from typing import Any

from attrs import field, frozen

from ..protocol.errors import ConfigurationError


class Medium(str, Enum):
    """A kind of third-party identifier; ``model.media`` has a row of facts for each.

    See https://spec.matrix.org/latest/appendices/#3pid-types.
    """

    EMAIL = "email"
    MSISDN = "msisdn"


class Purpose(str, Enum):
    """What a session was opened for; it serves nothing else."""

    ADD = "add"
    REGISTER = "register"
    PASSWORD = "password"
    BIND = "bind"


def masked(address: str) -> str:
    """Return an address so that its owner knows it and nobody else does: ``a***@example.org``, ``44*****001``."""
    local, at, domain = address.rpartition("@")
    if at:
        return f"{local[:1]}***@{domain}"
    return address[:2] + "*" * max(len(address) - 5, 3) + address[-3:] if len(address) > 5 else "***"


@frozen
class Threepid:
    """A third-party identifier: medium and canonical address."""

    medium: Medium
    address: str = field(repr=masked)


@frozen
class Candidate:
    """An address as a client named it: the identifier, and the spelling messages go to.

    ``spelling`` keeps what the canonical form folds away; mail for ``Bob@example.org`` goes to ``Bob``.
    """

    threepid: Threepid
    spelling: str = field(repr=masked)


def _must_be(kind: type, what: str) -> Any:
    """Return an attrs validator for what a host makes: a value of another type raises ``ConfigurationError``."""

    def check(instance: object, attribute: Any, value: object) -> None:
        if not isinstance(value, kind) or value == "" or isinstance(value, bool):
            where = f"{type(instance).__name__}.{attribute.name}"
            raise ConfigurationError(f"{where}: must be {what}, not {type(value).__name__}")

    return check


@frozen(kw_only=True)
class AccountThreepid:
    """An identifier on an account; ``validated_at`` and ``added_at`` in ms.

    ``spelling``: where messages go, as it was validated; ``None`` where a host keeps the canonical form only.
    Raises ``ConfigurationError`` for a value of another type.
    """

    medium: Medium = field(validator=_must_be(Medium, "a Medium"))
    address: str = field(repr=masked, validator=_must_be(str, "a text that is not empty"))
    validated_at: int = field(validator=_must_be(int, "a whole number of ms"))
    added_at: int = field(validator=_must_be(int, "a whole number of ms"))
    spelling: str | None = field(default=None, repr=lambda value: str(value and masked(value)))

    @property
    def threepid(self) -> Threepid:
        """The identifier itself."""
        return Threepid(self.medium, self.address)


@frozen
class Owner:
    """The account an identifier is on, and the spelling it was validated with.

    Raises ``ConfigurationError`` for a ``user_id`` that is no text, or empty.
    """

    user_id: str = field(validator=_must_be(str, "a text that is not empty"))
    spelling: str | None = field(default=None, repr=lambda value: str(value and masked(value)))


class AddOutcome(Enum):
    """What ``Accounts.add`` did."""

    ADDED = "added"
    ALREADY_YOURS = "already on this account"
    TAKEN = "on another account"


def mask_field(**options: Any) -> Any:
    """Declare an attrs field whose value is an address."""
    return field(repr=lambda value: str(value and masked(value)), **options)
