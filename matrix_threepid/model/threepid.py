"""Third-party identifiers, and their masked form for logs, representations and texts (decision 27).

See https://spec.matrix.org/latest/appendices/#3pid-types.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, Protocol

from attrs import field, frozen

from ..protocol.errors import ConfigurationError


class Named(Protocol):
    """The part of an attrs attribute that validators here use.

    * ``name``: the name of the field.
    """

    name: str


class Medium(str, Enum):
    """A kind of third-party identifier; ``model.media`` has a row for each.

    See https://spec.matrix.org/latest/appendices/#3pid-types.
    """

    EMAIL = "email"
    MSISDN = "msisdn"


class Purpose(str, Enum):
    """What a session was opened for; it cannot be used for anything else (SEC-2).

    * ``ADD``: add the address to an account.
    * ``REGISTER``: register an account with it.
    * ``PASSWORD``: reset the password of the account it is on.
    * ``BIND``: publish it at an identity server; ``AddressRules`` are asked with it about addresses that a user invites
      to a room, too.
    """

    ADD = "add"
    REGISTER = "register"
    PASSWORD = "password"
    BIND = "bind"


def masked(address: str) -> str:
    """Return an address with most of it replaced by asterisks.

    >>> masked("alice@example.org"), masked("447700900001")
    ('a***@example.org', '44*******001')
    """
    local, at, domain = address.rpartition("@")
    if at:
        # Always three asterisks, so that the length of the local part is not shown.
        return f"{local[:1]}***@{domain}"
    return address[:2] + "*" * max(len(address) - 5, 3) + address[-3:] if len(address) > 5 else "***"


@frozen
class Threepid:
    """A third-party identifier; two are equal if medium and canonical address are.

    * ``medium``: the medium.
    * ``address``: the canonical address; its representation is masked.

    >>> Threepid(Medium.EMAIL, "alice@example.org")
    Threepid(medium=<Medium.EMAIL: 'email'>, address=a***@example.org)
    """

    medium: Medium
    address: str = field(repr=masked)


@frozen
class Candidate:
    """An address as a client named it.

    * ``threepid``: the identifier, for look-up.
    * ``spelling``: the address to which messages are sent. It keeps the letters that the canonical form folds: a mail
      server may treat ``Bob@`` and ``bob@`` as two mailboxes, and only the one typed may be proved (REQ-EMAIL-8).
    """

    threepid: Threepid
    spelling: str = field(repr=masked)


def is_same_mailbox(address: str, spelling: str) -> bool:
    """Return whether a spelling reaches the mailbox of a canonical address, at whatever mail server.

    Mail servers do not tell capital letters of ASCII apart. Other letters that the canonical form folds may be those of
    another mailbox.

    >>> [is_same_mailbox("sam@example.org", each) for each in ("Sam@example.org", "\u017fam@example.org")]
    [True, False]
    """
    # Domains are compared by neither: they are one, in Unicode and in ASCII.
    typed = spelling.rpartition("@")[0] or spelling
    plain = "".join(letter.lower() if letter.isascii() else letter for letter in typed)
    return plain == (address.rpartition("@")[0] or address)


def _must_be(kind: type, what: str) -> Callable[[object, Named, Any], None]:
    """Return an attrs validator for values made by a host, which raises ``ConfigurationError`` for another type."""

    def check(instance: object, attribute: Named, value: object) -> None:
        # True is an int for isinstance, and no number of ms.
        if not isinstance(value, kind) or value == "" or isinstance(value, bool):
            where = f"{type(instance).__name__}.{attribute.name}"
            raise ConfigurationError(f"{where}: must be {what}, not {type(value).__name__}")

    return check


@frozen(kw_only=True)
class AccountThreepid:
    """An identifier on an account.

    * ``medium``: the medium.
    * ``address``: the canonical address, not empty.
    * ``validated_at``: when it was validated, in ms of the wall clock.
    * ``added_at``: when it was added to the account, in ms of the wall clock.
    * ``spelling``: the address as it was validated, to which messages are sent; ``None`` (default) if the host stores
      the canonical form only.

    Raises ``ConfigurationError`` for a value of another type.
    See https://spec.matrix.org/latest/client-server-api/#get_matrixclientv3account3pid.
    """

    medium: Medium = field(validator=_must_be(Medium, "a Medium"))
    address: str = field(repr=masked, validator=_must_be(str, "a non-empty string"))
    validated_at: int = field(validator=_must_be(int, "a whole number of ms"))
    added_at: int = field(validator=_must_be(int, "a whole number of ms"))
    spelling: str | None = field(default=None, repr=lambda value: str(value and masked(value)))

    @property
    def threepid(self) -> Threepid:
        """The identifier, for look-up."""
        return Threepid(self.medium, self.address)


@frozen
class Owner:
    """The account that an identifier is on.

    * ``user_id``: ``@localpart:domain``.
    * ``spelling``: the address as it was validated, to which a reset mail is sent (REQ-EMAIL-8); ``None`` (default) if
      the host stores the canonical form only.

    Raises ``ConfigurationError`` for a ``user_id`` that is not a string or is empty.
    """

    user_id: str = field(validator=_must_be(str, "a non-empty string"))
    spelling: str | None = field(default=None, repr=lambda value: str(value and masked(value)))


class AddOutcome(Enum):
    """The answer of ``Accounts.add``, decided in the step that adds (SEC-126).

    * ``ADDED``: the identifier was on no account and is on this one now.
    * ``ALREADY_YOURS``: it was on this account already, and its ``added_at`` stays.
    * ``TAKEN``: it is on another account, and stays there.
    """

    ADDED = "added"
    ALREADY_YOURS = "already on this account"
    TAKEN = "on another account"


def mask_field(**options: Any) -> Any:
    """Return an attrs field whose value is an address or ``None``; its representation is masked."""
    return field(repr=lambda value: str(value and masked(value)), **options)
