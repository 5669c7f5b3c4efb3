"""``python -m matrix_threepid check MODULE:NAME``: what it says of a host's wiring."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from attrs import evolve
from smtp.sink import free_port, sink

from matrix_threepid import Medium, Peppers, Policy, Service
from matrix_threepid.__main__ import main
from matrix_threepid.endpoints import DELEGATE, HOMESERVER, IDENTITY_SERVER
from matrix_threepid.hosts.asgi import Asgi
from matrix_threepid.identity.signing import NamedSigner, new_signing_key
from matrix_threepid.policy import SmsRules
from matrix_threepid.protocol.endpoint import Table
from matrix_threepid.roles.base import Role
from matrix_threepid.roles.homeserver import Homeserver
from matrix_threepid.roles.identity_server import Delegate, IdentityServer
from matrix_threepid.senders import Fallback, HttpSender
from matrix_threepid.senders.console import ConsoleSender
from matrix_threepid.senders.smtp.sender import SmtpSender
from matrix_threepid.stores.sql import SqlBindings, SqlLimits, SqlSessions
from matrix_threepid.stores.sqlite import Sqlite
from matrix_threepid.testing import (
    Events,
    FakeAccounts,
    FakeCallers,
    FakeGate,
    FakeIdentityServers,
    FakeUia,
    Outbox,
    Rules,
)

from .running import PASSWORD, ran

PEPPER = PASSWORD.encode().ljust(32, b"!")
BASE = "https://matrix.example.org"
ALL = Policy(public_base_url=BASE, sms=SmsRules(countries=["GB", "IE"]))
Checked = Callable[..., tuple[int, str, str]]


def homeserver(**ports: Any) -> Homeserver:
    """Return a homeserver that can send mails, as little wired as that takes."""
    usual = {
        "server_name": "example.org",
        "accounts": FakeAccounts(),
        "callers": FakeCallers(),
        "uia": FakeUia(),
        "peppers": Peppers.of(PEPPER),
        "policy": Policy(public_base_url=BASE),
        "senders": {Medium.EMAIL: Outbox()},
    }
    return Homeserver(**{**usual, **ports})


def identity_server(**choices: Any) -> IdentityServer:
    """Return an identity server that can send mails."""
    return IdentityServer(
        server_name="i",
        peppers=Peppers.of(PEPPER),
        policy=Policy(public_base_url=BASE),
        senders={Medium.EMAIL: Outbox()},
        callers=FakeCallers(),
        signer=NamedSigner("i", new_signing_key("0")),
        **choices,
    )


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Checked:
    """Return what checks an object as ``the_host:it``; gives exit code, standard output and standard error."""

    def check(it: object, *arguments: str) -> tuple[int, str, str]:
        module = ModuleType("the_host")
        module.it = it  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "the_host", module)
        code = main(["check", "the_host:it", *arguments])
        said = capsys.readouterr()
        assert PASSWORD not in said.out + said.err
        return code, said.out, said.err

    return check


NETWORK_SHARE = (
    "policy.sms.network_share: holds where requests show a public client address; "
    "it is off for private and missing ones, such as that of a proxy that is not configured"
)


def part(shown: str, heading: str) -> list[str]:
    """Return the lines under a heading."""
    found = [block for block in shown.split("\n\n") if block.startswith(f"{heading}:\n")]
    return [line.strip() for block in found for line in block.splitlines()[1:]]


def test_what_is_wired_is_said_first(checked: Checked) -> None:
    """Role, peppers, links and senders head the report; SMS with their countries and budgets."""
    role = homeserver(policy=ALL, senders={medium: Outbox() for medium in Medium}, peppers=Peppers.of(PEPPER, PEPPER))
    code, shown, _ = checked(role)
    assert code == 0
    assert shown.split("\n\n")[0].splitlines() == [
        "role: Homeserver of example.org",
        "peppers: 2 are live: drop the older one in a day",
        "links: https://matrix.example.org",
        "email: by Outbox",
        "msisdn: by Outbox, to GB, IE; 200 an hour, 1000 a day, 500 a day to each",
        NETWORK_SHARE,
    ]


@pytest.mark.parametrize(
    ("server", "site", "said"),
    [
        ("a.org", None, []),
        ("example.org", "m.org", ["el, so the server's name is left out"]),
        ("matrix.example.org", "", ["el, so the server's name and the warning are left out"]),
        (
            "matrix.example.org",
            f"{'m' * 80}.org",
            [
                "de, en, ro, so the server's name and the warning are left out",
                "el, so only the code and its last line are sent",
            ],
        ),
        ("example.org", f"{'m' * 160}.org", ["de, el, en, ro, so only the code is sent"]),
    ],
)
def test_languages_whose_sms_is_shortened_are_named(
    checked: Checked, server: str, site: str | None, said: list[str]
) -> None:
    """Languages in which this host's names make an SMS too long are named, with what is left out."""
    sms = HttpSender("https://sms.example.org/send", {"to": "$number", "text": "$text"})
    policy = evolve(ALL, languages=["en", "de", "el", "ro"], code_host=site)
    role = homeserver(
        server_name=server, policy=policy, senders={Medium.EMAIL: Outbox(), Medium.MSISDN: Fallback(sms, sms)}
    )
    _, shown, _ = checked(role)
    lines = [line for line in shown.splitlines() if line.startswith("msisdn: two SMS")]
    assert lines == [f"msisdn: two SMS would be needed in {each}" for each in said]


