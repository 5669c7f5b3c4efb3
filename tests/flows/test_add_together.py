"""Adding when others add too, and when the process dies in between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from matrix_threepid import AccountThreepid, AddOutcome, Response
from matrix_threepid.events import ThreepidAdded
from matrix_threepid.testing import ALICE, BOB, FakeAccounts, World

from .acting import ADD, AUTH_FAILED, MINUTE, Crash, finished, refusal
from .together import LOOPS, Turns, merges, waiting


@pytest.mark.rule("REQ-ADD-4", "SEC-5")
def test_an_address_never_moves(world: World) -> None:
    """Of two users with a proof of one address the first to add keeps it; the other is told it is in use."""
    first, second = world.prove(user=ALICE), world.prove("ALICE@example.org", user=BOB)
    assert world.add(first, user=ALICE).status == 200
    assert refusal(world.add(second, user=BOB)) == (400, "M_THREEPID_IN_USE")
    assert (world.threepids(ALICE), world.threepids(BOB)) == (["alice@example.org"], [])


def test_what_was_in_use_can_be_added_when_it_is_free(world: World) -> None:
    """A refusal because of another owner does not use the proof up."""
    first, second = world.prove(user=ALICE), world.prove(user=BOB)
    world.add(first, user=ALICE)
    world.add(second, user=BOB)
    world.post("/account/3pid/delete", {"medium": "email", "address": "alice@example.org"}, ALICE)
    assert world.add(second, user=BOB).status == 200


@pytest.mark.rule("REQ-ADD-4")
def test_adding_what_one_has_is_a_success(world: World) -> None:
    """A second proof of one's own address answers 200 and leaves ``added_at`` as it was."""
    first, second = world.prove(secret="one"), world.prove(secret="two")
    world.add(first, "one")
    held = list(world.accounts.on)
    world.clock.advance(MINUTE)
    assert world.add(second, "two").status == 200
    assert world.accounts.on == held


@pytest.mark.rule("SEC-5")
@pytest.mark.parametrize("order", merges(["ask", "confirm", "add"], ["Ask", "Confirm", "Add"]))
def test_two_users_one_address_one_owner(world: World, order: list[str]) -> None:
    """In every order of two users' request, confirmation and addition exactly one ends up with the address."""
    answers = {}
    messages: dict[str, Any] = {}
    sids: dict[str, str] = {}
    for step in order:
        user = BOB if step[0].isupper() else ALICE
        if step.lower() == "ask":
            asked = world.ask(user=user)
            sids[user] = asked.json().get("sid", "none")
            messages[user] = world.outbox.last
        elif step.lower() == "confirm":
            world.confirm(messages[user])
        else:
            answers[user] = world.add(sids[user], user=user)
    assert sorted(answer.status for answer in answers.values())[0] == 200
    assert len(world.accounts.on) == 1
    loser = [answer for answer in answers.values() if answer.status != 200]
    assert all(refusal(answer) in (AUTH_FAILED, (400, "M_THREEPID_IN_USE")) for answer in loser)


@pytest.mark.rule("SEC-126")
@pytest.mark.parametrize("loop", LOOPS)
def test_twenty_at_once_make_one_owner(world: World, loop: str) -> None:
    """Twenty parallel additions of one address by two users leave one owner, under any event loop."""
    run, pause = LOOPS[loop]
    bodies = []
    for count in range(20):
        user = (ALICE, BOB)[count % 2]
        bodies.append((user, finished(world, world.prove(secret=f"s{count}", user=user), f"s{count}", user)))
    waiting(world, pause)
    answers = run(*(lambda body=body, user=user: world.acall("POST", ADD, body, user) for user, body in bodies))
    winners = {user for (user, _), answer in zip(bodies, answers, strict=True) if answer.status == 200}
    assert len(winners) == 1
    assert len(world.accounts.on) == 1
    assert {event.user_id for event in world.events.of(ThreepidAdded)} == winners


@pytest.mark.parametrize("seed", range(40))
def test_the_same_addition_at_once_is_one(world: World, seed: int) -> None:
    """One client's impatient repetitions all answer 200 and add once, whoever is faster."""
    body, turns = finished(world, world.prove()), Turns()
    waiting(world, turns.pause)
    answers: list[Response] = turns.run(seed, *(world.acall("POST", ADD, body, ALICE) for _ in range(4)))
    assert [answer.status for answer in answers] == [200] * 4
    assert len(world.accounts.on) == 1
    assert len(world.events.of(ThreepidAdded)) == 1


@pytest.mark.rule("REQ-ADD-9", "SEC-128")
@pytest.mark.parametrize("seed", range(40))
def test_one_proof_makes_one_owner(world: World, seed: int) -> None:
    """Two users who know one session, opened by nobody in particular, cannot both use it."""
    sid, turns = world.prove(), Turns()
    bodies = [(user, finished(world, sid, user=user)) for user in (ALICE, BOB)]
    waiting(world, turns.pause)
    answers = turns.run(seed, *(world.acall("POST", ADD, body, user) for user, body in bodies))
    assert sorted(answer.status for answer in answers) in ([200, 400], [200, 403])
    assert len(world.accounts.on) == 1


class CrashingAccounts(FakeAccounts):
    """Accounts in a process that dies around its first addition: before it or after it."""

    after = False
    armed = True

    async def add(self, user_id: str, threepid: AccountThreepid) -> AddOutcome:
        if not self.armed:
            return await super().add(user_id, threepid)
        type(self).armed = False
        if self.after:
            await super().add(user_id, threepid)
        raise Crash


@pytest.mark.rule("SEC-128")
@pytest.mark.parametrize("after", [False, True])
def test_a_crash_while_adding_loses_nothing(make_world: Callable[..., World], after: bool) -> None:
    """Between claim and addition, or between addition and the end, a crash is healed by the same request."""
    world = make_world()
    crashing = type("Crashing", (CrashingAccounts,), {"after": after, "armed": True})()
    crashing.on = world.accounts.on
    world.rewire(accounts=crashing)
    body = finished(world, world.prove())
    with pytest.raises(Crash):
        world.post(ADD, body, ALICE)
    assert refusal(world.post(ADD, {**body, "auth": {}}, BOB)) == AUTH_FAILED
    assert world.post(ADD, body, ALICE).status == 200
    assert [user for user, _ in world.accounts.on] == [ALICE]
