"""``hide_known_addresses``: nobody learns from an answer whether an address has an account."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from matrix_threepid import Limit, Limits, Response
from matrix_threepid.flows import session_access
from matrix_threepid.model.message import MessageKind, RefusedForever
from matrix_threepid.testing import ALICE, BOB, World

from .acting import PURPOSES, SUBMIT, deliver, dump, give, recorded, refusal, submit

KNOWN, UNKNOWN = "known@example.org", "other@example.org"


@pytest.fixture
def hiding(make_world: Callable[..., World]) -> Callable[..., World]:
    """Make a world that hides which addresses it knows; Bob has one."""

    def make(**policy: Any) -> World:
        world = make_world({"hide_known_addresses": True, **policy})
        give(world, KNOWN, BOB, "Known@example.org")
        return world

    return make


def shape(response: Response) -> Any:
    body = response.json()
    return response.status, response.headers, {name: len(str(value)) for name, value in body.items()}


@pytest.mark.rule("REQ-REQTOK-4", "SEC-27", "SEC-28")
@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("user", [None, ALICE, BOB])
@pytest.mark.parametrize("reset_by", ["link", "code", "both"])
def test_answers_and_traces_are_alike(
    hiding: Callable[..., World], purpose: str, user: str | None, reset_by: str
) -> None:
    """Known or not: same status, headers, members and lengths, and the same calls of ports in the same order."""
    seen = []
    for address in (KNOWN, UNKNOWN):
        world = hiding(password_reset_by=reset_by)
        trace = recorded(world)
        answers = [world.ask(address, purpose=purpose, user=user, attempt=attempt) for attempt in (1, 1, 2)]
        assert len({answer.json()["sid"] for answer in answers}) == 1
        seen.append(([shape(answer) for answer in answers], trace))
    assert seen[0] == seen[1]
    assert seen[0][0][0][0] == 200
    assert "accounts.owner" in seen[0][1]
    assert "sender.send" not in seen[0][1]


@pytest.mark.rule("REQ-REQTOK-4", "SEC-27")
@pytest.mark.parametrize("purpose", PURPOSES)
def test_sessions_are_the_same_in_both_worlds(hiding: Callable[..., World], purpose: str) -> None:
    """Real sessions and decoys differ by secret, by address and by age in the same way."""
    world = hiding()
    for address in (KNOWN, UNKNOWN):
        first = world.ask(address, purpose=purpose).json()["sid"]
        assert world.ask(address.upper(), purpose=purpose).json()["sid"] == first
        assert world.ask(address, "other", purpose=purpose).json()["sid"] != first
    world.clock.advance(86_400_000)
    assert world.ask(KNOWN, purpose=purpose).json()["sid"] not in {session.sid for session in dump(world)[:4]}


@pytest.mark.rule("REQ-REQTOK-4", "SEC-27")
@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("reset_by", ["link", "code", "both"])
def test_wrong_tokens_answer_alike(hiding: Callable[..., World], purpose: str, reset_by: str) -> None:
    """A guess at a decoy is answered as one at a real session, to the last one allowed, before and after sending."""
    world = hiding(password_reset_by=reset_by)
    answers: dict[str, list[Any]] = {KNOWN: [], UNKNOWN: []}
    for address, seen in answers.items():
        sid = world.ask(address, purpose=purpose).json()["sid"]
        seen.append(shape(submit(world, sid, "0" * 5)))
        deliver(world)
        seen += [shape(submit(world, sid, "0" * 5)) for _ in range(6)]
        world.clock.advance(3_600_000)
        seen.append(shape(submit(world, sid, "0" * 5)))
    assert answers[KNOWN] == answers[UNKNOWN]


@pytest.mark.rule("REQ-REQTOK-3")
@pytest.mark.parametrize("purpose", ["add", "register"])
def test_the_owner_of_a_known_address_is_told(hiding: Callable[..., World], purpose: str) -> None:
    """An address in use gets a notice without any token, at the spelling its owner proved."""
    world = hiding()
    world.ask("\u212anown@example.org", purpose=purpose)
    deliver(world)
    [message] = world.outbox.messages
    assert (message.kind, message.recipient) == (MessageKind.IN_USE, "Known@example.org")
    assert (message.link, message.code) == (None, None)


def test_a_reset_for_an_unknown_address_sends_nothing(hiding: Callable[..., World]) -> None:
    """Nobody is mailed about a password reset for an address that is on no account."""
    world = hiding()
    world.ask(UNKNOWN, purpose="password")
    assert deliver(world) == 1
    assert not world.outbox.messages
    assert deliver(world) == 0


@pytest.mark.rule("SEC-27")
def test_the_reader_of_an_unknown_address_may_be_told(hiding: Callable[..., World]) -> None:
    """With ``mail_unknown_addresses`` the mailbox learns that no account has its address; the client learns nothing."""
    seen = []
    for address in (KNOWN, UNKNOWN):
        world = hiding(mail_unknown_addresses=True)
        trace = recorded(world)
        seen.append((shape(world.ask(address, purpose="password")), trace))
        assert deliver(world) == 1
    assert seen[0] == seen[1]
    [message] = world.outbox.messages
    assert (message.kind, message.recipient, message.link, message.code) == (
        MessageKind.UNKNOWN_ADDRESS,
        UNKNOWN,
        None,
        None,
    )


@pytest.mark.parametrize(("address", "purpose"), [(UNKNOWN, "add"), (UNKNOWN, "register"), (KNOWN, "password")])
def test_honest_requests_work(hiding: Callable[..., World], address: str, purpose: str) -> None:
    """What is not hidden goes on as ever, once a worker has sent the mail."""
    world = hiding()
    world.ask(address, purpose=purpose)
    deliver(world)
    assert world.confirm().status == 303
    assert dump(world)[0].validated_at is not None


@pytest.mark.parametrize(("purpose", "address"), [("add", KNOWN), ("register", KNOWN), ("password", UNKNOWN)])
@pytest.mark.parametrize("reset_by", ["link", "code", "both"])
def test_a_decoy_cannot_be_validated(hiding: Callable[..., World], purpose: str, address: str, reset_by: str) -> None:
    """Not even the token that would be its own, had it one, validates a decoy."""
    world = hiding(mail_proof=reset_by)
    decoy = world.ask(address, purpose=purpose).json()["sid"]
    deliver(world)
    [session] = dump(world)
    role = world.homeserver
    token = (session_access.link_token if session.has_link else session_access.code)(role, session)
    assert refusal(submit(world, decoy, token)) == (400, "M_TOKEN_INCORRECT")
    assert world.call("GET", SUBMIT, query=f"sid={decoy}&token={token}").status == 400
    assert dump(world)[0].validated_at is None


@pytest.mark.rule("SEC-27")
@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_failing_sender_gives_nothing_away(hiding: Callable[..., World], purpose: str) -> None:
    """Whether the mail server takes the message or not, the next answer is the same."""
    world = hiding()
    world.outbox.outcomes += [RefusedForever("no such user")] * 2
    answers = []
    for address in (KNOWN, UNKNOWN):
        world.ask(address, purpose=purpose)
        deliver(world)
        answers.append(shape(world.ask(address, purpose=purpose)))
    assert answers[0] == answers[1]


@pytest.mark.rule("SEC-27")
@pytest.mark.parametrize("purpose", PURPOSES)
def test_limits_and_rules_answer_alike(hiding: Callable[..., World], purpose: str) -> None:
    """A limit and a rule refuse known and unknown addresses with the same words."""
    world = hiding(limits=Limits(per_client=Limit(1, 0.001), per_address=Limit(9, 1), per_user=Limit(9, 1), apart=0))
    world.ask("first@example.org")
    assert world.ask(KNOWN, purpose=purpose).body == world.ask(UNKNOWN, purpose=purpose).body
    world.rules.denied |= {KNOWN, UNKNOWN}
    assert world.ask(KNOWN, purpose=purpose).body == world.ask(UNKNOWN, purpose=purpose).body


def test_deciding_later_still_hides(hiding: Callable[..., World]) -> None:
    """Who proved an address that was taken meanwhile learns it only after proving it."""
    world = hiding()
    sid = world.ask(UNKNOWN).json()["sid"]
    deliver(world)
    world.confirm()
    give(world, UNKNOWN, BOB)
    assert refusal(world.add(sid)) == (400, "M_THREEPID_IN_USE")


def test_a_freed_address_can_be_proved_by_the_same_request(hiding: Callable[..., World]) -> None:
    """When an address becomes free, a larger attempt of the same request gets a mail that works."""
    world = hiding()
    sid = world.ask(KNOWN).json()["sid"]
    world.post("/account/3pid/delete", {"medium": "email", "address": KNOWN}, BOB)
    assert world.ask(KNOWN, attempt=2).json()["sid"] == sid
    deliver(world)
    assert world.outbox.last.kind is MessageKind.TOKEN


HOME, CAFE = "203.0.113.7", "198.51.100.9"


@pytest.fixture
def resetting(hiding: Callable[..., World]) -> World:
    """A world that resets passwords by code: Alice has validated her address at home, and strangers have guessed."""
    world = hiding(password_reset_by="code", limits=Limits(apart=0, mails_a_day=1000, per_address=Limit(1000, 1)))
    sid = world.ask("alice@example.org", user=ALICE, client=HOME).json()["sid"]
    deliver(world)
    assert world.confirm().status == 303
    assert world.add(sid, user=ALICE).status == 200
    for address in ("alice@example.org", KNOWN, UNKNOWN):
        for number in range(3):
            guessed(world, address, f"stranger{number}", f"192.0.2.{number}", times=5)
    return world


def reset(world: World, address: str, secret: str, client: str) -> tuple[str, str]:
    """Ask for a reset; return the session and the code that was sent, empty for none."""
    sent = len(world.outbox.messages)
    sid = world.ask(address, secret, purpose="password", client=client).json()["sid"]
    deliver(world)
    return sid, (world.outbox.last.code or "") if len(world.outbox.messages) > sent else ""


def guessed(world: World, address: str, secret: str, client: str, times: int) -> list[tuple[int, str]]:
    """Type wrong codes into a new session; return what is heard."""
    sid, code = reset(world, address, secret, client)
    wrong = "000000" if code != "000000" else "111111"
    return [refusal(submit(world, sid, wrong, secret, client=client)) for _ in range(times)]


@pytest.mark.rule("SEC-24", "SEC-45")
def test_strangers_cannot_lock_a_reset(resetting: World) -> None:
    """A network from which the address was validated has ten codes more, and no other network has any."""
    sid, code = reset(resetting, "alice@example.org", "cafe", CAFE)
    assert refusal(submit(resetting, sid, code, "cafe", client=CAFE)) == (429, "M_LIMIT_EXCEEDED")
    for number in range(2):
        guessed(resetting, "alice@example.org", f"home{number}", HOME, times=5 - number)
    sid, code = reset(resetting, "alice@example.org", "home", HOME)
    assert submit(resetting, sid, code, "home", client=HOME).status == 200
    sid, code = reset(resetting, "alice@example.org", "late", HOME)
    assert refusal(submit(resetting, sid, code, "late", client=HOME)) == (429, "M_LIMIT_EXCEEDED")


@pytest.mark.rule("REQ-REQTOK-4", "SEC-27")
def test_a_neighbour_learns_nothing_from_wrong_codes(resetting: World) -> None:
    """Wrong codes are answered alike from every network, whether the address was validated there, and by how many."""
    asked = [(address, client) for address in ("alice@example.org", KNOWN, UNKNOWN) for client in (HOME, CAFE)]
    seen = [[guessed(resetting, address, f"{n}-{client}", client, 8) for n in range(3)] for address, client in asked]
    assert all(each == seen[0] for each in seen)
    assert set(seen[0][0]) == {(429, "M_LIMIT_EXCEEDED"), (400, "M_SESSION_EXPIRED")}


@pytest.fixture
def flooded(hiding: Callable[..., World]) -> World:
    """A world in which Alice has validated her address at home, and strangers have used up the mails of the day."""
    world = hiding(limits=Limits(apart=0, per_address=Limit(100, 1), mails_a_day=8, mails_kept=3))
    sid = world.ask("alice@example.org", user=ALICE, client=HOME).json()["sid"]
    deliver(world)
    assert (world.confirm().status, world.add(sid, user=ALICE).status) == (303, 200)
    world.clock.advance(86_400_000)
    for address in ("alice@example.org", KNOWN, UNKNOWN):
        for number in range(5):
            secret = f"stranger{number}"
            assert world.ask(address, secret, purpose="password", client=f"192.0.2.{number}").status == 200
    deliver(world)
    world.outbox.messages.clear()
    return world


def asked(world: World, address: str, client: str, times: int) -> list[Any]:
    """Ask for resets; return the answers, of which the first is repeated."""
    names = ["0", *map(str, range(times))]
    return [shape(world.ask(address, client + name, purpose="password", client=client)) for name in names]


@pytest.mark.rule("SEC-45", "REQ-REQTOK-4")
def test_strangers_cannot_keep_a_reset_from_who_is_at_home(flooded: World) -> None:
    """A network from which the address was validated gets what is kept for the owner; a repetition costs nothing."""
    answers = asked(flooded, "alice@example.org", HOME, 4)
    assert [answer[0] for answer in answers] == [200, 200, 200, 200, 429]
    deliver(flooded)
    assert {message.recipient for message in flooded.outbox.messages} == {"alice@example.org"}
    assert len(flooded.outbox.messages) == 3
    assert flooded.confirm().status == 303


@pytest.mark.rule("REQ-REQTOK-4", "SEC-27")
@pytest.mark.parametrize("drained", [False, True], ids=["first", "after the owner"])
def test_a_neighbour_learns_nothing_from_what_is_kept(flooded: World, drained: bool) -> None:
    """Every network is answered alike when strangers get no more, and only those of the owner cause mails."""
    for number in range(2 * drained):  # the owner is known by her account as well
        answer = flooded.ask("alice@example.org", f"mine{number}", purpose="password", user=ALICE, client="192.0.2.99")
        assert answer.status == 200
    seen = []
    for address in ("alice@example.org", KNOWN, UNKNOWN):
        for client in (HOME, CAFE):
            trace = recorded(flooded)
            seen.append((asked(flooded, address, client, 4), [*trace]))
    assert all(each == seen[0] for each in seen)
    deliver(flooded)
    assert [message.recipient for message in flooded.outbox.messages] == ["alice@example.org"] * 3
