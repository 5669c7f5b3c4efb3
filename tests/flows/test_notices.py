"""Security notices: an account's other addresses are told what happened to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from matrix_threepid import AccountThreepid, Medium, run_sync
from matrix_threepid.model.message import MessageKind, RefusedForever, RefusedForNow, TokenMessage, Unknown
from matrix_threepid.testing import ALICE, World

from .acting import DAY, give, proved_for, refusal, stage

HELD, NEW = "held@example.org", "alice@example.org"
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
    return [message for message in world.outbox.messages if message.kind.notice]


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
    number = AccountThreepid(medium=Medium.MSISDN, address="447700900001", validated_at=1, added_at=2)
    run_sync(world.accounts.add(ALICE, number))
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
    assert len(notices(world)) == 20
    world.clock.advance(DAY)
    removed(world)
    assert len(notices(world)) == 21


@pytest.mark.rule("SEC-56")
def test_five_addresses_are_told_at_most(world: World) -> None:
    """An account with many addresses costs no more than five mails."""
    for number in range(7):
        give(world, f"held{number}@example.org", ALICE)
    removed(world)
    assert [notice.recipient for notice in notices(world)] == [f"held{number}@example.org" for number in range(5)]


def test_notices_take_five_seconds_together(world: World) -> None:
    """A slow mail server holds an answer up for a limited time, however many addresses there are."""

    async def slow() -> None:
        world.clock.advance(3000)

    for number in range(4):
        give(world, f"held{number}@example.org", ALICE)
    world.outbox.before = slow
    removed(world)
    assert [notice.deadline for notice in notices(world)] == [5000, 2000]
