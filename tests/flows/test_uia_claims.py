"""One proof, one redeemer: claims of user-interactive authentication."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from matrix_threepid import Purpose, run_sync
from matrix_threepid.protocol import errors
from matrix_threepid.testing import BOB, World
from matrix_threepid.uia import Proof

from .acting import MINUTE, STAGE, dump, give, proved_for, stage
from .together import LOOPS, Turns, waiting


@pytest.mark.rule("REQ-UIA-5")
def test_a_finished_stage_stays_finished(world: World) -> None:
    """The same UIA session gets the same proof again; every other one is refused meanwhile."""
    sid = proved_for(world, "register")
    assert stage(world, sid, "register") == stage(world, sid, "register")
    with pytest.raises(errors.Unauthorized):
        stage(world, sid, "register", "u2")


@pytest.mark.rule("SEC-128")
def test_a_claim_that_came_to_nothing_ends(world: World) -> None:
    """Ten minutes after an abandoned claim another UIA session may have the proof, and the first one no more."""
    sid = proved_for(world, "register")
    first = stage(world, sid, "register", "u1")
    world.clock.advance(10 * MINUTE)
    stage(world, sid, "register", "u2")
    with pytest.raises(errors.Unauthorized):
        run_sync(world.stages.confirm(first))


@pytest.mark.rule("REQ-SESS-5")
def test_a_spent_proof_serves_nobody(world: World) -> None:
    """After the account is made, neither the same nor another UIA session can use the proof again."""
    sid = proved_for(world, "register")
    proof = stage(world, sid, "register")
    run_sync(world.stages.confirm(proof))
    run_sync(world.stages.consume(proof))
    for uia in ("u1", "u2"):
        with pytest.raises(errors.Unauthorized):
            stage(world, sid, "register", uia)
    with pytest.raises(errors.Unauthorized):
        run_sync(world.stages.confirm(proof))


@pytest.mark.rule("SEC-6")
@pytest.mark.parametrize("loop", LOOPS)
def test_twenty_registrations_one_proof(world: World, loop: str) -> None:
    """Of twenty parallel UIA sessions one gets the proof of a session, under any event loop."""
    run, pause = LOOPS[loop]
    assert len(_winners(world, run, pause)) == 1


@pytest.mark.rule("SEC-6", "SEC-232")
@pytest.mark.parametrize("seed", range(60))
def test_twenty_registrations_one_proof_in_any_order(world: World, seed: int) -> None:
    """However the twenty take turns, one of them wins, and only its claim stands."""
    turns = Turns()
    winners = _winners(world, lambda *work: turns.run(seed, *(each() for each in work)), turns.pause)
    assert len(winners) == 1
    assert dump(world)[0].claimed_by == winners[0].claimant


def _winners(world: World, run: Callable[..., list[Any]], pause: Callable[[], Any]) -> list[Proof]:
    sid = proved_for(world, "register")
    waiting(world, pause)

    async def attempt(uia: str) -> Proof | None:
        auth = {"threepid_creds": {"sid": sid, "client_secret": "secret"}}
        try:
            return await world.stages.check(STAGE, auth, uia, Purpose.REGISTER)
        except errors.Unauthorized:
            return None

    proofs = run(*(lambda uia=f"u{count}": attempt(uia) for count in range(20)))
    return [proof for proof in proofs if proof is not None]


@pytest.mark.rule("SEC-20")
def test_a_claim_does_not_tell_the_id_of_its_session(world: World) -> None:
    """What is stored of a claim is a hash: with the id somebody else could go on where its user stands."""
    sid = proved_for(world, "register")
    stage(world, sid, "register", "an-id-that-the-host-has-drawn")
    assert "an-id-that-the-host" not in str(dump(world)[0].claimed_by)
    with pytest.raises(errors.Unauthorized):
        stage(world, sid, "register", str(dump(world)[0].claimed_by).removeprefix("uia:"))


@pytest.mark.rule("SEC-128")
def test_a_crash_before_the_end_is_healed_by_the_same_session(world: World) -> None:
    """If the host dies between acting and spending, the same UIA session finishes, and nobody else can."""
    sid = proved_for(world, "register")
    stage(world, sid, "register", "u1")
    world.rewire()
    with pytest.raises(errors.Unauthorized):
        stage(world, sid, "register", "u2")
    proof = stage(world, sid, "register", "u1")
    run_sync(world.stages.consume(proof))
    assert dump(world)[0].consumed_at is not None


@pytest.mark.rule("SEC-6", "SEC-128")
@pytest.mark.parametrize("purpose", ["register", "password"])
def test_a_proof_that_a_host_acted_on_serves_no_other_session(world: World, purpose: str) -> None:
    """If the host dies right after it acted, its proof serves no other UIA session, also once the claim is old."""
    sid = proved_for(world, purpose)
    proof = stage(world, sid, purpose, "u1")
    run_sync(world.stages.confirm(proof))
    world.rewire()
    for _ in range(5):
        world.clock.advance(10 * MINUTE)
        with pytest.raises(errors.Unauthorized):
            stage(world, sid, purpose, "u2")
        assert stage(world, sid, purpose, "u1").sid == sid
    run_sync(world.stages.consume(stage(world, sid, purpose, "u1")))
    assert dump(world)[0].consumed_at is not None


@pytest.mark.rule("SEC-128")
def test_a_host_that_did_not_act_gives_the_proof_back(world: World) -> None:
    """After ``release`` another UIA session may have a proof that was confirmed."""
    sid = proved_for(world, "register")
    proof = stage(world, sid, "register", "u1")
    run_sync(world.stages.confirm(proof))
    run_sync(world.stages.release(proof))
    run_sync(world.stages.confirm(stage(world, sid, "register", "u2")))


@pytest.mark.rule("REQ-UIA-7")
def test_a_confirmation_that_is_refused_keeps_nobody_out(world: World) -> None:
    """A proof whose address was taken is claimed no longer than any other, and works once the address is free."""
    sid = proved_for(world, "register")
    give(world, "alice@example.org")
    with pytest.raises(errors.ThreepidInUse):
        run_sync(world.stages.confirm(stage(world, sid, "register", "u1")))
    run_sync(world.accounts.remove(BOB, dump(world)[0].threepid))
    world.clock.advance(10 * MINUTE)
    run_sync(world.stages.confirm(stage(world, sid, "register", "u2")))


@pytest.mark.rule("SEC-6")
def test_a_request_that_lost_does_not_free_the_proof_of_the_one_that_won(world: World) -> None:
    """Of two equal requests the one that is refused leaves the session to the other, which consumes it."""
    sid = proved_for(world, "register")
    proof = stage(world, sid, "register", "u1")
    run_sync(world.stages.confirm(proof))
    give(world, "alice@example.org", "@new:hs.example.org")
    with pytest.raises(errors.ThreepidInUse):
        run_sync(world.stages.confirm(proof))
    run_sync(world.stages.release(proof))
    run_sync(world.stages.consume(proof))
    assert (dump(world)[0].consumed_at is None, dump(world)[0].claimed_by) == (False, proof.claimant)
