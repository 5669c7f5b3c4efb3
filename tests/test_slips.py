"""Slips in constructing the parts of a host: each is refused when it is made, by name, with the remedy."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

from matrix_threepid import (
    Delegate,
    Homeserver,
    IdentityServer,
    Medium,
    Peppers,
    Policy,
    Service,
    Stages,
    Texts,
    Threads,
)
from matrix_threepid.hosts import Asgi, ThreepidResource, Wsgi
from matrix_threepid.identity import HttpIdentityClient, PinnedHttps
from matrix_threepid.policy import Limit, SmsRules, per_day, per_hour
from matrix_threepid.senders import DirectHttp, HttpSender, SmtpSender, TwilioSender, TwilioVerifySender
from matrix_threepid.stores import (
    AsyncPsycopg,
    Psycopg,
    SqlAssociations,
    SqlBindings,
    SqlInvitations,
    Sqlite,
    SqlLimits,
    SqlLogins,
    SqlMessages,
    SqlReversals,
    SqlSessions,
    SqlSuppressions,
    SqlUiaSessions,
    open_database,
)
from matrix_threepid.stores.asyncpg import Asyncpg
from matrix_threepid.testing import FakeAccounts, FakeCallers, FakeUia, Outbox, World

SID, URL = "AC" + "0" * 32, "https://sms.example.org/send"


class AsyncOn:
    """A listener, pages and a signer whose methods are async, and would never be awaited."""

    async def on(self, event: Any) -> None: ...

    async def render(self, page: str, language: str, values: Any) -> str:
        return ""

    async def sign(self, value: Any) -> Any:
        return value


class Narrow:
    """A sender and a UIA that take fewer arguments than they are given."""

    async def send(self) -> None: ...

    async def require(self, request: Any, caller: Any) -> None: ...


class Signer:
    """An ``ObjectSigner``."""

    def sign(self, value: Any) -> Any:
        return dict(value)


def hs(**given: Any) -> Homeserver:
    """Return a homeserver with some arguments replaced."""
    return Homeserver(
        **{
            "server_name": "example.org",
            "peppers": Peppers.of(bytes(32)),
            "accounts": FakeAccounts(),
            "callers": FakeCallers(),
            "uia": FakeUia(),
            **given,
        }
    )


def ids(**given: Any) -> IdentityServer:
    """Return an identity server with some arguments replaced."""
    usual = {"server_name": "example.org", "peppers": Peppers.of(bytes(32)), "callers": FakeCallers()}
    return IdentityServer(**{**usual, "signer": Signer(), **given})


def delegate(**given: Any) -> Delegate:
    """Return a delegate with some arguments replaced."""
    return Delegate(**{"server_name": "example.org", "peppers": Peppers.of(bytes(32)), **given})


def smtp(**given: Any) -> SmtpSender:
    """Return a sender of mails with some arguments replaced."""
    usual = {"host": "mail.example.org", "sender": "noreply@example.org", "server_name": "example.org"}
    return SmtpSender(**{**usual, **given})


def twilio(**given: Any) -> TwilioSender:
    """Return a sender of SMS with some arguments replaced."""
    return TwilioSender(**{"account_sid": SID, "auth_token": "x", "sender": "+46700000000", **given})


def verify(**given: Any) -> TwilioVerifySender:
    """Return a verifier with some arguments replaced."""
    return TwilioVerifySender(**{"account_sid": SID, "auth_token": "x", "service_sid": "VA0", **given})


def http(**given: Any) -> HttpSender:
    """Return a sender through a gateway with some arguments replaced."""
    return HttpSender(**{"url": URL, "template": {"to": "$number"}, **given})


def any_(value: Any) -> Any:
    """Return a value as one of no type, for arguments of another type than declared."""
    return value


SLIPS: dict[str, tuple[tuple[str, Callable[[], object]], ...]] = {
    "server_name: must be a Matrix server name": (
        ("a port above 65535", lambda: hs(server_name="example.org:99999")),
        ("the port 0", lambda: ids(server_name="example.org:0")),
        ("bytes", lambda: delegate(server_name=b"example.org")),
    ),
    "peppers: must be Peppers.of": (("a list", lambda: hs(peppers=[bytes(32)])),),
    "policy: must be a Policy": (
        ("a dict", lambda: hs(policy={"languages": ["en"]})),
        ("its class", lambda: hs(policy=Policy)),
        ("None", lambda: hs(policy=None)),
        ("a dict, identity server", lambda: ids(policy={})),
        ("None, identity server", lambda: ids(policy=None)),
        ("a dict, delegate", lambda: delegate(policy={})),
    ),
    "senders: must be a dict, {Medium.EMAIL: a sender}": (
        ("a list", lambda: hs(senders=[Outbox()])),
        ("None", lambda: hs(senders=None)),
        ("a sender", lambda: delegate(senders=Outbox())),
    ),
    "senders=Narrow.send(): must take the arguments message": (
        ("fewer arguments", lambda: hs(senders={Medium.EMAIL: Narrow()})),
    ),
    "uia=Narrow.require(): must take the arguments request, caller, body, action": (
        ("fewer arguments", lambda: hs(uia=Narrow())),
    ),
    "listener=AsyncOn.on(): must not be async": (("async", lambda: hs(listener=AsyncOn())),),
    "pages=AsyncOn.render(): must not be async": (("async", lambda: hs(pages=AsyncOn())),),
    "signer=AsyncOn.sign(): must not be async": (("async", lambda: ids(signer=AsyncOn())),),
    "sessions=Sqlite lacks": (("the database", lambda: hs(sessions=Sqlite("slip.db"))),),
    "bindings=SqlLimits lacks": (("another store", lambda: hs(bindings=SqlLimits(Sqlite("slip.db")))),),
    "sessions=SqlSessions is a class": (("a class", lambda: hs(sessions=SqlSessions)),),
    "identity=PinnedHttps lacks": (("what it calls by", lambda: hs(identity=PinnedHttps())),),
    "clock: must be a function that is not async": (
        ("a number", lambda: hs(clock=5)),
        ("async", lambda: hs(clock=AsyncOn().sign)),
    ),
    "clock: must return a whole number of ms": (("seconds", lambda: hs(clock=time.time)),),
    "random_bytes: must be a function that is not async": (("None", lambda: hs(random_bytes=None)),),
    "random_bytes: must return bytes": (("a text", lambda: hs(random_bytes=token_hex)),),
    "serve_v1: must be True or False": (("a text", lambda: ids(serve_v1="no")),),
    "signed_once: must be True or False": (("a text", lambda: ids(signed_once="false")),),
    "policy.sms.countries: no numbers belong to UK (the United Kingdom is GB)": (
        (
            "a region of none",
            lambda: hs(policy=Policy(sms=SmsRules(countries=["SE", "UK"])), senders={Medium.MSISDN: Outbox()}),
        ),
    ),
    "Service: must be given an instance of": (
        ("a class", lambda: Service(any_(Homeserver))),
        ("a policy", lambda: Service(any_(Policy()))),
        ("a service", lambda: Service(any_(Service(hs())))),
        ("None", lambda: Service(any_(None))),
    ),
    "Service: table": (("a text", lambda: Service(hs(), any_("homeserver"))),),
    "Stages: must be given a Homeserver": (
        ("a service", lambda: Stages(any_(Service(hs())))),
        ("an identity server", lambda: Stages(any_(ids()))),
    ),
    "Asgi: must be given a Service": (("its class", lambda: Asgi(any_(Service))),),
    "Asgi: otherwise": (
        ("a text", lambda: Asgi(Service(hs()), any_("app"))),
        ("a service", lambda: Asgi(Service(hs()), any_(Service(hs())))),
    ),
    "Wsgi: otherwise": (("a text", lambda: Wsgi(Service(hs()), any_("app"))),),
    "client_header: must be the name of a header": (
        ("a number", lambda: Asgi(Service(hs()), client_header=any_(5))),
        ("True", lambda: Asgi(Service(hs()), client_header=any_(True))),
        ("a list", lambda: Wsgi(Service(hs()), client_header=any_(["X-Real-IP"]))),
        ("with a colon", lambda: Wsgi(Service(hs()), client_header="X-Real-IP:")),
        ("empty", lambda: ThreepidResource(Service(hs()), client_header="")),
    ),
    "host: must be a host name or an IP address": tuple(
        (repr(name), lambda name=name: smtp(host=name))
        for name in ("smtp://mail.example.org", "mail.example.org:587", "", None, "mail example.org")
    ),
    "tls: must be one of: starttls, implicit, off": (
        ("True", lambda: smtp(tls=True)),
        ("ssl", lambda: smtp(tls="ssl")),
    ),
    "username: must be a string": (("a number", lambda: smtp(username=5, password="x")),),
    "password: must be a string": (("bytes", lambda: smtp(username="x", password=b"x")),),
    "sender: must be a string": (("None", lambda: smtp(sender=None)),),
    "server_name: must be the name of the server": (
        ("None", lambda: smtp(server_name=None)),
        ("a URL", lambda: smtp(server_name="https://example.org")),
    ),
    "context: must be an ssl.SSLContext": (("a bool", lambda: smtp(context=True)),),
    "proxy: must be http://host:port": (("a port", lambda: smtp(proxy=3128)),),
    "offload: must be Threads": (("a number", lambda: smtp(offload=5)),),
    "Sqlite: offload": (("a number", lambda: Sqlite("slip.db", any_(8))),),
    "texts: must be Texts(directory)": (
        ("a path, mail", lambda: smtp(texts="/texts")),
        ("a path, Twilio", lambda: twilio(texts="/texts")),
        ("a path, gateway", lambda: http(texts="/texts")),
    ),
    "texts: must be the path of a folder": (
        ("a number", lambda: Texts(any_(5))),
        ("empty", lambda: Texts("")),
    ),
    "account_sid: must begin with AC": (("None", lambda: twilio(account_sid=None)),),
    "auth_token: must be a string in ASCII": (("bytes", lambda: verify(auth_token=b"x")),),
    "sender: must be a number as '+15005550006'": (("a number", lambda: twilio(sender=46700000000)),),
    "service_sid: must begin with VA": (("None", lambda: verify(service_sid=None)),),
    "channel: must be one of: sms, call, whatsapp": (("mail", lambda: verify(channel="email")),),
    "fetch: must be an object with the method fetch": (
        ("a class", lambda: twilio(fetch=DirectHttp)),
        ("a text", lambda: http(fetch="x")),
        ("none, identity", lambda: HttpIdentityClient(any_("x"))),
    ),
    "signer: must have the method sign()": (("a key", lambda: HttpIdentityClient(PinnedHttps(), any_("key"))),),
    "url: must be an https URL": (
        ("None", lambda: http(url=None)),
        ("the port 0", lambda: http(url="https://sms.example.org:0/")),
    ),
    "template: must be a dict": (
        ("a text", lambda: http(template="to=$number")),
        ("None", lambda: http(template=None)),
        ("a list", lambda: http(template=["$number"])),
    ),
    "headers: must be a dict": (
        ("a text", lambda: http(headers="Authorization: x")),
        ("two lines", lambda: http(headers={"Authorization": "x\ny"})),
        ("a number", lambda: http(headers={"X-Key": 5})),
    ),
    "body: must be one of: json, form": (("xml", lambda: http(body="xml")),),
    "refused_for_ever, denied: must be lists of HTTP statuses": (
        ("a status", lambda: http(refused_for_ever=404)),
        ("texts", lambda: http(refused_for_ever=["404"])),
        ("no status", lambda: http(denied=[9999])),
        ("a text", lambda: http(denied="403")),
    ),
    "answers: must be a list of AnswerRule objects": (("a number", lambda: http(answers=5)),),
    "tls: must be True or False": (("a text", lambda: DirectHttp(tls=any_("off"))),),
    "policy.public_base_url: must be https": (("the port 0", lambda: Policy(public_base_url="https://example.org:0")),),
    "policy.next_link_hosts: must be a list": (
        ("the port 0", lambda: Policy(next_link_hosts=["app.example.org:0"])),
        ("a port above 65535", lambda: Policy(next_link_hosts=["http://app.example.org:99999"])),
        ("an open bracket", lambda: Policy(next_link_hosts=["[::1"])),
    ),
    "policy.identity_servers: must be a list": (("async", lambda: Policy(identity_servers=any_(AsyncOn().sign))),),
    "a limit has a burst of at least 1, a whole number": tuple(
        (f"{burst} {rate}", lambda burst=burst, rate=rate: Limit(burst, rate))
        for burst, rate in (("5", 1), (1.5, 1), (None, 1), (True, 1), (1, float("nan")), (1, float("inf")))
    ),
    "per_hour: must be a whole number": (("a text", lambda: per_hour(any_("20"))),),
    "per_day: must be a whole number": (("none", lambda: per_day(0)),),
    "Sqlite: path must be the path of a file, not a URL": (
        ("sqlite", lambda: Sqlite("sqlite:///slip.db")),
        ("postgresql", lambda: Sqlite("postgresql://db.example.org/threepid")),
    ),
    "Sqlite: path must be a file in a folder that exists": (
        ("no folder", lambda: Sqlite("/does/not/exist/slip.db")),
        ("a folder", lambda: Sqlite(Path(__file__).parent)),
    ),
    "Sqlite: path: must be the path of a file": (("None", lambda: Sqlite(any_(None))),),
    "Sqlite: busy_timeout": (
        ("a text", lambda: Sqlite("slip.db", busy_timeout=any_("1"))),
        ("below 0", lambda: Sqlite("slip.db", busy_timeout=-5)),
    ),
    "Psycopg: connect: must be a function": (("a URL", lambda: Psycopg(any_("postgresql://db.example.org"))),),
    "AsyncPsycopg: connect: must be a function": (("a pool", lambda: AsyncPsycopg(any_(object()))),),
    "Asyncpg: connect: must be a function": (("None", lambda: Asyncpg(any_(None))),),
    "db: must be a database": (
        ("a path", lambda: SqlSessions(any_("slip.db"))),
        ("a class", lambda: SqlSessions(any_(Sqlite))),
        ("None", lambda: SqlLimits(any_(None))),
        ("a connection", lambda: SqlBindings(any_(sqlite3.Connection))),
        ("a path for messages", lambda: SqlMessages(any_("slip.db"))),
        ("a path for suppressions", lambda: SqlSuppressions(any_("slip.db"))),
        ("a path for reversals", lambda: SqlReversals(any_("slip.db"))),
        ("a path for logins", lambda: SqlLogins(any_("slip.db"))),
        ("a path for invitations", lambda: SqlInvitations(any_("slip.db"))),
        ("a path for authentication", lambda: SqlUiaSessions(any_("slip.db"))),
        ("a URL", lambda: SqlAssociations(any_("postgresql://db.example.org"))),
    ),
    "database: must be sqlite:///FILE": (("None", lambda: open_database(any_(None))),),
    "most: must be a whole number": (("a text", lambda: Threads(any_("8"))),),
    "patience: must be a whole number": (("a text", lambda: Threads(8, patience=any_("x"))),),
}
"""What the error begins with, and the slips that raise it."""


@pytest.mark.rule("SEC-136")
def test_a_slip_is_said_when_it_is_made() -> None:
    """What can never work is refused by its constructor, with the name of the argument and the remedy."""
    wrong = [
        f"{begins} ({what}): {said}"
        for begins, slips in SLIPS.items()
        for what, make in slips
        if not (said := _said(make)).startswith(f"ConfigurationError {begins}")
    ]
    assert wrong == []


@pytest.mark.rule("SEC-136")
def test_ports_may_take_more_than_they_are_given(make_world: Callable[..., World]) -> None:
    """Further parameters with defaults, ``*args`` and ``**kwargs`` are no slip."""

    class Wide(FakeUia):
        async def require(self, *given: Any, **named: Any) -> None:
            await super().require(*given, **named)

    class Longer(Outbox):
        async def send(self, message: Any, *, tries: int = 1) -> Any:
            return await super().send(message)

    world = make_world(uia=Wide(), senders={Medium.EMAIL: (outbox := Longer())})
    assert world.ask().status == 200
    assert len(outbox.messages) == 1


def _said(make: Callable[[], object]) -> str:
    try:
        make()
    except Exception as error:
        return f"{type(error).__name__} {error}"
    return "accepted"
