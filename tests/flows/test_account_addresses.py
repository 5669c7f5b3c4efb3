"""What a host may want of the addresses on accounts: how many, which stay, which move, how old they may be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from matrix_threepid import AccountThreepid, Medium, deactivate_threepids, run_sync
from matrix_threepid.events import ThreepidRemoved, ThreepidUnbound
from matrix_threepid.model.message import MessageKind
from matrix_threepid.policy import AccountAddresses
from matrix_threepid.testing import ALICE, BOB, FakeAccounts, FakeIdentityServers, World

from .acting import ADD, DAY, deliver, give, proved_for, refusal, stage

DELETE = "/account/3pid/delete"
FIRST, SECOND = "alice@example.org", "second@example.org"
MADE = Callable[..., World]


def wanting(make_world: MADE, policy: Any = None, ports: Any = None, **choices: Any) -> World:
    """Return a world that wants something of addresses."""
    return make_world({"addresses": AccountAddresses(**choices), **(policy or {})}, **(ports or {}))


def remove(world: World, address: str, user: str = ALICE, **more: Any) -> Any:
    return world.post(DELETE, {"medium": "email", "address": address, **more}, user)


@pytest.mark.rule("REQ-DEL-20")
def test_the_last_address_stays(make_world: MADE) -> None:
    """All but the last address can be removed, in any spelling; what is not on the account is no error."""
    world = wanting(make_world, removals="keep_last")
    give(world, FIRST, ALICE)
    give(world, SECOND, ALICE)
    assert remove(world, SECOND).status == 200
    assert refusal(remove(world, FIRST.upper())) == (403, "M_FORBIDDEN")
    assert "id_server_unbind_result" not in remove(world, FIRST).json()
    assert remove(world, SECOND).status == 200
    assert world.threepids() == [FIRST]
    assert len(world.events.of(ThreepidRemoved)) == 1


@pytest.mark.rule("REQ-DEL-20")
def test_no_address_can_be_removed(make_world: MADE) -> None:
    """A host may keep every address, however many there are."""
    world = wanting(make_world, removals="refuse")
    give(world, FIRST, ALICE)
    give(world, SECOND, ALICE)
    assert [refusal(remove(world, each)) for each in (FIRST, SECOND)] == [(403, "M_FORBIDDEN")] * 2
    assert world.threepids() == [FIRST, SECOND]


@pytest.mark.rule("REQ-DEL-20")
def test_a_refused_removal_asks_no_identity_server(make_world: MADE) -> None:
    """An identity server that the client names is not asked, and the error says so; unbinding alone still works."""
    servers = FakeIdentityServers()
    world = wanting(make_world, ports={"identity": servers}, removals="keep_last")
    give(world, FIRST, ALICE)
    answer = remove(world, FIRST, id_server="id.example")
    assert refusal(answer) == (403, "M_FORBIDDEN")
    assert answer.json()["id_server_unbind_result"] == "denied"
    assert servers.calls == []
    unbind = {"medium": "email", "address": FIRST, "id_server": "id.example"}
    assert world.post("/account/3pid/unbind", unbind, ALICE).status == 200


class Slow(FakeAccounts):
    """Accounts where another removal of the same user is finished before each removal."""

    other: str | None = None

    async def remove(self, user_id: str, threepid: Any) -> bool:
        if self.other is not None:
            other, self.other = self.other, None
            self.on = [(user, held) for user, held in self.on if held.address != other]
        return await super().remove(user_id, threepid)


@pytest.mark.rule("REQ-DEL-20")
def test_two_removals_at_once_leave_an_address(make_world: MADE) -> None:
    """If another removal takes what was the other address, this one is undone and refused."""
    accounts = Slow()
    world = wanting(make_world, ports={"accounts": accounts}, removals="keep_last")
    world.accounts = accounts
    give(world, FIRST, ALICE)
    give(world, SECOND, ALICE)
    accounts.other = SECOND
    assert refusal(remove(world, FIRST)) == (403, "M_FORBIDDEN")
    assert world.threepids() == [FIRST]
    assert world.events.of(ThreepidRemoved) == []


@pytest.mark.rule("REQ-DEL-20")
@pytest.mark.parametrize("removals", ["keep_last", "refuse"])
def test_an_account_that_ends_loses_all_addresses(make_world: MADE, removals: str) -> None:
    """The rule is for users who go on, not for accounts that are deactivated."""
    world = wanting(make_world, removals=removals)
    give(world, FIRST, ALICE)
    run_sync(deactivate_threepids(world.homeserver, ALICE))
    assert world.threepids() == []


@pytest.mark.rule("REQ-DEL-21")
def test_an_account_has_so_many_addresses(make_world: MADE) -> None:
    """A further address is refused, and its proof can be used once there is room."""
    world = wanting(make_world, most=1)
    assert world.add(world.prove(FIRST)).status == 200
    sid = world.prove(SECOND, "other")
    assert refusal(world.add(sid, "other")) == (403, "M_FORBIDDEN")
    assert world.threepids() == [FIRST]
    assert remove(world, FIRST).status == 200
    assert world.add(sid, "other").status == 200
    assert world.threepids() == [SECOND]


class Meeting(FakeAccounts):
    """Accounts where another address comes onto the account together with each one that is added."""

    other: AccountThreepid | None = None

    async def add(self, user_id: str, threepid: AccountThreepid) -> Any:
        if self.other is not None:
            other, self.other = self.other, None
            self.on.append((user_id, other))
        return await super().add(user_id, threepid)


@pytest.mark.rule("REQ-DEL-21")
def test_two_additions_at_once_do_not_exceed_it(make_world: MADE) -> None:
    """If another addition takes the room, this one is taken back and refused."""
    accounts = Meeting()
    world = wanting(make_world, ports={"accounts": accounts}, most=1)
    sid = world.prove(FIRST)
    accounts.other = AccountThreepid(medium=Medium.EMAIL, address=SECOND, validated_at=1, added_at=1)
    assert refusal(world.add(sid)) == (403, "M_FORBIDDEN")
    assert world.threepids() == [SECOND]


@pytest.mark.rule("REQ-DEL-21")
def test_an_address_that_is_there_already_counts_once(make_world: MADE) -> None:
    """Adding the only address again is no further one."""
    world = wanting(make_world, {"hide_known_addresses": False}, most=1)
    sid = world.prove(FIRST)
    give(world, FIRST, ALICE)
    assert world.add(sid).status == 200


@pytest.mark.rule("REQ-DEL-22")
def test_an_address_moves_to_whoever_proves_it(make_world: MADE) -> None:
    """It leaves the other account, whose other addresses are told; it is unbound there, and its open resets end."""
    servers = FakeIdentityServers()
    world = wanting(make_world, ports={"identity": servers}, release=True)
    give(world, FIRST, BOB)
    give(world, "bob@example.org", BOB)
    servers.prove("id.example", "sid", "secret", FIRST)
    bind = {"id_server": "id.example", "id_access_token": "t", "sid": "sid", "client_secret": "secret"}
    assert world.post("/account/3pid/bind", bind, BOB).status == 200
    reset = proved_for(world, "password", FIRST, secret="reset")
    world.outbox.messages.clear()
    sid = world.prove(FIRST, user=ALICE)
    assert world.outbox.last.recipient == FIRST
    assert world.add(sid).status == 200
    assert (world.threepids(ALICE), world.threepids(BOB)) == ([FIRST], ["bob@example.org"])
    assert [(event.user_id, event.threepid.address) for event in world.events.of(ThreepidRemoved)] == [(BOB, FIRST)]
    assert [event.user_id for event in world.events.of(ThreepidUnbound)] == [BOB]
    assert servers.published == {}
    deliver(world)
    told = [(each.recipient, each.kind) for each in world.outbox.messages if each.kind is MessageKind.REMOVED]
    assert told == [("bob@example.org", MessageKind.REMOVED)]
    with pytest.raises(Exception, match="not been validated"):
        stage(world, reset, "password", secret="reset")


@pytest.mark.rule("REQ-DEL-22")
def test_an_own_address_is_still_in_use(make_world: MADE) -> None:
    """Who has the address gets no message for it; and without the choice nobody does."""
    world = wanting(make_world, release=True)
    give(world, FIRST, ALICE)
    assert refusal(world.ask(FIRST, user=ALICE)) == (400, "M_THREEPID_IN_USE")
    assert refusal(world.ask(FIRST, purpose="register")) == (400, "M_THREEPID_IN_USE")
    assert refusal(make_world_without(make_world).ask(FIRST, user=BOB)) == (400, "M_THREEPID_IN_USE")


def make_world_without(make_world: MADE) -> World:
    """Return a world with the defaults, where Alice has the address."""
    world = make_world()
    give(world, FIRST, ALICE)
    return world


@pytest.mark.rule("REQ-DEL-22")
def test_an_address_does_not_move_without_a_proof(make_world: MADE) -> None:
    """A session that was not validated takes nothing off an account."""
    world = wanting(make_world, release=True)
    give(world, FIRST, BOB)
    sid = world.ask(FIRST, user=ALICE).json()["sid"]
    assert world.post(ADD, {"sid": sid, "client_secret": "secret"}, ALICE).status == 403
    assert world.threepids(BOB) == [FIRST]


@pytest.mark.rule("SEC-46")
def test_an_address_resets_a_password_for_so_long(make_world: MADE) -> None:
    """So many days after it was proved it counts as the address of no account, until it is proved anew."""
    world = wanting(make_world, max_age_for_reset_email=30)
    assert world.add(world.prove(FIRST)).status == 200
    world.clock.advance(30 * DAY)
    assert world.ask(FIRST, "young", purpose="password").status == 200
    world.clock.advance(1)
    assert refusal(world.ask(FIRST, "old", purpose="password")) == (400, "M_THREEPID_NOT_FOUND")
    assert remove(world, FIRST).status == 200
    assert world.add(world.prove(FIRST, "anew"), "anew").status == 200
    assert world.ask(FIRST, "again", purpose="password").status == 200


@pytest.mark.rule("SEC-46")
def test_an_address_that_grew_too_old_meanwhile_completes_no_stage(make_world: MADE) -> None:
    """The age is judged when the stage is completed, and of this medium alone."""
    world = wanting(make_world, max_age_for_reset_email=1, max_age_for_reset_msisdn=None)
    assert world.add(world.prove(FIRST)).status == 200
    world.clock.advance(DAY - 60_000)
    reset = proved_for(world, "password", FIRST, secret="reset")
    world.clock.advance(60_001)
    with pytest.raises(Exception, match="not been validated"):
        stage(world, reset, "password", secret="reset")
    numbers = wanting(make_world, max_age_for_reset_msisdn=1)
    assert numbers.add(numbers.prove(FIRST)).status == 200
    numbers.clock.advance(400 * DAY)
    assert numbers.ask(FIRST, "old", purpose="password").status == 200
