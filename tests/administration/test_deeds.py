"""What administrators do by hand, and what they cannot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve
from explaining.cases import SERVER, _bound, _servers, full_mailbox, mailbox_made_later
from flows.acting import deliver, give
from sms.acting import ask, asked, submit, texting, wrong

from matrix_threepid import Administration, Purpose, run_sync
from matrix_threepid.errors import (
    ConfigurationError,
    Forbidden,
    InvalidParam,
    LimitExceeded,
    MatrixError,
    NoValidSession,
    SessionExpired,
    ThreepidDenied,
    ThreepidInUse,
    Unavailable,
)
from matrix_threepid.events import Administered, Event
from matrix_threepid.model.identity import Unreachable
from matrix_threepid.model.message import MessageKind, RefusedForever
from matrix_threepid.policy import Limits
from matrix_threepid.testing import ALICE, BOB, GENEROUS, GENEROUS_SMS, World

from .acting import ROOT, WHY, Desk

MAIL = "alice@example.org"


class DeafAudit:
    """An audit that cannot write."""

    async def record(self, event: Event) -> None:
        raise Unavailable


class Noting:
    """An audit that notes how the world was when a deed was written down."""

    def __init__(self, look: Callable[[], Any]) -> None:
        self.look, self.seen = look, list[Any]()

    async def record(self, event: Event) -> None:
        assert isinstance(event, Administered)
        self.seen.append((event.action, event.why, self.look()))


# -- send again -------------------------------------------------------------------------------------


def test_a_message_is_sent_again(desk: Desk) -> None:
    """The link of the session comes once more, the client's next attempt still sends, and the old link works."""
    world = desk.world
    sid = world.ask(attempt=3).json()["sid"]
    desk.do("send_again", sid)
    assert [message.link for message in world.outbox.messages] == [world.outbox.last.link] * 2
    assert (world.ask(attempt=3).status, len(world.outbox.messages)) == (200, 2)
    assert (world.ask(attempt=4).status, len(world.outbox.messages)) == (200, 3)
    assert world.confirm(world.outbox.messages[0]).status == 303
    assert desk.deeds == [("send_again", WHY)]


def test_after_a_refusal_it_is_sent(desk: Desk) -> None:
    """A message that the mail server refused is sent again, and one that is refused again is an error."""
    world = desk.world
    sid = world.ask().json()["sid"]
    world.outbox.outcomes += [RefusedForever("5.7.1"), RefusedForever("5.7.1")]
    assert world.ask(attempt=2).status == 400
    with pytest.raises(InvalidParam):
        desk.do("send_again", sid)
    desk.do("send_again", sid)
    assert world.confirm().status == 303


def test_deferred_it_goes_through_the_job(make_desk: Callable[..., Desk]) -> None:
    """With deferred sending the job sends it."""
    desk = make_desk(deferred_sending=True)
    sid = desk.world.ask().json()["sid"]
    assert deliver(desk.world) == 1
    desk.do("send_again", sid)
    assert len(desk.world.outbox.messages) == 1
    assert (deliver(desk.world), len(desk.world.outbox.messages)) == (1, 2)


def test_a_new_code_has_new_guesses(make_world: Callable[..., World], make_desk: Callable[..., Desk]) -> None:
    """After five wrong codes the next SMS holds another code, which works; the SMS counts for the budgets."""
    world = texting(make_world, evolve(GENEROUS_SMS, budget_per_hour=2))
    desk = make_desk(world)
    sid, code = asked(world)
    for _ in range(5):
        submit(world, sid, wrong(code))
    desk.do("send_again", sid)
    assert world.sms.last.code != code
    assert submit(world, sid, world.sms.last.code or "").status == 200
    other = ask(world, "+447700900555", secret="other").status
    assert other == 429
    sid, _ = asked(texting(make_world), secret="x")
    with pytest.raises(NoValidSession):
        desk.do("send_again", sid)


