"""Changes of an account that can be taken back by a link in a mail (``Policy.undo_links``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from matrix_threepid import AccountThreepid, Medium, Peppers, deactivate_threepids, erase_threepids, run_sync, stop_undo
from matrix_threepid.errors import ConfigurationError, Unauthorized
from matrix_threepid.events import ChangesUndone, RemovalConfirmed
from matrix_threepid.model.message import MessageKind, TokenMessage
from matrix_threepid.testing import ALICE, BOB, FakeAccounts, World

from .acting import DAY, FORM, HOUR, MINUTE, deliver, give, proved_for, refusal, stage

OLD, OTHER, THIEF = "old@example.org", "other@example.org", "thief@example.net"
WEEK = 7 * DAY
UNDO = "/_matrix/client/unstable/threepid/undo/submit_token"
pytestmark = pytest.mark.rule("SEC-57")


class Securing(FakeAccounts):
    """Accounts of a host that can log devices out; ``secured``: for whom it did."""

    def __init__(self) -> None:
        super().__init__()
        self.secured: list[str] = []

    async def secure(self, user_id: str) -> None:
        self.secured.append(user_id)


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """A world whose accounts have one old address and can be secured."""
    world = make_world({"undo_links": True}, accounts=Securing())
    world.accounts = world.homeserver.accounts  # type: ignore[assignment]
    give(world, OLD, ALICE)
    return world


def mails(world: World, after: int = MINUTE) -> list[TokenMessage]:
    """Let time pass and a worker send what is due; return the mails with links that take changes back."""
    world.clock.advance(after)
    deliver(world)
    return [message for message in world.outbox.messages if message.kind is MessageKind.CHANGED]


def give_since(world: World, address: str, ms: int, user: str = ALICE) -> None:
    """Put an address on an account, added some time ago."""
    at = world.clock() - ms
    held = AccountThreepid(medium=Medium.EMAIL, address=address, validated_at=at, added_at=at)
    run_sync(world.homeserver.accounts.add(user, held))


def remove(world: World, address: str) -> Any:
    return world.post("/account/3pid/delete", {"medium": "email", "address": address}, ALICE)


def robbed(world: World) -> TokenMessage:
    """Let a thief add an address and remove the owner's; return the mail with the link."""
    assert world.add(world.prove(THIEF)).status == 200
    assert remove(world, OLD).status == 200
    return mails(world)[-1]


def reset(world: World, address: str) -> None:
    """Set a new password by an address."""
    sid = proved_for(world, "password", address, secret="resetting")
    run_sync(world.stages.consume(stage(world, sid, "password", secret="resetting")))


def press(world: World, message: TokenMessage, **fields: str) -> Any:
    """Press the button of the page behind a link."""
    parts = urlsplit(message.link or "")
    form = urlencode({**dict(parse_qsl(parts.query)), **fields}).encode()
    return world.call("POST", parts.path, form, headers=FORM)


def show(world: World, message: TokenMessage, more: str = "") -> Any:
    parts = urlsplit(message.link or "")
    return world.call("GET", parts.path, query=parts.query + more)


def test_a_burst_is_one_mail_to_the_old_address(world: World) -> None:
    """The removed address gets one mail about all changes of a minute, and the new one gets none."""
    message = robbed(world)
    assert [each.recipient for each in mails(world)] == [OLD]
    assert [each.kind for each in message.changes] == [MessageKind.ADDED, MessageKind.REMOVED]
    assert [each.concerns for each in message.changes] == ["t***@example.net", "o***@example.org"]
    assert message.lifetime == 71 * HOUR


def test_later_changes_share_a_mail_an_hour(world: World) -> None:
    """Who changes an account again and again causes one mail an hour, and none of them is refused by a count."""
    robbed(world)
    for _ in range(8):
        world.add(world.prove(OTHER))
        remove(world, OTHER)
        mails(world, 5 * MINUTE)
    assert len(mails(world)) == 1
    assert len(mails(world, HOUR)) == 2


