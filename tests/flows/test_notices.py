"""Security notices: an account's other addresses are told what happened to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from matrix_threepid import AccountThreepid, Delegate, Medium, Peppers, Service, run_sync
from matrix_threepid.deactivate import erase_threepids
from matrix_threepid.errors import Unavailable
from matrix_threepid.flows.session_access import link_token
from matrix_threepid.model.message import MessageKind, RefusedForever, RefusedForNow, TokenMessage, Unknown
from matrix_threepid.model.threepid import Threepid
from matrix_threepid.testing import ALICE, World

from .acting import (
    DAY,
    FORM,
    HOUR,
    SUBMIT,
    Crash,
    Wrapped,
    crash,
    deliver,
    dump,
    give,
    proved_for,
    recorded,
    refusal,
    stage,
    submit,
)

HELD, NEW = "held@example.org", "alice@example.org"
NUMBER = AccountThreepid(medium=Medium.MSISDN, address="447700900001", validated_at=1, added_at=2)
LEASE, PAUSE = 30_000, 30_000
MEMBERS = {"medium": "email", "address": NEW}


def added(world: World) -> Any:
    return world.add(world.prove(NEW))


def removed(world: World) -> Any:
    give(world, NEW, ALICE)
    return world.post("/account/3pid/delete", MEMBERS, ALICE)


def reset(world: World) -> Any:
    """Reset a password by the address; return what is answered where no notice is."""
    proof = stage(world, proved_for(world, "password", NEW), "password")
    run_sync(world.stages.consume(proof))
    return None


HAPPENINGS: dict[MessageKind, Callable[[World], Any]] = {
    MessageKind.ADDED: added,
    MessageKind.REMOVED: removed,
    MessageKind.PASSWORD_CHANGED: reset,
}


def notices(world: World) -> list[TokenMessage]:
    """Let a worker send what is due; return all notices sent so far."""
    deliver(world)
    return sent(world)


def sent(world: World) -> list[TokenMessage]:
    return [message for message in world.outbox.messages if message.kind.notice]


def dies(world: World) -> None:
    """Let a worker begin, and die on the way."""
    with pytest.raises(Crash):
        deliver(world)


@pytest.mark.rule("SEC-56")
@pytest.mark.parametrize(("kind", "happen"), HAPPENINGS.items())
def test_the_other_addresses_are_told(world: World, kind: MessageKind, happen: Callable[[World], Any]) -> None:
    """Each other mail address hears what happened, with the address masked and nothing to press."""
    give(world, HELD, ALICE, "Held@example.org")
    happen(world)
    (notice,) = notices(world)
    assert (notice.kind, notice.recipient, notice.account) == (kind, "Held@example.org", ALICE)
    assert (notice.concerns, notice.link, notice.code) == ("a***@example.org", None, None)


@pytest.mark.rule("SEC-56")
@pytest.mark.parametrize("happen", HAPPENINGS.values(), ids=[kind.value for kind in HAPPENINGS])
def test_nobody_else_is_told(world: World, happen: Callable[[World], Any]) -> None:
    """The address it is about, other people's addresses and phone numbers get no notice."""
    give(world, "bob@example.org")
    run_sync(world.accounts.add(ALICE, NUMBER))
    happen(world)
    assert notices(world) == []


@pytest.mark.parametrize("happen", HAPPENINGS.values(), ids=[kind.value for kind in HAPPENINGS])
def test_a_host_may_do_without(make_world: Callable[..., World], happen: Callable[[World], Any]) -> None:
    """With ``notices=False`` nobody is told."""
    world = make_world({"notices": False})
    give(world, HELD, ALICE)
    happen(world)
    assert notices(world) == []


def test_without_a_mail_sender_things_go_on(make_world: Callable[..., World]) -> None:
    """A host that sends no mails tells nobody, and an address goes all the same."""
    world = make_world(senders={})
    give(world, HELD, ALICE)
    assert removed(world).status == 200
    assert world.threepids() == [HELD]


@pytest.mark.rule("SEC-56")
@pytest.mark.parametrize("outcome", [RefusedForever("no"), RefusedForNow("later"), Unknown("lost")], ids=repr)
def test_a_failure_changes_nothing(world: World, outcome: Any) -> None:
    """What becomes of a notice changes neither the answer nor the account."""
    give(world, HELD, ALICE)
    world.outbox.outcomes = [outcome]
    assert removed(world).status == 200
    assert (world.threepids(), len(notices(world))) == ([HELD], 1)