def test_a_used_budget_stops_administrators_too(
    make_world: Callable[..., World], make_desk: Callable[..., Desk]
) -> None:
    """No SMS is sent above the budget of the hour, whoever asks."""
    world = texting(make_world, evolve(GENEROUS_SMS, budget_per_hour=1))
    sid, _ = asked(world)
    with pytest.raises(LimitExceeded):
        make_desk(world).do("send_again", sid)
    assert len(world.sms.messages) == 1


def validated(world: World) -> str:
    return world.prove()


def expired(world: World) -> str:
    sid: str = world.ask().json()["sid"]
    world.clock.advance(25 * 3_600_000)
    return sid


def denied(world: World) -> str:
    sid: str = world.ask(user=ALICE).json()["sid"]
    world.rules.denied.add(MAIL)
    return sid


def unknown(world: World) -> str:
    return "no-such-session"


def used(world: World) -> str:
    sid = world.prove()
    world.add(sid)
    return sid


def notice(world: World) -> str:
    give(world, "old@example.org", ALICE)
    world.add(world.prove())
    deliver(world)
    (told,) = (each for each in run_sync(world.homeserver.sessions.of_owner(ALICE)) if each.notice)
    return told.sid


@pytest.mark.parametrize(
    ("made", "error"),
    [
        (validated, Forbidden),
        (expired, SessionExpired),
        (denied, ThreepidDenied),
        (unknown, NoValidSession),
        (used, SessionExpired),
        (notice, Forbidden),
    ],
)
@pytest.mark.parametrize("deed", ["send_again", "confirm"])
def test_what_waits_for_nobody_is_left_alone(
    desk: Desk, made: Callable[[World], str], error: type[MatrixError], deed: str
) -> None:
    """A session that is confirmed, over, denied, unknown or a notice is neither sent nor confirmed."""
    sid, sent = made(desk.world), len(desk.world.outbox.messages)
    with pytest.raises(error):
        desk.do(deed, sid)
    assert (len(desk.world.outbox.messages), desk.deeds) == (sent, [])


# -- cancel -----------------------------------------------------------------------------------------


def test_a_session_is_cancelled(desk: Desk) -> None:
    """Its link no longer works, and the same request opens a new one."""
    world = desk.world
    sid = world.ask().json()["sid"]
    desk.do("cancel", sid)
    assert world.confirm().status == 400
    assert world.ask().json()["sid"] != sid
    desk.do("cancel", sid)
    assert desk.deeds == [("cancel", WHY), ("cancel", WHY)]


# -- confirm by hand --------------------------------------------------------------------------------


@pytest.mark.rule("SEC-162")
def test_a_session_is_confirmed_by_hand(desk: Desk) -> None:
    """The user adds the address with the password as usual; the new and all old addresses have a mail before."""
    world = desk.world
    for number in range(7):
        give(world, f"old{number}@example.org", ALICE)
    sid = world.ask(user=ALICE).json()["sid"]
    desk.do("confirm", sid)
    assert world.add(sid, user=BOB).status == 403
    assert world.add(sid).status == 200
    while deliver(world):
        pass
    told = [each for each in world.outbox.messages if each.kind is MessageKind.BY_HAND]
    assert sorted(each.recipient for each in told) == sorted([MAIL, *(f"old{n}@example.org" for n in range(7))])
    assert {(each.account, each.concerns) for each in told} == {(ALICE, "a***@example.org")}
    assert desk.deeds == [("confirm", WHY)]


def reset(world: World) -> str:
    give(world, MAIL, ALICE)
    sid: str = world.ask(purpose="password", user=ALICE).json()["sid"]
    return sid


def registration(world: World) -> str:
    sid: str = world.ask(purpose="register").json()["sid"]
    return sid


def ownerless(world: World) -> str:
    sid: str = world.ask().json()["sid"]
    return sid


def taken(world: World) -> str:
    sid: str = world.ask(user=ALICE).json()["sid"]
    give(world, MAIL, BOB)
    return sid


