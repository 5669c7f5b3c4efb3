"""``explain``: what it reads, what it tells, and that it changes nothing."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flows.acting import give, token_of
from sms.acting import asked, texting

from matrix_threepid import Limits, Medium, Peppers, run_sync
from matrix_threepid.errors import InvalidParam
from matrix_threepid.events import Explained
from matrix_threepid.model.association import Association
from matrix_threepid.model.invitation import Invitation
from matrix_threepid.model.threepid import Threepid
from matrix_threepid.observing import Cause, SqlAudit, explain
from matrix_threepid.stores import SqlBindings, Sqlite, SqlLimits, SqlSessions, migrate
from matrix_threepid.testing import ALICE, World

from .cases import CASES, MAIL, NUMBER

PAGE = Path(__file__).parents[2] / "docs" / "operations" / "support.md"


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Sqlite]:
    """A database with all tables."""
    with closing(Sqlite(tmp_path / "a.db")) as opened:
        run_sync(migrate(opened))
        yield opened


def dumped(db: Sqlite) -> list[str]:
    """Return everything that a database holds."""
    with closing(sqlite3.connect(db.path)) as beside:
        return list(beside.iterdump())


@pytest.mark.rule("SEC-160")
def test_nothing_is_charged_or_changed(make_world: Callable[..., World], db: Sqlite) -> None:
    """Sessions, limits and bindings are the same afterwards, row by row, and nothing is sent."""

    def make(policy: Any = None, **ports: Any) -> World:
        stores = {"sessions": SqlSessions(db), "limiter": SqlLimits(db), "bindings": SqlBindings(db)}
        return make_world(policy, **{**stores, **ports})

    for name in ("no more mails after many", "a wrong code five times", "SMS pumping", "the identity server was down"):
        world, what = CASES[name].story(make)
        before, sent = dumped(db), (len(world.outbox.messages), len(world.sms.messages))
        for asked_for in (what, ALICE, MAIL, NUMBER):
            run_sync(explain(world.homeserver, asked_for))
        assert dumped(db) == before, name
        assert (len(world.outbox.messages), len(world.sms.messages)) == sent


@pytest.mark.rule("SEC-160")
def test_it_is_written_to_the_audit(world: World, db: Sqlite) -> None:
    """Who looked, and at what, is an event; the audit finds it by the address, and shows it masked."""
    audit = SqlAudit(db, Peppers.of(bytes(32)))
    world.rewire(listener=audit)
    sid = world.ask().json()["sid"]
    for what in (MAIL, sid, ALICE, "unknown"):
        run_sync(explain(world.homeserver, what, actor="shell root"))
    run_sync(audit.write())
    entries = run_sync(audit.list(threepid=Threepid(Medium.EMAIL, MAIL)))
    explained = [each for each in entries if each.event == "Explained"]
    assert sorted(each.details["subject"] for each in explained) == ["address", "session"]
    assert {each.details["actor"] for each in explained} == {"shell root"}
    assert MAIL not in json.dumps([each.details for each in entries])
    assert [each.details["subject"] for each in run_sync(audit.list(user_id=ALICE))] == ["user"]


@pytest.mark.rule("SEC-160")
def test_no_table_for_clients_has_it(world: World) -> None:
    """A request of any kind emits no ``Explained``: there is no endpoint for it."""
    paths = {path for path in world.service.table.paths if "explain" in path}
    assert (paths, world.events.of(Explained)) == (set(), [])


@pytest.mark.rule("SEC-160", "SEC-19")
def test_no_secret_and_no_whole_address_is_told(make_world: Callable[..., World]) -> None:
    """Neither the text nor the JSON has a token, a code, a client secret, or an address that is not masked."""
    world = texting(make_world)
    sid, code = asked(world, secret="s3cr3t-of-the-client")
    mails = make_world()
    mail_sid = mails.ask(secret="s3cr3t-of-the-client").json()["sid"]
    secrets = ["s3cr3t-of-the-client", code, token_of(mails.outbox.last), MAIL, NUMBER.removeprefix("+")]
    for world_of, what in ((world, sid), (world, NUMBER), (mails, mail_sid), (mails, MAIL)):
        found = run_sync(explain(world_of.homeserver, what))
        assert [secret for secret in secrets if secret in found.text + found.json + repr(found)] == []


def test_it_says_when_a_limit_ends(make_world: Callable[..., World]) -> None:
    """At the named time, and not a moment before, the next message is sent."""
    world, what = CASES["no more mails after many"].story(make_world)
    found = run_sync(explain(world.homeserver, what))
    (until,) = {each.until for each in found.now if each.about == "limits"}
    assert until is not None
    world.clock.now = until - 1
    assert world.ask(attempt=20, client="198.51.100.1").status == 429
    world.clock.now = until
    assert world.ask(attempt=20, client="198.51.100.1").status == 200
    before = run_sync(explain(world.homeserver, what, now=until - 1))
    assert (before.at, before.cause_of("limits")) == (until - 1, Cause.LIMIT_REACHED)


def test_earlier_events_are_told(world: World, db: Sqlite) -> None:
    """With the audit, what happened to an address is told also after its sessions are gone."""
    audit = SqlAudit(db, Peppers.of(bytes(32)), clock=world.clock)
    world.rewire(listener=audit)
    world.add(world.prove())
    run_sync(audit.write())
    found = run_sync(explain(world.homeserver, MAIL, audit=audit))
    told = [each.text.split()[0] for each in found.happened if each.about == "audit"]
    assert sorted(told) == ["MessageSent", "ThreepidAdded", "ThreepidValidated"]


def test_a_user_is_told_with_addresses_and_limits(world: World) -> None:
    """The addresses of an account are listed masked, with the sessions that are open and the limits in use."""
    give(world, MAIL, ALICE)
    world.ask("new@example.org", user=ALICE)
    found = run_sync(explain(world.homeserver, ALICE))
    assert "email a***@example.org" in [each.about for each in found.facts]
    assert found.causes == (Cause.HANDED_OVER,)
    assert [each.name for each in found.limits] == ["messages asked for"]


def test_an_identity_server_tells_what_it_publishes() -> None:
    """Of an identity server it tells the user of an address, the invitations that wait, and whether more are wanted."""
    from identity_server.acting import Place
    from identity_server.apis import V2

    place: Any = Place(V2)
    run_sync(place.homeserver.associations.put(Association(Threepid(Medium.EMAIL, MAIL), ALICE, 1_000)))
    found = run_sync(explain(place.homeserver, MAIL))
    assert (found.cause_of("association"), found.cause_of("bind")) == (Cause.BOUND, None)
    guest = Threepid(Medium.EMAIL, "guest@example.org")
    waiting = Invitation("the-token", guest, "!room:example.org", ALICE, "the-key", "hash", 1_000)
    assert run_sync(place.homeserver.invitations.put(waiting, 10))
    run_sync(place.homeserver.invitations.stop(guest, 2_000))
    invited = run_sync(explain(place.homeserver, guest.address))
    assert invited.causes == (Cause.INVITED, Cause.INVITATIONS_STOPPED)
    assert "the-token" not in invited.text + invited.json


@pytest.mark.parametrize("what", ["", "two words", "\0", "@", "a@b", "x" * 300, "+1", "é"])
def test_what_is_nothing_is_refused(world: World, what: str) -> None:
    """A text that is no address, number, sid or user is refused without being repeated."""
    with pytest.raises(InvalidParam) as refused:
        run_sync(explain(world.homeserver, what))
    assert len(what) < 2 or what not in str(refused.value)


def test_the_page_shows_what_is_printed(make_world: Callable[..., World]) -> None:
    """The example of the docs is what ``explain`` prints."""
    world = make_world({"limits": Limits()}, random_bytes=bytes)
    give(world, MAIL, ALICE)
    world.ask("alice@example.com")
    world.clock.advance(90 * 60_000)
    text = run_sync(explain(world.homeserver, "alice@example.com")).text
    assert text in PAGE.read_text("utf-8"), text
