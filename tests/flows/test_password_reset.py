"""Resetting a password by mail: whose it is, and where the mail goes."""

from __future__ import annotations

import pytest

from matrix_threepid import run_sync
from matrix_threepid.protocol import errors
from matrix_threepid.testing import ALICE, BOB, World

from .acting import DAY, dump, give, proved_for, refusal, stage


@pytest.mark.rule("REQ-ADD-6", "REQ-UIA-6")
def test_a_reset_is_for_the_owner_of_the_address(world: World) -> None:
    """Without an access token the account is the one that has the proved address at that moment."""
    proof = stage(world, proved_for(world, "password"), "password")
    assert proof.owner == ALICE
    run_sync(world.stages.confirm(proof))


@pytest.mark.rule("REQ-UIA-6", "SEC-129")
def test_a_reset_needs_an_owner_to_the_end(world: World) -> None:
    """If the address left the account in between, the host hears M_THREEPID_NOT_FOUND or sees no proof."""
    proof = stage(world, proved_for(world, "password"), "password")
    world.accounts.on.clear()
    with pytest.raises(errors.ThreepidNotFound):
        run_sync(world.stages.confirm(proof))


@pytest.mark.rule("SEC-129")
def test_a_reset_does_not_follow_the_address(world: World) -> None:
    """A proof for Alice's account is worth nothing once the address is Bob's."""
    proof = stage(world, proved_for(world, "password"), "password")
    world.accounts.on.clear()
    give(world, "alice@example.org", BOB)
    with pytest.raises(errors.ThreepidNotFound):
        run_sync(world.stages.confirm(proof))


def test_a_reset_asked_for_with_a_token_is_that_users(world: World) -> None:
    """A session Alice opened, logged in, resets no password of Bob's, whoever confirmed the mail."""
    give(world)
    sid = world.prove("bob@example.org", purpose="password", user=ALICE)
    for user in (None, ALICE, BOB):
        if user == ALICE:
            with pytest.raises(errors.ThreepidNotFound):
                run_sync(world.stages.confirm(stage(world, sid, "password", user=user)))
        else:
            with pytest.raises(errors.Unauthorized):
                stage(world, sid, "password", "u2", user=user)


@pytest.mark.rule("SEC-3")
def test_a_new_password_ends_all_other_resets(world: World) -> None:
    """After a reset every other session that could reset the same account is dead, of all its addresses."""
    give(world, "second@example.org", ALICE)
    sid = proved_for(world, "password")
    others = [world.ask(secret="other", purpose="password"), world.ask("second@example.org", purpose="password")]
    others.append(world.ask("bystander@example.org"))
    proof = stage(world, sid, "password")
    run_sync(world.stages.consume(proof))
    alive = {session.sid for session in dump(world) if not session.over and session.notice is None}
    assert alive == {others[2].json()["sid"]}


@pytest.mark.rule("REQ-EMAIL-8", "SEC-14")
def test_the_mail_of_a_reset_goes_to_the_spelling_on_the_account(world: World) -> None:
    """Whoever types an address that folds to the one on the account cannot have its mail."""
    give(world, "strasse@example.org", ALICE, spelling="Strasse@example.org")
    assert world.ask("straße@example.org", purpose="password").status == 200
    assert world.outbox.last.recipient == "Strasse@example.org"
    give(world, "bare@example.org", BOB)
    world.ask("BARE@example.org", purpose="password")
    assert world.outbox.last.recipient == "bare@example.org"


@pytest.mark.rule("SEC-14")
@pytest.mark.parametrize("typed", ["m\u0131ke@example.org", "M\u0130KE@example.org", "mike@ex\u0430mple.org"])
def test_lookalikes_are_other_addresses(world: World, typed: str) -> None:
    """Letters that merely look alike do not name somebody else's account."""
    give(world, "mike@example.org", ALICE)
    assert refusal(world.ask(typed, purpose="password")) == (400, "M_THREEPID_NOT_FOUND")


@pytest.mark.rule("REQ-EMAIL-6", "REQ-EMAIL-7")
@pytest.mark.parametrize(
    "typed", ["a@xn--exmple-cua.org", "a@EXÄMPLE.org", "a@exa\u0308mple.org", "a@\uff45x\u00e4mple.org"]
)
def test_spellings_of_a_domain_are_one_address(world: World, typed: str) -> None:
    """A-label, U-label, full-width and decomposed spellings of a domain are one; mail goes to the A-label."""
    give(world, "a@exämple.org", ALICE)
    assert world.ask(typed, purpose="password").status == 200
    assert world.outbox.last.recipient == "a@xn--exmple-cua.org"


@pytest.mark.rule("SEC-2")
def test_the_prehijack_chain_breaks(world: World) -> None:
    """An attacker's old proof to add is worth nothing after the owner of the address signed up."""
    sid = world.prove("new@example.org")
    world.clock.advance(30 * DAY)
    give(world, "new@example.org", BOB)
    with pytest.raises(errors.Unauthorized):
        stage(world, sid, "password")