@pytest.mark.rule("SEC-162")
@pytest.mark.parametrize(
    ("made", "error"),
    [(reset, Forbidden), (registration, Forbidden), (ownerless, Forbidden), (taken, ThreepidInUse)],
)
def test_only_a_free_address_of_its_user_is_confirmed(
    desk: Desk, made: Callable[[World], str], error: type[MatrixError]
) -> None:
    """Never for a reset or a registration, nor a session without a user, nor an address that has an account by now."""
    sid = made(desk.world)
    with pytest.raises(error):
        desk.do("confirm", sid)
    assert (desk.stored(sid).validated_at, desk.deeds) == (None, [])


@pytest.mark.rule("SEC-162")
def test_what_nobody_would_be_told_of_is_not_confirmed(
    make_world: Callable[..., World], make_desk: Callable[..., Desk]
) -> None:
    """Without notices, and for numbers, nothing is confirmed by hand."""
    quiet = make_desk(notices=False)
    sid = quiet.world.ask(user=ALICE).json()["sid"]
    with pytest.raises(Forbidden):
        quiet.do("confirm", sid)
    phones = make_desk(texting(make_world))
    sid, _ = asked(phones.world, user=ALICE)
    with pytest.raises(Forbidden):
        phones.do("confirm", sid)
    assert phones.stored(sid).purpose is Purpose.ADD


# -- the audit --------------------------------------------------------------------------------------


@pytest.mark.rule("SEC-163")
def test_a_deed_is_in_the_audit_before_it_is_done(world: World) -> None:
    """When a confirmation is written down the session is not confirmed yet, and no mail about it is stored."""
    give(world, "old@example.org", ALICE)
    sid = world.ask(user=ALICE).json()["sid"]

    def look() -> tuple[object, int]:
        found = run_sync(world.homeserver.sessions.of_owner(ALICE))
        return next(each.validated_at for each in found if each.sid == sid), len(found)

    noting = Noting(look)
    run_sync(Administration(role=world.homeserver, audit=noting).confirm(sid, actor=ROOT, reason=WHY))
    assert (noting.seen, look()[0] is not None) == ([("confirm", WHY, (None, 1))], True)


@pytest.mark.rule("SEC-163")
@pytest.mark.parametrize(
    ("deed", "what"),
    [("send_again", None), ("cancel", None), ("confirm", None), ("lift_limits", MAIL), ("export", ALICE)],
)
def test_without_the_audit_nothing_is_done(world: World, deed: str, what: str | None) -> None:
    """If the audit does not answer, the deed is refused and the session is as it was."""
    sid = world.ask(user=ALICE).json()["sid"]
    before = run_sync(world.homeserver.sessions.get(sid))
    administration = Administration(role=world.homeserver, audit=DeafAudit())
    with pytest.raises(Unavailable):
        run_sync(getattr(administration, deed)(what or sid, actor=ROOT, reason=WHY))
    assert run_sync(world.homeserver.sessions.get(sid)) == before
    with pytest.raises(ConfigurationError, match="record"):
        Administration(role=world.homeserver, audit=object())  # type: ignore[arg-type]


@pytest.mark.rule("SEC-163")
@pytest.mark.parametrize("reason", ["", "  ", "two\nlines", "x" * 501, "\x1b[2J"])
def test_a_reason_is_needed(desk: Desk, reason: str) -> None:
    """Without a printable reason nothing is done."""
    sid = desk.world.ask().json()["sid"]
    with pytest.raises(InvalidParam, match="reason"):
        desk.do("cancel", sid, reason=reason)
    assert (desk.stored(sid).over, desk.deeds) == (False, [])


def test_the_audit_finds_a_deed_by_user_and_address(desk: Desk) -> None:
    """A deed is listed with the user whom it concerns, and the listener hears of it."""
    sid = desk.world.ask(user=ALICE).json()["sid"]
    desk.do("cancel", sid)
    (entry,) = run_sync(desk.audit.list(user_id=ALICE))
    assert (entry.details["actor"], entry.details["session"]) == (ROOT, sid)
    assert [event.action for event in desk.world.events.of(Administered)] == ["cancel"]