def test_a_press_takes_everything_back(world: World) -> None:
    """The addresses are as before with their ages, devices open requests end, and a notice without a link follows."""
    before = run_sync(world.homeserver.accounts.list(ALICE))
    message = robbed(world)
    sid = world.ask("more@example.net", "another", user=ALICE).json()["sid"]
    assert "were taken back" in press(world, message).body.decode()
    assert list(run_sync(world.homeserver.accounts.list(ALICE))) == list(before)
    assert world.accounts.secured == [ALICE]  # type: ignore[attr-defined]
    assert run_sync(world.homeserver.sessions.get(sid)).ended  # type: ignore[union-attr]
    assert [event.threepid.address for event in world.events.of(ChangesUndone)] == [OLD]
    deliver(world)
    (notice,) = [each for each in world.outbox.messages if each.kind is MessageKind.UNDONE]
    assert (notice.recipient, notice.link) == (OLD, None)


def test_looking_changes_nothing(world: World) -> None:
    """GET and HEAD show what the button does, and that messages may be lost; only POST acts."""
    message = robbed(world)
    page = show(world, message).body.decode()
    assert "Encrypted messages may be lost" in page
    assert "Take the changes back" in page
    world.call("HEAD", urlsplit(message.link or "").path, query=urlsplit(message.link or "").query)
    assert world.threepids() == [THIEF]


def test_without_secure_the_page_promises_no_logging_out(make_world: Callable[..., World]) -> None:
    """A host that cannot log devices out has no sentence about it on the page; the addresses come back all the same."""
    world = make_world({"undo_links": True})
    give(world, OLD, ALICE)
    message = robbed(world)
    assert "devices" not in show(world, message).body.decode()
    assert press(world, message).status == 200
    assert world.threepids() == [OLD]


@pytest.mark.parametrize("away", ["token", "sid"])
def test_a_forged_link_does_nothing(world: World, away: str) -> None:
    """A link with another token or another id is answered like an unknown one, and nothing is changed."""
    message = robbed(world)
    assert press(world, message, **{away: "x" * 43}).status == 400
    assert press(world, message, **{away: ""}).status == 400
    assert world.threepids() == [THIEF]


def test_a_form_of_another_site_does_nothing(world: World) -> None:
    """A press that another site has caused is refused."""
    parts = urlsplit(robbed(world).link or "")
    headers = {**FORM, "sec-fetch-site": "cross-site"}
    assert world.call("POST", parts.path, parts.query.encode(), headers=headers).status == 403
    assert world.threepids() == [THIEF]


def test_a_link_acts_once(world: World) -> None:
    """After the owner has set a password, the used link says what happened and takes nothing back any more."""
    message = robbed(world)
    press(world, message)
    reset(world, OLD)
    give_since(world, OTHER, 0)
    assert "taken back" in press(world, message).body.decode()
    assert world.threepids() == [OLD, OTHER]
    assert len(world.events.of(ChangesUndone)) == 1


def test_a_change_between_undo_and_password_is_taken_back_as_well(world: World) -> None:
    """Until the owner has set a password the same link takes back what was changed since."""
    message = robbed(world)
    press(world, message)
    remove(world, OLD)
    press(world, message)
    assert world.threepids() == [OLD]


def test_two_at_once_take_back_once(world: World) -> None:
    """Of two presses one is announced, and both are told that it was done."""
    give_since(world, OTHER, WEEK)
    robbed(world)
    messages = [each for each in mails(world, HOUR) if each.recipient in (OLD, OTHER)]
    assert {each.recipient for each in messages} == {OLD, OTHER}
    assert [press(world, each).status for each in messages] == [200, 200]
    assert world.threepids() == [OTHER, OLD] or world.threepids() == [OLD, OTHER]
    assert len(world.events.of(ChangesUndone)) == 1


def test_an_outage_of_mail_delays_the_link(world: World) -> None:
    """A mail that could not be sent for two days is sent then, with a link that works for the rest of its time."""
    remove(world, OLD)
    (message,) = mails(world, 2 * DAY)
    assert message.lifetime == DAY
    assert press(world, message).status == 200


def test_too_late(world: World) -> None:
    """A link works until 72 hours after the last change, and then says that it has expired."""
    message = robbed(world)
    world.clock.advance(72 * HOUR - MINUTE)
    assert "expired" in press(world, message).body.decode()
    assert world.threepids() == [THIEF]


