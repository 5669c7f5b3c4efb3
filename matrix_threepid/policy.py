"""Policy: every choice a host has, each with a safe default; ``Policy.hardened()`` takes the strict side of all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal
from urllib.parse import urlsplit

import attrs
from attrs import field, frozen

from .model.binding import Retrying
from .model.session import Lifetimes
from .protocol.errors import ConfigurationError


@frozen
class Limit:
    """So many at once (``burst``), then one every ``1 / per_second`` seconds."""

    burst: int
    per_second: float

    def __attrs_post_init__(self) -> None:
        if self.burst < 1 or self.per_second <= 0:
            raise ConfigurationError("a limit has a burst of at least 1 and a positive per_second")

    @property
    def interval(self) -> int:
        """The ms one take costs."""
        return max(1, round(1000 / self.per_second))

    @property
    def span(self) -> int:
        """The ms after which an exhausted limit is as good as new."""
        return self.interval * self.burst


def per_hour(count: int) -> Limit:
    """Return a limit of ``count`` at once and ``count`` an hour."""
    return Limit(count, count / 3600)


def per_day(count: int) -> Limit:
    """Return a limit of ``count`` at once and ``count`` a day."""
    return Limit(count, count / 86_400)


@frozen(kw_only=True)
class Limits:
    """The limits in force; all are counted in the store, before anything else is looked up.

    ``per_address``, ``per_client`` (IPv4 address or IPv6 /64), ``per_user``: sending.
    ``guesses``: wrong codes for one address over all sessions. ``changes``: add and bind, per user.
    """

    per_address: Limit = Limit(5, 0.003)
    per_client: Limit = per_hour(20)
    per_user: Limit = per_hour(10)
    guesses: Limit = per_day(25)
    changes: Limit = Limit(10, 1 / 6)


def _names(values: Iterable[str]) -> frozenset[str]:
    return frozenset(values)


def _in_order(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(values)


def _checked_base(_: object, __: object, value: str | None) -> None:
    if value is None:
        return
    parts = urlsplit(value)
    plain = not (parts.query or parts.fragment or parts.username or value.endswith("/"))
    if parts.scheme not in ("http", "https") or not parts.hostname or not plain or not value.isascii():
        raise ConfigurationError(
            "policy.public_base_url: must be http(s)://host[:port][/path] without user-info, query or final slash"
        )
    local = parts.hostname in ("localhost", "::1") or parts.hostname.startswith("127.")
    if parts.scheme == "http" and not local:
        raise ConfigurationError("policy.public_base_url: must be https, except on this very machine")


@frozen(kw_only=True)
class Policy:
    """What a host decides.

    ``public_base_url``: where links in mails lead; without it no link is sent.
    ``changes_enabled``: the capability ``m.3pid_changes``. ``registration_enabled``: whether strangers may sign up.
    ``legacy_add``: ``POST /account/3pid`` as it is ("allow"), behind UIA ("uia"), or gone ("off").
    ``identity_server_hint``: ``id_server`` where it has no meaning is ignored, or refused.
    ``hide_known_addresses``: nobody learns from an answer whether an address has an account; owners get a mail.
    ``deferred_sending``: answer first and let ``Service.deliver_due`` send; implied by ``hide_known_addresses``.
    ``password_reset_by``: a mail with a link, or with a code to type. ``password_reset_by_phone``: off by default,
    numbers change hands. ``next_link_hosts``: the only hosts a ``next_link`` may have, ``None`` for any.
    ``identity_servers``: says whether an identity server may be used at all. ``identity_server_refusal``: what an
    identity server's refusal does to a delete: the client hears it and nothing changes, or it is put in the queue.
    ``identity_deadline``: ms all calls of one request to identity servers may take. ``retrying``: of unbinds.
    ``intranet_domains``: mail domains taken although the public mail system has no such name.
    ``submit_answers``: a wrong token is an error, or (for Synapse's delegate and older clients) a 200 that says so.
    ``max_body``: bytes. ``code_digits``, ``guesses_per_code``: of codes. ``send_deadline``: ms one sending may take.
    ``languages``: those the host has texts in, the first is the fallback.
    """

    public_base_url: str | None = field(default=None, validator=_checked_base)
    changes_enabled: bool = True
    registration_enabled: bool = True
    legacy_add: Literal["allow", "uia", "off"] = field(
        default="allow", validator=attrs.validators.in_(("allow", "uia", "off"))
    )
    identity_server_hint: Literal["ignore", "refuse"] = field(
        default="ignore", validator=attrs.validators.in_(("ignore", "refuse"))
    )
    hide_known_addresses: bool = False
    deferred_sending: bool = False
    password_reset_by: Literal["link", "code"] = field(default="link", validator=attrs.validators.in_(("link", "code")))
    password_reset_by_phone: bool = False
    next_link_hosts: frozenset[str] | None = field(default=None, converter=attrs.converters.optional(_names))
    identity_server_refusal: Literal["return", "queue"] = field(
        default="return", validator=attrs.validators.in_(("return", "queue"))
    )
    identity_deadline: int = 10_000
    retrying: Retrying = Retrying()
    intranet_domains: frozenset[str] = field(default=frozenset(), converter=_names)
    lifetimes: Lifetimes = Lifetimes()
    limits: Limits = Limits()
    code_digits: int = field(default=6, validator=attrs.validators.in_(range(6, 11)))
    guesses_per_code: int = field(default=5, validator=attrs.validators.in_(range(1, 11)))
    submit_answers: Literal["spec", "compat"] = field(
        default="spec", validator=attrs.validators.in_(("spec", "compat"))
    )
    max_body: int = 16_384
    send_deadline: int = 10_000
    languages: tuple[str, ...] = field(default=("en",), converter=_in_order)
    identity_servers: Callable[[str], bool] = field(default=lambda _: True, repr=False)

    @classmethod
    def hardened(cls, **choices: object) -> Policy:
        """Return the policy with every strict choice made; ``choices`` have the last word."""
        strict: dict[str, object] = {
            "legacy_add": "uia",
            "identity_server_hint": "refuse",
            "hide_known_addresses": True,
            "deferred_sending": True,
            "password_reset_by": "code",
            "next_link_hosts": (),
            "code_digits": 8,
        }
        return cls(**{**strict, **choices})  # type: ignore[arg-type]

    @property
    def defers(self) -> bool:
        """Whether messages go out after the answer."""
        return self.deferred_sending or self.hide_known_addresses