# -- limits, bindings, data -------------------------------------------------------------------------


def test_limits_of_an_address_are_lifted(make_desk: Callable[..., Desk]) -> None:
    """After many mails the next one is sent at once; the client's own limit stays."""
    desk = make_desk(limits=evolve(GENEROUS, mails_a_day=3, mails_kept=1, per_client=Limits().per_client))
    for attempt in range(1, 5):
        last = desk.world.ask(attempt=attempt)
    assert last.status == 429
    desk.do("lift_limits", MAIL)
    assert desk.world.ask(attempt=5).status == 200
    assert {room.used for room in desk.look("explain", MAIL).limits} == {1}


def test_limits_of_codes_and_users_are_lifted(make_world: Callable[..., World], make_desk: Callable[..., Desk]) -> None:
    """Guesses of a number's codes, and the messages that a user asked for, begin anew."""
    limits = evolve(GENEROUS, guesses=2, guesses_kept=0, per_user=Limits().per_user)
    desk = make_desk(texting(make_world, policy={"limits": limits}))
    sid, code = asked(desk.world, user=ALICE)
    answers = [submit(desk.world, sid, wrong(code)).status for _ in range(3)]
    assert answers == [400, 400, 429]
    desk.do("lift_limits", "+447700900001")
    assert submit(desk.world, sid, code).status == 200
    assert desk.look("explain", ALICE).limits
    desk.do("lift_limits", ALICE)
    assert desk.look("explain", ALICE).limits == ()
    with pytest.raises(InvalidParam):
        desk.do("lift_limits", sid)


@pytest.mark.answers_5xx(502)
def test_bindings_are_listed_and_taken_back(make_world: Callable[..., World], make_desk: Callable[..., Desk]) -> None:
    """What is published is unbound; what fails is tried again, and listed as such."""
    desk = make_desk(_bound(make_world))
    assert [(each.id_server, each.unwanted_since) for each in desk.look("bindings", ALICE)] == [(SERVER, None)]
    _servers(desk.world).script("unbind", SERVER, Unreachable("no connection"))
    assert desk.do("unbind", ALICE) == "no-support"
    assert [each.attempts for each in desk.look("bindings", ALICE)] == [1]
    assert desk.do("unbind", ALICE, MAIL) == "success"
    assert (desk.look("bindings", ALICE), _servers(desk.world).published) == ([], {})


def test_sessions_are_listed_without_secrets(desk: Desk) -> None:
    """By address, user and id, with what has become of each; addresses are masked."""
    sid = desk.world.ask(user=ALICE).json()["sid"]
    desk.world.ask("other@example.org", secret="other")
    for what in (MAIL, ALICE, sid):
        (seen,) = desk.look("sessions", what)
        assert (seen.sid, seen.state, seen.address, seen.user_id) == (sid, "handed_over", "a***@example.org", ALICE)
    assert desk.look("sessions", "unknown") == []


def test_a_user_is_exported_and_erased(desk: Desk) -> None:
    """The export has whole addresses and no secret; after the erasure there is nothing left but the audit."""
    world = desk.world
    give(world, MAIL, ALICE)
    world.ask("new@example.org", secret="s3cr3t-of-the-client", user=ALICE)
    export = desk.do("export", ALICE)
    assert [each["address"] for each in export["threepids"]] == [MAIL]
    assert [each["address"] for each in export["sessions"]] == ["new@example.org"]
    assert [each["event"] for each in export["audit"]] == ["Administered"]
    token = (world.outbox.last.link or "").rpartition("=")[2]
    assert [secret for secret in ("s3cr3t-of-the-client", token) if secret in repr(export)] == []
    assert desk.do("erase", ALICE) == []
    after = desk.do("export", ALICE)
    assert (after["threepids"], after["sessions"], len(after["audit"])) == ([], [], 3)
    world.outbox.messages.clear()  # their session is gone, which ``check_invariants`` does not know


