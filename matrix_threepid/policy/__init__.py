"""Policy: every choice a host has, each with a safe default; ``Policy.hardened()`` takes the strict side of all."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Literal

from attrs import field, frozen

from ..model.binding import Retrying
from ..model.limit import Limit, per_day, per_hour
from ..model.session import Lifetimes
from .choices import checked_base, hosts, names, names_in_order, number, one_of
from .limits import Limits
from .sms import Conversion, SmsRules

__all__ = ["Conversion", "Lifetimes", "Limit", "Limits", "Policy", "Retrying", "SmsRules", "per_day", "per_hour"]


@frozen(kw_only=True)
class Policy:
    """What a host decides.

    ``public_base_url``: where links in mails lead; without it no link is sent.
    ``changes_enabled``: the capability ``m.3pid_changes``. ``registration_enabled``: whether strangers may sign up.
    ``legacy_add``: ``POST /account/3pid`` without authentication ("allow", the default), behind UIA ("uia"), or gone
    ("off"). With "allow" a stolen access token is enough to add an address and then reset the password by it.
    ``identity_server_hint``: ``id_server`` where it has no meaning is ignored, or refused.
    ``hide_known_addresses``: nobody learns from an answer whether an address has an account; owners get a mail.
    ``deferred_sending``: answer first and let the job ``deliver_due`` send; implied by ``hide_known_addresses``.
    ``password_reset_by``: a mail with a link, or with a code to type. ``password_reset_by_phone``: off by default,
    numbers change hands. ``next_link_hosts``: the only places a ``next_link`` may lead to, ``None`` for any: ``host``
    (https at its usual port), ``host:port`` (https), or ``http://host[:port]``.
    ``notices``: tell an account's other mail addresses when one is added or removed, or its password was reset.
    ``identity_servers``: says whether an identity server may be used at all. ``identity_server_refusal``: what an
    identity server's refusal does to a delete: the client hears it and nothing changes, or it is put in the queue.
    ``identity_deadline``: ms all calls of one request to identity servers may take. ``retrying``: of unbinds.
    ``intranet_domains``: mail domains taken although the public mail system has no such name.
    ``submit_answers``: a wrong token is an error, or (for Synapse's delegate and older clients) a 200 that says so.
    ``max_body``: bytes. ``code_digits``, ``guesses_per_code``: of codes. ``send_deadline``: ms one sending may take.
    ``wrong_codes_alarm``: the listener hears ``ManyWrongCodes`` after so many in an hour, over all addresses.
    Until that hour ends new codes have at least 8 digits.
    ``sms``: where SMS may go and how many; as it stands, nowhere.
    ``languages``: those the host has texts in, the first is the fallback.
    """

    public_base_url: str | None = field(default=None, validator=checked_base)
    changes_enabled: bool = True
    registration_enabled: bool = True
    legacy_add: Literal["allow", "uia", "off"] = one_of("allow", "uia", "off")
    identity_server_hint: Literal["ignore", "refuse"] = one_of("ignore", "refuse")
    hide_known_addresses: bool = False
    deferred_sending: bool = False
    password_reset_by: Literal["link", "code"] = one_of("link", "code")
    password_reset_by_phone: bool = False
    next_link_hosts: Collection[str] | None = hosts()
    notices: bool = True
    identity_server_refusal: Literal["return", "queue"] = one_of("return", "queue")
    identity_deadline: int = number(10_000, 1)
    retrying: Retrying = Retrying()
    intranet_domains: Collection[str] = names()
    lifetimes: Lifetimes = Lifetimes()
    limits: Limits = Limits()
    sms: SmsRules = SmsRules()
    code_digits: int = number(6, 6, 10)
    guesses_per_code: int = number(5, 1, 10)
    wrong_codes_alarm: int = number(1000, 1)
    submit_answers: Literal["spec", "compat"] = one_of("spec", "compat")
    max_body: int = number(16_384, 1)
    send_deadline: int = number(10_000, 1)
    languages: Sequence[str] = names_in_order("en")
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

    def __attrs_post_init__(self) -> None:
        if self.hide_known_addresses:
            # A message that is sent inside the request would tell by its time whether the address is known.
            object.__setattr__(self, "deferred_sending", True)