def test_what_did_not_happen_is_not_told(world: World) -> None:
    """Deleting what is not there, and asking for an address, tell nobody."""
    give(world, HELD, ALICE)
    world.ask(NEW)
    assert world.post("/account/3pid/delete", MEMBERS, ALICE).status == 200
    assert (
        refusal(world.post("/account/3pid", {"three_pid_creds": {"sid": "x", "client_secret": "x"}}, ALICE))[0] == 403
    )
    assert notices(world) == []


@pytest.mark.rule("SEC-56")
def test_an_address_gets_twenty_notices_a_day(world: World) -> None:
    """Who changes an account again and again cannot flood its other addresses; an address on it hears again later."""
    give(world, HELD, ALICE)
    for _ in range(25):
        removed(world)
        deliver(world)
    assert len(sent(world)) == 20
    world.clock.advance(DAY)
    removed(world)
    assert len(notices(world)) == 21


@pytest.mark.rule("SEC-56")
def test_five_addresses_are_told_at_most(world: World) -> None:
    """An account with many addresses costs no more than five mails."""
    for number in range(7):
        give(world, f"held{number}@example.org", ALICE)
    removed(world)
    assert {notice.recipient for notice in notices(world)} == {f"held{number}@example.org" for number in range(5)}
    assert len(sent(world)) == 5


@pytest.mark.rule("SEC-56", "SEC-28")
@pytest.mark.parametrize("happen", HAPPENINGS.values(), ids=[kind.value for kind in HAPPENINGS])
def test_a_request_waits_for_no_notice(world: World, happen: Callable[[World], Any]) -> None:
    """What happened is answered before anybody is told of it."""
    give(world, HELD, ALICE)
    happen(world)
    assert (sent(world), len(notices(world))) == ([], 1)


@pytest.mark.rule("SEC-56")
def test_all_notices_cost_a_request_one_write(make_world: Callable[..., World]) -> None:
    """However many addresses are told, a removal asks for what waits and for the account's list, and writes once."""
    calls = {}
    for told in (False, True):
        world = make_world({"notices": told})
        for number in range(5):
            give(world, f"held{number}@example.org", ALICE)
        trace = recorded(world)
        removed(world)
        calls[told] = trace
    who, *rest = calls[False]
    assert calls[True] == [who, "sessions.of_owner", *rest, "accounts.list", "sessions.open"]


def test_an_account_with_one_address_costs_no_write(world: World) -> None:
    """Where nobody is to be told, nothing is written down."""
    trace = recorded(world)
    removed(world)
    assert (trace.count("sessions.open"), dump(world)) == (0, [])


def test_without_the_store_a_change_stays(world: World) -> None:
    """A store that cannot take the notice any more changes neither the answer nor the account."""

    async def fail(method: str) -> None:
        if method == "open":
            raise Unavailable

    give(world, HELD, ALICE)
    world.rewire(sessions=Wrapped(world.homeserver.sessions, fail))
    assert removed(world).status == 200
    assert world.threepids() == [HELD]


@pytest.mark.rule("SEC-56")
def test_removing_an_address_silences_no_notice(world: World) -> None:
    """Whoever adds an address and removes the owner's before the job runs hides nothing: the owner is told."""
    give(world, HELD, ALICE)
    assert added(world).status == 200
    assert world.post("/account/3pid/delete", {"medium": "email", "address": HELD}, ALICE).status == 200
    told = [(notice.recipient, notice.kind) for notice in notices(world)]
    assert (HELD, MessageKind.ADDED) in told


@pytest.mark.rule("SEC-56")
def test_an_address_of_another_account_is_not_told(world: World) -> None:
    """A notice that waits for an address is dropped once the address is on another account."""
    give(world, HELD, ALICE)
    world.outbox.outcomes = [RefusedForNow("busy")]
    removed(world)
    deliver(world)
    run_sync(world.accounts.remove(ALICE, Threepid(Medium.EMAIL, HELD)))
    give(world, HELD, "@bob:example.org")
    world.clock.advance(PAUSE)
    assert len(notices(world)) == 1  # that which was refused


@pytest.mark.rule("SEC-56", "SEC-34")
def test_a_notice_survives_a_crash(world: World) -> None:
    """A worker that dies leaves its notice to the next one, and what was sent before is not sent again."""
    for number in range(3):
        give(world, f"held{number}@example.org", ALICE)
    removed(world)
    turns = iter([None, crash()])

    async def second_dies() -> None:
        if (end := next(turns, None)) is not None:
            await end

    world.outbox.before = second_dies
    dies(world)
    world.clock.advance(LEASE)
    assert sorted(notice.recipient for notice in notices(world)) == [f"held{number}@example.org" for number in range(3)]


