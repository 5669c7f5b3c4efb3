"""Every statement the stores have."""

from __future__ import annotations

from typing import Any

from matrix_threepid import Medium, Purpose, Threepid, run_sync
from matrix_threepid.model.association import Association
from matrix_threepid.model.delivery import DeliveryEvent, DeliveryStatus, new_message_id
from matrix_threepid.model.invitation import Invitation
from matrix_threepid.model.login import Login
from matrix_threepid.model.lookup import LookupPepper
from matrix_threepid.model.message import MessageKind
from matrix_threepid.model.onbind import Onbind
from matrix_threepid.model.outbound import OutboundMessage
from matrix_threepid.model.reversal import Reversal
from matrix_threepid.model.session import Session
from matrix_threepid.model.suppression import Suppression
from matrix_threepid.policy import Limit
from matrix_threepid.ports import Charge
from matrix_threepid.stores.sql import (
    Database,
    SqlAssociations,
    SqlBindings,
    SqlInvitations,
    SqlLimits,
    SqlLogins,
    SqlMessages,
    SqlReversals,
    SqlSessions,
    SqlSuppressions,
)
from matrix_threepid.testing.contracts.values import NOW, binding, session
from tests.bench.plans import Recording


def everything_stores_do(db: Database) -> dict[str, tuple[Any, ...]]:
    """Use every method of the stores, in every way that has statements of its own; return the statements."""
    recording = Recording(db)
    run_sync(_use_sessions(SqlSessions(recording)))
    run_sync(_use_limits(SqlLimits(recording)))
    run_sync(_use_bindings(SqlBindings(recording)))
    run_sync(_use_reversals(SqlReversals(recording)))
    run_sync(_use_messages(SqlMessages(recording)))
    run_sync(_use_suppressions(SqlSuppressions(recording)))
    run_sync(_use_associations(SqlAssociations(recording)))
    run_sync(_use_logins(SqlLogins(recording)))
    run_sync(_use_invitations(SqlInvitations(recording)))
    return recording.statements


async def _use_sessions(store: SqlSessions) -> None:
    opened: Session = await store.open(session("a", owner="@alice:x", due_at=NOW))
    await store.open(session("b", slot=opened.slot))
    await store.get("a")
    await store.find("slot-a")
    await store.replace(opened.guessed())
    await store.lease_due(NOW, NOW + 1, Medium.EMAIL)
    await store.of_owner("@alice:x")
    await store.of_threepid(Threepid(Medium.EMAIL, "alice@example.org"), Purpose.ADD)
    await store.erase("@alice:x", [opened.threepid])
    await store.purge(NOW, 10)


async def _use_limits(limiter: SqlLimits) -> None:
    for now in (NOW, NOW, NOW - 10**9):
        await limiter.charge([Charge("k", Limit(1, 1))], now)
    await limiter.charge([Charge(key, Limit(5, 1)) for key in "klm"], NOW)
    await limiter.give_back([Charge("k", Limit(1, 1))], NOW)
    await limiter.used([Charge("k", Limit(1, 1)), Charge("l", Limit(5, 1))], NOW)
    await limiter.forget(["k"])
    await limiter.purge(NOW, 10)


async def _use_bindings(store: SqlBindings) -> None:
    wanted = binding("a")
    await store.insert(wanted)
    await store.get("a")
    await store.replace(wanted.unwanted(NOW, NOW))
    await store.forget(wanted)
    await store.of_user("@alice:x")
    await store.lease_due(NOW, NOW + 1, ())
    await store.lease_due(NOW, NOW + 1, ("@alice:x",))
    await store.given_up(NOW, 10)
    await store.purge(NOW, 10)


async def _use_reversals(store: SqlReversals) -> None:
    begun = Reversal.begun("@alice:x", "an id", "pepperid", (), NOW)
    await store.insert(begun)
    await store.of_user("@alice:x")
    await store.get("an id")
    await store.replace(begun.unlocked(NOW))
    await store.purge(NOW, 10)
    await store.forget("@alice:x")


async def _use_messages(store: SqlMessages) -> None:
    written = OutboundMessage(
        id=new_message_id(b"m" * 16),
        sid="a",
        user_id="@alice:x",
        medium=Medium.EMAIL,
        kind=MessageKind.TOKEN,
        purpose=Purpose.ADD,
        address_key="address:a",
        provider="smtp",
        written_at=NOW,
        expires_at=0,
    )
    await store.write(written)
    event = DeliveryEvent(message_id=written.id, status=DeliveryStatus.HANDED_OVER, at=NOW, provider="smtp")
    sessions = SqlSessions(store.database)
    opened = await sessions.writing(lambda _: written).open(session("m"))
    await sessions.telling(event).replace(opened.guessed())
    await sessions.telling(event).replace_giving_back(opened.guessed().guessed(), [])
    await store.record(DeliveryEvent(message_id=written.id, status=DeliveryStatus.DELIVERED, at=NOW, provider="smtp"))
    await store.get(written.id)
    await store.of_session("a")
    await store.of_address(["address:a", "address:b"])
    await store.purge(NOW, 10)
    await store.counts(NOW)
    await store.erase("@alice:x", ["address:a"])


async def _use_suppressions(store: SqlSuppressions) -> None:
    failed = Suppression(key="address:a").with_failure(NOW - 1, NOW, "5.1.1")
    await store.put(failed)
    await store.put(failed.with_complaint(NOW))
    await store.of_address(["address:a", "address:b"])
    await store.listed("", 10)
    await store.lift(["address:a", "address:b"])
    await store.purge(NOW, 10)


async def _use_associations(store: SqlAssociations) -> None:
    published = Association(Threepid(Medium.EMAIL, "alice@example.org"), "@alice:x", NOW)
    await store.put(published)
    await store.get(published.threepid)
    await store.get_many([published.threepid])
    known = await store.peppers()
    for number in range(known[0].number + 1 if known else 1, known[0].number + 3 if known else 3):
        await store.add_pepper(LookupPepper(number, f"pepper{number}", NOW, ready=False))
        while await store.rehash(1000):
            pass
        await store.put(published)
        await store.look_up(number, ["a" * 43])
    await store.peppers()
    await store.remove(published.threepid, "@alice:x")


async def _use_logins(store: SqlLogins) -> None:
    await store.put(Login("a", "@alice:x", NOW), 3)
    await store.find(["a"])
    await store.accept("@alice:x", ["privacy 1"], NOW)
    await store.accepted("@alice:x")
    await store.end(["a", "b"])
    await store.purge(NOW, 10)


async def _use_invitations(store: SqlInvitations) -> None:
    mail = Threepid(Medium.EMAIL, "a@example.org")
    for number in range(2):  # one finds no room
        await store.put(Invitation(f"t{number}", mail, "!r:x", "@a:x", "key", "hash", NOW), 1)
    await store.get("t0")
    await store.has_key("key")
    await store.stop(mail, NOW)
    await store.is_stopped(mail)
    await store.waiting(mail)
    await store.deliver(["t0"], NOW)
    await store.remove("t0")
    await store.announce(Onbind.of(mail, "@a:x", NOW, NOW), 9)
    row = await store.lease_due(NOW, NOW + 5, ("y",))
    if row is not None:
        await store.replace(row.lease(NOW))
        await store.forget(row)
    await store.lease_due(0, NOW + 5, ())
    await store.purge(NOW, 10)