@pytest.mark.parametrize(
    "shape", [lambda role: role, Service, lambda role: lambda: role, lambda role: lambda: Service(role)]
)
def test_a_host_may_be_given_in_any_shape(checked: Checked, shape: Callable[[Role], object]) -> None:
    """A role, a service, or a callable that returns one of them: the report is the same."""
    role = homeserver()
    assert checked(shape(role)) == checked(role)


def test_a_role_of_the_hosts_own_class_is_taken(checked: Checked) -> None:
    """A subclass has the endpoints of what it extends."""

    class Ours(Homeserver):
        pass

    ours = Ours(
        **{name: getattr(homeserver(), name) for name in ("server_name", "accounts", "callers", "uia", "peppers")}
    )
    code, shown, _ = checked(ours)
    assert (code, shown.splitlines()[0]) == (1, "role: Ours of example.org")
    assert "POST /account/3pid/bind: no identity-server client is wired (identity=)" in part(shown, "off")


@pytest.mark.parametrize(
    ("role", "table"),
    [
        (homeserver(), HOMESERVER),
        (
            Delegate(server_name="d", peppers=Peppers.of(PEPPER), policy=ALL, senders={Medium.MSISDN: Outbox()}),
            DELEGATE,
        ),
        (
            identity_server(),
            IDENTITY_SERVER,
        ),
    ],
    ids=["homeserver", "delegate", "identity server"],
)
def test_every_endpoint_that_is_off_is_named_with_its_reason(checked: Checked, role: Role, table: Table) -> None:
    """What ``Service.off`` knows is told, for every role; what somebody left out on purpose is not wrong."""
    code, shown, _ = checked(role)
    off, told = Service(role, table).off, part(shown, "off")
    assert (code, bool(off)) == (0, True)
    for declared in table.endpoints:
        name = f"{declared.method} {declared.path}"
        assert declared.name not in off or name in told or f"{name}: {off[declared.name]}" in told
    assert not [reason for reason in off.values() if reason not in shown]


@pytest.mark.parametrize(
    ("ports", "said"),
    [
        ({"policy": Policy()}, "email: has a sender, but policy.public_base_url is not set"),
        (
            {"senders": {medium: Outbox() for medium in Medium}},
            "msisdn: has a sender, but policy.sms.countries names none",
        ),
        ({"senders": {}}, "senders: there is none, so no address can be validated"),
    ],
)
def test_what_is_half_wired_is_wrong(checked: Checked, ports: dict[str, Any], said: str) -> None:
    """A sender nothing can be sent with, and no sender at all, end with code 1."""
    code, shown, _ = checked(homeserver(**ports))
    assert (code, part(shown, "wrong")) == (1, [said])