@pytest.mark.rule("SEC-56")
@pytest.mark.parametrize("gone", [NUMBER.threepid, Threepid(Medium.EMAIL, NEW)], ids=lambda gone: gone.medium.value)
def test_a_crash_before_notices_are_addressed_loses_none(world: World, gone: Threepid) -> None:
    """Wherever a worker dies while it looks for the recipients, each is told once in the end."""
    addresses = [HELD, "second@example.org"]
    for point in range(5):
        for address in addresses:
            give(world, address, ALICE)
        run_sync(world.accounts.add(ALICE, NUMBER))
        give(world, NEW, ALICE)
        world.post("/account/3pid/delete", {"medium": gone.medium.value, "address": gone.address}, ALICE)
        told = [*addresses, *([NEW] if gone.medium is Medium.MSISDN else [])]
        calls = iter(range(100))

        async def at_the_point(_: str, point: int = point, calls: Any = calls) -> None:
            if next(calls) == point:
                raise Crash

        homeserver = world.homeserver
        world.rewire(limiter=Wrapped(homeserver.limiter, at_the_point), accounts=Wrapped(world.accounts, at_the_point))
        with pytest.raises(Crash):
            deliver(world)
        world.rewire(limiter=homeserver.limiter, accounts=world.accounts)
        world.clock.advance(LEASE)
        assert sorted(notice.recipient for notice in notices(world)) == sorted(told), point
        assert {notice.concerns for notice in sent(world)} == {
            "a***@example.org" if gone.address == NEW else "44*******001"
        }
        world.outbox.messages.clear()


def test_an_outage_of_the_mail_server_delays_notices(world: World) -> None:
    """A notice refused for now goes out once the server takes it, up to a day later; refused for good, never."""
    give(world, HELD, ALICE)
    removed(world)
    world.outbox.outcomes = [RefusedForNow("busy"), RefusedForNow("busy", HOUR), RefusedForever("no")]
    assert len(notices(world)) == 1
    for pause, tried in ((PAUSE - 1, 1), (1, 2), (PAUSE, 2), (HOUR, 3), (HOUR, 3)):
        world.clock.advance(pause)
        assert len(notices(world)) == tried
    removed(world)
    world.clock.advance(DAY)
    assert len(notices(world)) == 3


@pytest.mark.rule("SEC-56")
def test_a_notice_cannot_be_validated(world: World) -> None:
    """The sessions that carry notices prove nothing, whatever is known of them."""
    give(world, HELD, ALICE)
    removed(world)
    deliver(world)
    for session in dump(world):
        token = link_token(world.homeserver, session)
        link = f"sid={session.sid}&token={token}"
        assert world.call("GET", SUBMIT, query=link).status == 400
        assert world.call("POST", SUBMIT, link.encode(), headers=FORM).status == 400
        assert refusal(submit(world, session.sid, token)) == (404, "M_NO_VALID_SESSION")
    assert [session.validated_at for session in dump(world)] == [None, None]


def test_notices_are_erased_with_their_user(world: World) -> None:
    """Nothing is left of the notices of a user who was erased, sent or not."""
    give(world, HELD, ALICE)
    removed(world)
    deliver(world)
    removed(world)
    run_sync(erase_threepids(world.homeserver, ALICE))
    assert dump(world) == []
    assert len(notices(world)) == 1


@pytest.mark.parametrize("addressed", [False, True])
def test_a_restored_backup_sends_no_notices(world: World, addressed: bool) -> None:
    """Under a fresh pepper the notices that waited in a backup are dropped."""
    give(world, HELD, ALICE)
    removed(world)
    if addressed:
        world.outbox.outcomes = [RefusedForNow("busy")]
        deliver(world)
        world.outbox.messages.clear()
        world.clock.advance(PAUSE)
    world.rewire(peppers=Peppers.of(b"another pepper, of 32 bytes or more"))
    assert notices(world) == []
    world.clock.advance(LEASE)
    assert deliver(world) == 0


def test_a_role_without_accounts_leaves_notices_to_the_homeserver(world: World) -> None:
    """Of roles that share a session store, the one that knows the account finds out who is to be told."""
    give(world, HELD, ALICE)
    removed(world)
    hs = world.homeserver
    other = Delegate(server_name="other", peppers=hs.peppers, sessions=hs.sessions, clock=world.clock)
    assert run_sync(Service(other).deliver_due(1)) == 1
    assert notices(world) == []
    world.clock.advance(LEASE)
    assert len(notices(world)) == 1