# -- messages and suppressions ----------------------------------------------------------------------


def test_messages_are_listed_with_their_fates(make_world: Callable[..., World], make_desk: Callable[..., Desk]) -> None:
    """By session and by address, the newest first; a message that is sent again is one more."""
    world, sid = full_mailbox(make_world)
    desk = make_desk(world)
    (seen,) = desk.look("messages", sid)
    assert (seen.status, [each.status for each in seen.events]) == ("bounced_soft", ["handed_over", "bounced_soft"])
    fresh = world.ask("second@example.org", secret="other", user=ALICE).json()["sid"]
    desk.do("send_again", fresh)
    assert [each.status for each in desk.look("messages", fresh)] == ["handed_over"] * 2
    assert [each.sid for each in desk.look("messages", MAIL)] == [sid]
    assert len(desk.do("export", ALICE)["messages"]) == 2
    with pytest.raises(InvalidParam):
        desk.look("messages", ALICE)


def test_a_suppression_is_listed_and_lifted(make_world: Callable[..., World], make_desk: Callable[..., Desk]) -> None:
    """What is held against an address is told with its reason, and is gone after it was lifted."""
    world, _ = mailbox_made_later(make_world)
    desk = make_desk(world)
    (held,) = desk.look("suppressions", MAIL)
    assert (held.reason, held.until is not None and held.until > world.clock()) == ("5.1.1", True)
    assert run_sync(desk.administration.suppressions(actor=ROOT)) == [held]
    assert run_sync(desk.administration.suppressions(actor=ROOT, after=held.key)) == []
    assert (desk.do("lift_suppression", MAIL), desk.do("lift_suppression", MAIL)) == (True, False)
    assert desk.look("suppressions", MAIL) == []
    assert desk.look("explain", MAIL).cause_of("register") is None


def test_what_is_not_recorded_is_not_listed(desk: Desk) -> None:
    """Without the stores there is nothing to list or to lift, and that is said."""
    for look in ("messages", "suppressions"):
        with pytest.raises(Forbidden):
            desk.look(look, MAIL)
    with pytest.raises(Forbidden):
        desk.do("lift_suppression", MAIL)
    assert desk.deeds == []


@pytest.mark.rule("SEC-160", "SEC-163")
@pytest.mark.parametrize("heard", [False, True], ids=["beside the listener", "as the listener"])
def test_what_is_looked_at_is_in_the_audit_once(desk: Desk, heard: bool) -> None:
    """Looks and deeds are written once, whether or not the audit is a listener of the role as well."""
    if heard:
        desk.world.rewire(listener=desk.audit)
    sid = desk.world.ask(user=ALICE).json()["sid"]
    desk.look("sessions", sid)
    desk.do("cancel", sid)
    run_sync(desk.audit.write())
    entries = [each.event for each in run_sync(desk.audit.list())]
    assert sorted(each for each in entries if each in ("Administered", "Explained")) == ["Administered", "Explained"]


@pytest.mark.rule("SEC-162")
def test_many_notices_before_hide_no_confirmation(desk: Desk) -> None:
    """The old address is told of a confirmation by hand although it had all notices of the day before."""
    world = desk.world
    give(world, "old@example.org", ALICE)
    for number in range(25):
        world.add(world.prove(f"new{number}@example.org", secret=f"s{number}"), secret=f"s{number}")
        world.post("/account/3pid/delete", {"medium": "email", "address": f"new{number}@example.org"}, ALICE)
    sid = world.ask(user=ALICE).json()["sid"]
    desk.do("confirm", sid)
    while deliver(world):
        pass
    told = [each.recipient for each in world.outbox.messages if each.kind is MessageKind.BY_HAND]
    assert sorted(told) == [MAIL, "old@example.org"]