def test_what_a_restart_would_lose_is_named(checked: Checked) -> None:
    """Stores in memory and mails on the terminal are no failure, except with ``--strict``."""
    role = homeserver(senders={Medium.EMAIL: ConsoleSender()})
    code, shown, _ = checked(role)
    assert part(shown, "not for production") == [
        "email: everyone who reads the terminal can confirm any address",
        "in memory: lost at a restart, not shared between processes:",
        *("sessions", "limiter", "bindings"),
    ]
    assert (code, checked(role, "--strict")) == (0, (1, shown, ""))


def test_a_host_with_all_its_ports_passes_the_strict_check(checked: Checked, tmp_path: Path) -> None:
    """With stores in a database and a listener of its own nothing is left to say of ports."""
    db = Sqlite(tmp_path / "host.db")
    ports = {
        "sessions": SqlSessions(db),
        "limiter": SqlLimits(db),
        "bindings": SqlBindings(db),
        "identity": FakeIdentityServers(),
    }
    code, shown, _ = checked(homeserver(**ports, rules=Rules(), gate=FakeGate(), listener=Events()), "--strict")
    db.close()
    assert (code, part(shown, "not for production"), part(shown, "left at a default that does nothing")) == (0, [], [])


def test_defaults_that_do_nothing_are_named(checked: Checked) -> None:
    """Nobody listens, everything is allowed, nothing is published: that is said of each port."""
    assert part(checked(homeserver())[1], "left at a default that does nothing") == [
        "rules: every address is allowed",
        "gate: whoever is within the limits gets messages sent",
        "listener: events and alarms are only logged",
        "identity: addresses are neither bound nor unbound at identity servers",
    ]


def test_choices_are_compared_with_the_defaults(checked: Checked) -> None:
    """Every choice that somebody made is named with what it would be otherwise, those within others too."""
    policy = Policy(public_base_url=BASE, legacy_add="off", sms=SmsRules(per_number=(), conversion=None))
    assert part(checked(homeserver(policy=policy))[1], "chosen other than the default") == [
        "legacy_add: 'off', in place of 'allow'",
        "sms.per_number: [], in place of [3 at once, then one every 300 s]",
        "sms.conversion: None",
    ]


def test_the_defaults_are_those_of_the_role(checked: Checked) -> None:
    """What a delegate always does is no choice of anybody's."""
    role = Delegate(server_name="d", peppers=Peppers.of(PEPPER), policy=ALL, senders={Medium.MSISDN: Outbox()})
    assert part(checked(role)[1], "chosen other than the default") == []


def test_stricter_choices_are_named(checked: Checked) -> None:
    """Where the hardened policy is stricter, its choice is named; a policy beyond it hears of nothing."""
    stricter = "could be stricter (Policy.hardened())"
    named = {line.partition(":")[0] for line in part(checked(homeserver())[1], stricter)}
    assert {"legacy_add", "hide_known_addresses", "deferred_sending", "next_link_hosts", "code_digits"} <= named
    beyond = Policy.hardened(public_base_url=BASE, legacy_add="off", code_digits=10, deferred_sending=False)
    _, shown, _ = checked(homeserver(policy=beyond))
    assert part(shown, stricter) == []
    assert "sending: after the answer: run the jobs of the service (Service.jobs)\n" in shown


def test_what_a_stolen_token_can_do_is_said(checked: Checked) -> None:
    """Where the old endpoint asks for no password, the report says what somebody with a stolen token can do there."""
    said = "with a stolen access token alone, an attacker can add an address of their own to the account"
    assert said in checked(homeserver())[1]
    for legacy_add in ("uia", "off"):
        policy = Policy(public_base_url=BASE, legacy_add=legacy_add)
        assert said not in checked(homeserver(policy=policy))[1]


def test_what_version_1_lets_anybody_do_is_said(checked: Checked) -> None:
    """Of an identity server that serves v1 the report says what anybody can do there without a token."""
    said = "serve_v1: True, in place of False: without a token"
    assert [said in checked(identity_server(serve_v1=on))[1] for on in (True, False)] == [True, False]


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_the_mail_server_is_asked_when_that_is_wanted(checked: Checked, loop: str) -> None:
    """``--online`` connects and sends nothing; what is wrong there counts."""
    with sink() as mails:
        sender = SmtpSender("127.0.0.1", mails.port, tls="off", sender="a@example.org", server_name="example.org")
        role = homeserver(senders={Medium.EMAIL: sender, Medium.MSISDN: Outbox()}, policy=ALL)
        code, shown, _ = checked(role, "--online", "--loop", loop)
    assert (code, mails.mails) == (0, [])
    assert "online: the sender for email can be used\nonline: the sender for msisdn has no check\n" in shown
    code, shown, _ = checked(role, "--online", "--loop", loop)
    assert (code, part(shown, "wrong")) == (1, ["email, online: Connection refused"])