def test_in_time(world: World) -> None:
    """A moment before that it works."""
    message = robbed(world)
    world.clock.advance(72 * HOUR - MINUTE - 1)
    assert press(world, message).status == 200
    assert world.threepids() == [OLD]


@pytest.mark.parametrize(("age", "told"), [(WEEK, True), (WEEK - 1, False)])
def test_an_address_must_have_been_there_for_a_week(make_world: Callable[..., World], age: int, told: bool) -> None:
    """Links go to addresses that were on the account for seven days before the oldest open change."""
    world = make_world({"undo_links": True})
    give_since(world, OTHER, age)
    remove(world, OTHER)
    assert bool(mails(world)) is told


def test_an_address_added_meanwhile_never_gets_a_link(world: World) -> None:
    """Changes that follow one another count from the first: what was added among them is not old after a week."""
    world.add(world.prove(THIEF))
    for _ in range(3):
        world.clock.advance(2 * DAY)
        world.add(world.prove(OTHER))
        remove(world, OTHER)
    world.clock.advance(DAY - MINUTE)
    remove(world, OLD)
    message = mails(world, HOUR)[-1]
    assert {each.recipient for each in mails(world)} == {OLD}
    press(world, message)
    assert world.threepids() == [OLD]


@pytest.mark.parametrize("end", [deactivate_threepids, stop_undo], ids=lambda end: end.__name__)
def test_the_end_of_an_account_ends_its_links(world: World, end: Callable[..., Any]) -> None:
    """After a deactivation or the word of an administrator no link acts."""
    message = robbed(world)
    run_sync(end(world.homeserver, ALICE))
    left = world.threepids()
    assert press(world, message).status == 400
    assert (world.threepids(), world.events.of(ChangesUndone)) == (left, [])


def test_an_erasure_leaves_nothing(world: World) -> None:
    """After an erasure nothing is stored, and the link is unknown."""
    remove(world, OLD)
    (message,) = mails(world)
    run_sync(erase_threepids(world.homeserver, ALICE))
    assert world.homeserver.reversals.dump() == []  # type: ignore[attr-defined]
    assert "not known" in press(world, message).body.decode()


def test_what_is_over_is_purged(world: World) -> None:
    """A day after it has ended, a reversal is deleted; one whose owner has set no password yet stays."""
    message = robbed(world)
    press(world, message)
    world.clock.advance(WEEK)
    run_sync(world.service.purge())
    assert len(world.homeserver.reversals.dump()) == 1  # type: ignore[attr-defined]
    reset(world, OLD)
    world.clock.advance(WEEK)
    run_sync(world.service.purge())
    assert world.homeserver.reversals.dump() == []  # type: ignore[attr-defined]
    world.outbox.messages.clear()  # their sessions are purged as well


def test_nothing_is_noted_on_an_account_that_has_ended(world: World) -> None:
    """A deactivation itself sends no links."""
    run_sync(deactivate_threepids(world.homeserver, ALICE))
    assert mails(world, HOUR) == []


def test_resets_go_only_to_old_addresses_until_a_password_is_set(world: World) -> None:
    """After an undo a young address cannot reset the password until an old one has; then it can."""
    give_since(world, OTHER, DAY)
    message = robbed(world)
    press(world, message)
    assert set(world.threepids()) == {OLD, OTHER}
    assert refusal(world.ask(OTHER, "young", purpose="password"))[1] == "M_THREEPID_NOT_FOUND"
    reset(world, OLD)
    assert world.ask(OTHER, "young", purpose="password").status == 200


def test_a_reset_that_was_proved_before_is_not_done(world: World) -> None:
    """A proof of a young address from before the undo sets no password after it."""
    give_since(world, OTHER, DAY)
    message = robbed(world)
    sid = proved_for(world, "password", OTHER, secret="young")
    proof = stage(world, sid, "password", secret="young")
    press(world, message)
    with pytest.raises(Unauthorized):
        run_sync(world.stages.confirm(proof))


def test_a_password_set_by_a_reset_can_be_taken_back(world: World) -> None:
    """A new password is a change: the other old address gets the link."""
    give_since(world, OTHER, WEEK)
    reset(world, OTHER)
    message = next(each for each in mails(world) if each.recipient == OLD)
    assert [each.kind for each in message.changes] == [MessageKind.PASSWORD_CHANGED]
    assert press(world, message).status == 200


