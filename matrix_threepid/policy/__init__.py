"""Policy: every choice a host has, each with a safe default; ``Policy.hardened()`` takes the strict side of all."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Literal

from attrs import frozen

from ..model.binding import Retrying
from ..model.brand import Brand
from ..model.lifetimes import Lifetimes
from ..model.limit import Limit, per_day, per_hour
from ..protocol.members import Choices, choice, documented, group
from ..protocol.rules import Flag, Integer, ListOf, OneOf, printable
from .address_lists import AddressLists, MailDomains
from .addresses import AccountAddresses
from .choices import BASE_URL, CODE_HOST, HARDENED, ID_SERVERS, LINK_HOSTS, MS, is_function
from .for_tests import ADDRESSES, AddressForTests, check_addresses, refuse_hardened
from .invitations import InvitationRules
from .limits import Limits
from .lookup import LookupRules
from .sms import Conversion, SmsRules
from .topics import BINDINGS, CLIENTS, CODES, LIMITS_AND_TIMES, MESSAGES, SERVER

__all__ = [
    "AccountAddresses",
    "AddressForTests",
    "AddressLists",
    "Brand",
    "Conversion",
    "InvitationRules",
    "Lifetimes",
    "Limit",
    "Limits",
    "LookupRules",
    "MailDomains",
    "Policy",
    "Retrying",
    "SmsRules",
    "per_day",
    "per_hour",
]


@documented
@frozen(kw_only=True)
class Policy(Choices):
    """What a host decides. Raises ``ConfigurationError`` naming the choice that cannot be."""

    AT = "policy"

    public_base_url: str | None = choice(
        BASE_URL, None, optional=True, topic=SERVER, doc="where the links in mails lead; without it no link is sent"
    )
    languages: Sequence[str] = choice(
        ListOf(printable(64), least=1),
        ("en",),
        topic=SERVER,
        doc="the languages that the host has texts in; the first one is for readers of all others",
    )
    max_body: int = choice(Integer(1), 16_384, topic=SERVER, doc="bytes a request body may have")
    submit_answers: Literal["spec", "compat"] = choice(
        OneOf("spec", "compat"),
        "spec",
        topic=SERVER,
        doc="a wrong token is answered with an error (`spec`), or with a 200 that says `success: false` (`compat`), "
        "as Synapse and older clients expect of a delegate",
    )
    changes_enabled: bool = choice(
        Flag(), True, topic=CLIENTS, doc="users may add, remove and bind addresses: the capability `m.3pid_changes`"
    )
    registration_enabled: bool = choice(Flag(), True, topic=CLIENTS, doc="strangers may sign up with an address")
    legacy_add: Literal["allow", "uia", "off"] = choice(
        OneOf("allow", "uia", "off"),
        "allow",
        topic=CLIENTS,
        doc="`POST /account/3pid` works without authentication (`allow`), after user-interactive authentication "
        "(`uia`), or not at all (`off`); with `allow` a stolen access token is enough to add an address and then "
        "reset the password by it",
    )
    hide_known_addresses: bool = choice(
        Flag(),
        False,
        topic=CLIENTS,
        doc="no answer tells whether an address has an account; its owner gets a mail. Implies `deferred_sending`",
    )
    next_link_hosts: Collection[str] | None = choice(
        LINK_HOSTS,
        None,
        optional=True,
        topic=CLIENTS,
        doc="the only places that a `next_link` may lead to: `host` (https at its usual port), `host:port` (https), "
        "`http://host[:port]`; `scheme:` of an app; `None` for any site and no app",
    )
    deferred_sending: bool = choice(
        Flag(),
        False,
        topic=MESSAGES,
        doc="requests are answered first, and the job `deliver_due` sends; true wherever `hide_known_addresses` is",
    )
    send_deadline: int = choice(MS, 10_000, topic=MESSAGES, doc="ms that one sending may take")
    gate_deadline: int = choice(MS, 5_000, topic=MESSAGES, doc="ms that the port `Gate` may take to answer")
    brand: Brand = group(Brand, MESSAGES, "name, logo and support line of mails and pages")
    notices: bool = choice(
        Flag(),
        True,
        topic=MESSAGES,
        doc="the other mail addresses of an account are told when one is added or removed, or the password was reset",
    )
    mail_unknown_addresses: bool = choice(
        Flag(),
        False,
        topic=MESSAGES,
        doc="with `hide_known_addresses`, who reads an address that is on no account is told by mail that a password "
        "reset was asked for with it; otherwise nothing is sent",
    )
    undo_links: bool = choice(Flag(), False, topic=MESSAGES, doc="old mail addresses can undo changes for 72 hours")
    intranet_domains: Collection[str] = choice(
        ListOf(printable(253), into=frozenset),
        frozenset(),
        topic=MESSAGES,
        doc="mail domains that are taken although the public mail system has no such name",
    )
    sms: SmsRules = group(SmsRules, MESSAGES, "where SMS may go and how many; by default nowhere")
    mail_proof: Literal["link", "code", "both"] = choice(
        OneOf("link", "code", "both"),
        "link",
        topic=CODES,
        doc="mails that prove an address hold a link, a code to type, or both; a client that knows no `submit_url` "
        "can use links only",
    )
    password_reset_by: Literal["link", "code", "both"] | None = choice(
        OneOf("link", "code", "both"),
        None,
        optional=True,
        topic=CODES,
        doc="what mails that reset a password hold; `None` for what `mail_proof` says",
    )
    password_reset_by_phone: bool = choice(
        Flag(), False, topic=CODES, doc="passwords can be reset by SMS; off by default, since numbers change hands"
    )
    test_addresses: Sequence[AddressForTests] = choice(
        ADDRESSES, (), topic=CODES, doc="up to 10 addresses of nobody, to add and register, with a code and no message"
    )
    code_digits: int = choice(Integer(6, 10), 6, topic=CODES, doc="digits of a code")
    code_host: str | None = choice(
        CODE_HOST,
        "",
        optional=True,
        topic=CODES,
        doc="host name of the website that people type codes into, for the last line of an SMS: phones offer the code "
        "there only; empty for that of `public_base_url`; `None` for no such line, for hosts with several clients",
    )
    guesses_per_code: int = choice(Integer(1, 10), 5, topic=CODES, doc="wrong codes that end a code")
    wrong_codes_alarm: int = choice(
        Integer(1),
        1000,
        topic=CODES,
        doc="wrong codes within an hour, over all addresses, past which the `Listener` hears `ManyWrongCodes` and new "
        "codes have at least 8 digits until that hour ends",
    )
    addresses: AccountAddresses = group(AccountAddresses, CLIENTS, "which addresses an account keeps, and how many")
    identity_servers: Callable[[str], bool] | None = choice(
        ID_SERVERS,
        None,
        optional=True,
        instead=is_function,
        topic=BINDINGS,
        doc="the only identity servers that users may name: in a file a list of `host[:port][/path]`, in Python also a "
        "function of `host[:port]` that returns a bool, and that is asked for the whole name too where it has a path; "
        "`None` for any",
    )
    look_up_after_unbind: bool = choice(Flag(), False, topic=BINDINGS, doc="unbinds answer with `still_published`")
    identity_server_hint: Literal["ignore", "refuse"] = choice(
        OneOf("ignore", "refuse"),
        "ignore",
        topic=BINDINGS,
        doc="an `id_server` where it has no meaning is ignored, or refused with `M_SERVER_NOT_TRUSTED`",
    )
    identity_server_refusal: Literal["return", "queue"] = choice(
        OneOf("return", "queue"),
        "return",
        topic=BINDINGS,
        doc="when an identity server refuses an unbind, the client hears it and nothing is deleted (`return`), or the "
        "unbind is tried again later (`queue`)",
    )
    identity_deadline: int = choice(MS, 10_000, topic=BINDINGS, doc="ms for all calls of a request to identity servers")
    bindings_per_user: int = choice(
        Integer(1),
        100,
        topic=BINDINGS,
        doc="bindings of one user that are remembered, those that wait for their unbind included; further binds are "
        "refused, and an unbind of an address that is not remembered is not tried again",
    )
    retrying: Retrying = group(Retrying, BINDINGS, "how unbinds are tried again")
    lookup: LookupRules = group(LookupRules, BINDINGS, "how users of your identity server may look others up")
    invitations: InvitationRules = group(
        InvitationRules, BINDINGS, "how users of your identity server may invite people by mail"
    )
    limits: Limits = group(Limits, LIMITS_AND_TIMES, "how often what may be done")
    lifetimes: Lifetimes = group(Lifetimes, LIMITS_AND_TIMES, "how long links, codes and sessions live")

    def __attrs_post_init__(self) -> None:
        check_addresses(self.test_addresses)
        if self.hide_known_addresses:
            # Where a message is sent before the answer, the time of the answer tells of it.
            object.__setattr__(self, "deferred_sending", True)

    @classmethod
    def hardened(cls, **choices: object) -> Policy:
        """Return the policy with every strict choice made; ``choices`` have the last word."""
        refuse_hardened(choices)
        return cls(**{**HARDENED, **choices})  # type: ignore[arg-type]