def test_a_check_that_raises_is_wrong(checked: Checked) -> None:
    """What a sender of the host's own raises is told by its kind: its text may hold a password."""

    class Odd(Outbox):
        async def check(self) -> str | None:
            raise LookupError(PASSWORD)

    code, shown, _ = checked(homeserver(senders={Medium.EMAIL: Odd()}), "--online")
    assert (code, part(shown, "wrong")) == (1, ["email, online: its check raised LookupError under asyncio"])


def test_machines_get_json(checked: Checked) -> None:
    """``--json`` says the same, one object a finding."""
    code, shown, _ = checked(homeserver(senders={}), "--json")
    found = json.loads(shown)
    assert code == 1
    assert {"kind": "fact", "about": "role", "text": "Homeserver of example.org"} in found
    assert {"kind": "wrong", "about": "senders", "text": "there is none, so no address can be validated"} in found


def failing() -> object:
    raise KeyError(PASSWORD)


@pytest.mark.parametrize(
    ("it", "said"),
    [
        (7, "the_host:it: gives int, and no Role or Service"),
        (Asgi(Service(homeserver())), "the_host:it: Asgi takes arguments; name a Role, a Service or what returns one"),
        (failing, "the_host:it: KeyError in test_check_host.py, line "),
        (lambda: homeserver(senders={"email": Outbox()}), "the_host:it: senders: keys must be Medium members"),
        (lambda: sys.exit(3), "the_host:it: SystemExit in test_check_host.py, line "),
    ],
)
def test_what_cannot_be_built_is_said_in_one_line(checked: Checked, it: object, said: str) -> None:
    """Code 2 and one line, with the error of the wiring, or kind and place of another."""
    code, shown, told = checked(it)
    assert (code, shown, told.count("\n")) == (2, "", 1)
    assert told.startswith(f"check: {said}")


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("nowhere_at_all:it", "No module named 'nowhere_at_all'"),
        ("json:nothing", "module 'json' has no attribute 'nothing'"),
        ("json", "must be MODULE:NAME"),
        (":it", "must be MODULE:NAME"),
    ],
)
def test_what_cannot_be_found_is_said_in_one_line(spec: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Code 2 and one line, with what is not there."""
    assert main(["check", spec]) == 2
    assert capsys.readouterr().err == f"check: {spec}: {said}\n"


@pytest.mark.parametrize("arguments", [[], ["a:b", "--config", "c"]])
def test_one_thing_is_checked(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Neither or both of a host and a file is a misuse."""
    with pytest.raises(SystemExit, match="2"):
        main(["check", *arguments])
    assert "give either MODULE:NAME or --config FILE" in capsys.readouterr().err


def test_a_process_finds_the_host_where_it_is_run(tmp_path: Path) -> None:
    """The module is looked for in the folder the command is run in."""
    source = f"""
from matrix_threepid import Medium, Peppers, Policy
from matrix_threepid.roles.identity_server import Delegate
from matrix_threepid.senders.smtp.sender import SmtpSender

def delegate():
    mail = SmtpSender("127.0.0.1", {free_port()}, tls="off", sender="a@example.org", server_name="d")
    return Delegate(
        server_name="d", peppers=Peppers.of({PEPPER!r}), policy=Policy(public_base_url={BASE!r}),
        senders={{Medium.EMAIL: mail}},
    )
"""
    (tmp_path / "my_own_host.py").write_text(source)
    done = ran("check", "my_own_host:delegate", where=tmp_path)
    assert (done.returncode, done.stderr, done.stdout.splitlines()[0]) == (0, "", "role: Delegate of d")
    assert ran("check", "my_own_host:delegate", "--online", where=tmp_path).returncode == 1