def test_a_password_set_otherwise_can_be_taken_back(world: World) -> None:
    """A host that tells of a new password has the old addresses told."""
    run_sync(world.stages.end_resets(ALICE))
    assert [each.recipient for each in mails(world)] == [OLD]


def test_a_confirmed_removal_leaves_nothing_to_the_removed(world: World) -> None:
    """A removal that is confirmed at an address as old sends a notice without a link, and is not taken back."""
    give_since(world, OTHER, 2 * WEEK)
    run_sync(world.homeserver.accounts.remove(ALICE, run_sync(world.homeserver.accounts.list(ALICE))[0].threepid))
    give_since(world, OLD, WEEK)
    remove(world, OLD)
    (message,) = mails(world)
    assert message.recipient == OTHER
    assert "Yes, this was me" in show(world, message).body.decode()
    assert "no longer" in show(world, message, "&answer=mine").body.decode()
    assert press(world, message, answer="mine").status == 200
    assert [event.threepid.address for event in world.events.of(RemovalConfirmed)] == [OLD]
    mails(world, HOUR)
    (told,) = [each for each in world.outbox.messages if each.recipient == OLD]
    assert (told.kind, told.link) == (MessageKind.REMOVED, None)
    press(world, message)
    assert world.threepids() == [OTHER]


def test_a_link_sent_before_the_confirmation_is_stopped(world: World) -> None:
    """The removed address's link says that it was stopped once the removal is confirmed."""
    give_since(world, OTHER, world.clock() - 2)  # as long as the other one
    remove(world, OLD)
    both = mails(world, 2 * HOUR)
    by = {each.recipient: each for each in both}
    assert set(by) == {OLD, OTHER}
    press(world, by[OTHER], answer="mine")
    assert "stopped" in press(world, by[OLD]).body.decode()
    assert world.threepids() == [OTHER]


def test_a_younger_address_confirms_nothing(world: World) -> None:
    """An address that was added later than the removed one cannot confirm its removal."""
    give_since(world, OTHER, WEEK)
    remove(world, OLD)
    by = {each.recipient: each for each in mails(world)}
    assert set(by) == {OLD, OTHER}
    assert "this was me" not in show(world, by[OTHER]).body.decode()
    assert press(world, by[OTHER], answer="mine").status == 400
    assert press(world, by[OLD]).status == 200


def test_another_account_may_have_the_address_meanwhile(world: World) -> None:
    """What was removed is not reserved: another account adds it, the page says so, and the rest is restored."""
    message = robbed(world)
    assert world.add(world.prove(OLD, "bobs"), "bobs", BOB).status == 200
    assert "o***@example.org is on another account" in show(world, message).body.decode()
    assert press(world, message).status == 200
    assert (world.threepids(), world.threepids(BOB)) == ([], [OLD])


def test_a_link_ends_with_its_pepper(world: World) -> None:
    """Without the pepper nothing is told from a forged link."""
    message = robbed(world)
    world.rewire(peppers=Peppers.of(b"another pepper, of 32 bytes or more"))
    assert press(world, message).status == 400


def test_an_add_that_fails_is_no_change(world: World) -> None:
    """An address that another account has is not added, and nobody is told."""
    sid = world.prove(THIEF)
    give(world, THIEF, BOB)
    assert world.add(sid).status == 400
    assert mails(world, HOUR) == []


def test_it_is_off_by_default(make_world: Callable[..., World]) -> None:
    """Without the policy no link is sent, nothing is stored, and the page is unknown."""
    world = make_world()
    give(world, OLD, ALICE)
    remove(world, OLD)
    assert mails(world, HOUR) == []
    assert world.call("GET", UNDO).status == 404
    assert world.homeserver.reversals.dump() == []  # type: ignore[attr-defined]


def test_it_needs_mails(make_world: Callable[..., World]) -> None:
    """A host that sends no mails cannot choose it."""
    with pytest.raises(ConfigurationError, match=r"policy.undo_links: links to undo changes are sent by mail"):
        make_world({"undo_links": True}, senders={})
