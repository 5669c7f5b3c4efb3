"""A new mail by the button of an old link's page: for whom it is, which limits it has, and what it tells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from matrix_threepid import Limit, Response, run_sync
from matrix_threepid.flows.delivery import record_delivery
from matrix_threepid.memory.messages import MemoryMessages
from matrix_threepid.memory.suppressions import MemorySuppressions
from matrix_threepid.model.delivery import DeliveryEvent, DeliveryStatus
from matrix_threepid.model.message import MessageKind, RefusedForever, RefusedForNow, TokenMessage
from matrix_threepid.testing import ALICE, BOB, World

from .acting import DAY, HOUR, MINUTE, PURPOSES, SUBMIT, ask_for, deliver, dump, give, limited, proved_for, recorded
from .reading import read

MakeWorld = Callable[..., World]
BUTTON = "Send a new mail"


def _late(world: World, purpose: str = "add", **more: Any) -> TokenMessage:
    """Ask for a mail, and wait until its link is too old; return the mail."""
    ask_for(world, purpose, **more)
    first = world.outbox.last
    world.clock.advance(HOUR)
    return first


def _press(world: World, message: TokenMessage, **fields: str) -> Response:
    return world.confirm(message, answer="again", **fields)


def _offered(page: Response) -> bool:
    return BUTTON in page.body.decode()


@pytest.mark.rule("REQ-LINK-7")
@pytest.mark.parametrize("purpose", PURPOSES)
def test_who_comes_too_late_gets_a_new_mail(world: World, purpose: str) -> None:
    """The page of a link that is too old has a button, which sends a new mail; its link serves the same client."""
    first = _late(world, purpose)
    page = world.open_link(first)
    assert (page.status, _offered(page), len(read(page).of("form"))) == (400, True, 1)
    sent = _press(world, first)
    assert (sent.status, read(sent).of("form")) == (200, [])
    assert "A new mail is on its way" in read(sent).text
    assert "a***@example.org" in read(sent).text
    assert [message.recipient for message in world.outbox.messages] == [first.recipient] * 2
    assert world.confirm(world.outbox.last).status == 303
    [session] = dump(world)
    assert session.validated_at == world.clock.now
    assert (session.send_attempt, session.sid) == (1, world.outbox.last.link.partition("sid=")[2].partition("&")[0])


@pytest.mark.rule("REQ-LINK-7", "REQ-LINK-3")
def test_looking_at_the_page_sends_nothing(world: World) -> None:
    """GET and HEAD of the page change nothing, and a form of another site sends nothing."""
    first = _late(world)
    before = dump(world)
    for method in ("GET", "HEAD", "GET"):
        world.open_link(first, method=method)
    query = (first.link or "").partition("?")[2]
    headers = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "cross-site"}
    assert world.call("POST", SUBMIT, f"{query}&answer=again".encode(), headers=headers).status == 403
    assert (dump(world), len(world.outbox.messages)) == (before, 1)


@pytest.mark.rule("REQ-LINK-7")
@pytest.mark.parametrize("wrong", [{"token": "x" * 43}, {"sid": "unknown"}, {"client_secret": "other"}])
def test_only_the_reader_of_a_link_may_ask(world: World, wrong: dict[str, str]) -> None:
    """Without the token of a link, or with another client secret beside it, nothing is sent."""
    first = _late(world)
    assert _press(world, first, **wrong).status == 400
    assert world.outbox.messages == [first]


@pytest.mark.rule("REQ-LINK-7")
def test_a_used_link_leads_to_the_open_request(world: World) -> None:
    """Who opens the link of a request that has served gets a new mail of the one that is open now, and no other."""
    world.add(proved_for(world, "add"))
    used = world.outbox.last
    assert not _offered(world.open_link(used))
    assert _press(world, used).status == 200
    world.post("/account/3pid/delete", {"medium": "email", "address": "alice@example.org"}, ALICE)
    world.ask(secret="another", purpose="register")
    assert not _offered(world.open_link(used))  # that is for another purpose
    world.ask(secret="older")
    world.clock.advance(1)
    world.ask(secret="newest")
    newest = world.outbox.last
    page = world.open_link(used)
    assert (page.status, _offered(page)) == (200, True)
    world.outbox.messages.clear()
    assert _press(world, used).status == 200
    assert [message.link for message in world.outbox.messages] == [newest.link]


@pytest.mark.rule("REQ-LINK-7")
@pytest.mark.parametrize("state", ["stopped", "confirmed", "ended with nobody waiting", "gone for a day"])
def test_nothing_is_sent_where_nobody_waits(world: World, state: str) -> None:
    """A stopped request stays stopped, a confirmed one needs no mail, and one that has ended serves no client."""
    world.ask()
    first = world.outbox.last
    if state == "stopped":
        world.confirm(answer="refuse")
        world.ask(secret="another", client="198.51.100.1")
        world.outbox.messages[:] = [first]
    elif state == "confirmed":
        world.confirm()
    elif state == "ended with nobody waiting":
        world.confirm()
        world.clock.advance(HOUR)
    else:
        world.clock.advance(DAY)
    assert not _offered(world.open_link(first))
    assert "A new mail is on its way" not in read(_press(world, first)).text
    assert world.outbox.messages == [first]


@pytest.mark.rule("REQ-LINK-7")
@pytest.mark.parametrize(
    "limit",
    [
        {"per_address": Limit(1, 1 / DAY)},
        {"per_client": Limit(1, 1 / DAY)},
        {"mails_a_day": 3, "mails_kept": 0},
        {"apart": 2 * HOUR},
    ],
    ids=str,
)
def test_every_limit_of_a_request_holds(make_world: MakeWorld, limit: dict[str, Any]) -> None:
    """The button is charged as a request for a mail is; past a limit the page says when to come back."""
    world = make_world(limited(**limit))
    first = _late(world)
    sent = 0
    for _ in range(10):
        answer = _press(world, first)
        if answer.status == 429:
            break
        sent += 1
        world.clock.advance(MINUTE)
    assert sent < 3
    assert len(world.outbox.messages) == 1 + sent
    assert "Too many mails" in read(answer).text
    assert "Try again in " in read(answer).text
    # What the button has used up is used up for clients as well, whose error says the same.
    assert world.ask(attempt=2).status == 429


@pytest.mark.rule("REQ-LINK-7", "SEC-45")
def test_no_mail_is_promised_that_is_not_sent(make_world: MakeWorld) -> None:
    """With hidden addresses a client hears nothing of the end of a day's mails; the reader of a link is told."""
    world = make_world({"hide_known_addresses": True, **limited(mails_a_day=3, mails_kept=1)})
    world.ask()
    deliver(world)
    first = world.outbox.last
    for number in range(3):
        assert world.ask(secret=f"stranger{number}", client=f"192.0.2.{number}").status == 200
    deliver(world)
    world.outbox.messages.clear()
    world.clock.advance(HOUR)
    answer = _press(world, first)
    deliver(world)
    assert (answer.status, world.outbox.messages) == (429, [])


@pytest.mark.rule("REQ-LINK-7")
def test_a_stopped_network_gets_no_mail_by_the_button(world: World) -> None:
    """A network that may not ask for an address, since its reader said "this was not me", has no button either."""
    first = _late(world)
    world.ask(secret="theirs")
    world.confirm(answer="refuse")
    world.outbox.messages.clear()
    assert _press(world, first).status == 429
    assert world.outbox.messages == []


@pytest.mark.rule("REQ-LINK-7", "SEC-55")
def test_the_rules_of_the_host_hold(world: World) -> None:
    """An address that the host refuses by now gets no mail, and nothing is charged."""
    first = _late(world)
    world.rules.denied.add("alice@example.org")
    assert "The mail could not be sent" in read(_press(world, first)).text
    assert world.outbox.messages == [first]


@pytest.mark.rule("REQ-LINK-7")
@pytest.mark.parametrize("outcome", [RefusedForever("RCPT was answered 550"), RefusedForNow("answer 451")], ids=str)
def test_what_cannot_be_sent_is_said(world: World, outcome: Any) -> None:
    """If the mail server takes no mail, the page says so, and not that one is on its way; a later press sends one."""
    first = _late(world)
    world.outbox.outcomes.append(outcome)
    answer = _press(world, first)
    assert (answer.status, "The mail could not be sent" in read(answer).text) == (400, True)
    world.outbox.messages.clear()
    assert _press(world, first).status == 200
    assert len(world.outbox.messages) == 1


@pytest.mark.rule("REQ-LINK-7")
def test_two_presses_at_once_send_one_mail(make_world: MakeWorld) -> None:
    """While a mail of the request is being sent, a second press sends none and is charged to the network alone."""
    world = make_world(limited(mails_a_day=3, mails_kept=0))
    first = _late(world)
    second: list[Response] = []

    async def press() -> None:
        if not second:
            second.append(Response(0, (), b""))
            parts = (first.link or "").partition("?")[2]
            headers = {"content-type": "application/x-www-form-urlencoded"}
            second[0] = await world.acall("POST", SUBMIT, f"{parts}&answer=again".encode(), headers=headers)

    world.outbox.before = press
    assert [_press(world, first).status, second[0].status] == [200, 200]
    assert len(world.outbox.messages) == 2
    assert _press(world, first).status == 200


@pytest.mark.rule("REQ-LINK-7", "REQ-REQTOK-4")
def test_the_answer_does_not_tell_who_has_the_address(make_world: MakeWorld) -> None:
    """With hidden addresses page, answer and charges are the same whether the open request is a decoy or not."""
    seen = []
    for known in (False, True):
        world = make_world({"hide_known_addresses": True})
        sid = world.ask(secret="first").json()["sid"]
        deliver(world)
        used = world.outbox.last
        world.confirm(used)
        assert world.add(sid, secret="first").status == 200
        world.post("/account/3pid/delete", {"medium": "email", "address": "alice@example.org"}, ALICE)
        deliver(world)
        if known:
            give(world, "alice@example.org", BOB)
        world.ask(secret="second")
        deliver(world)
        world.outbox.messages.clear()
        trace = recorded(world)
        page, sent = world.open_link(used), _press(world, used)
        seen.append((page.status, read(page).text, sent.status, sent.body, trace[:]))
        assert _offered(page)
        deliver(world)
        kinds = [message.kind for message in world.outbox.messages]
        assert kinds == [MessageKind.IN_USE if known else MessageKind.TOKEN]
    assert seen[0] == seen[1]


@pytest.mark.rule("REQ-LINK-7")
def test_a_worker_sends_it_where_sending_is_deferred(deferring: World) -> None:
    """With deferred sending the answer comes first, and the worker sends the mail."""
    deferring.ask()
    deliver(deferring)
    first = deferring.outbox.last
    deferring.clock.advance(HOUR)
    assert _press(deferring, first).status == 200
    assert len(deferring.outbox.messages) == 1
    assert deliver(deferring) == 1
    assert deferring.confirm(deferring.outbox.last).status == 303


def _bounce(world: World) -> None:
    """Report that the newest message came back, since its mailbox does not exist."""
    messages = world.homeserver.messages
    newest = max(messages.dump(), key=lambda row: row.written_at)  # type: ignore[union-attr]
    event = DeliveryEvent(
        message_id=newest.id,
        status=DeliveryStatus.BOUNCED,
        at=world.clock.now,
        provider="test",
        reason="5.1.1",
        permanent_address_failure=True,
    )
    assert run_sync(record_delivery(world.homeserver, event)) is not None


CAME_BACK = "Mails to a***@example.org came back."


@pytest.mark.rule("REQ-LINK-8", "SEC-148")
def test_the_page_says_that_mails_came_back(make_world: MakeWorld) -> None:
    """While the link works, after it, and where a new mail is kept back for it, the page says that mails came back."""
    world = make_world(messages=MemoryMessages(), suppressions=MemorySuppressions())
    world.ask()
    first = world.outbox.last
    assert CAME_BACK not in read(world.open_link()).text
    _bounce(world)
    page = read(world.open_link())
    assert (CAME_BACK in page.text, len(page.of("button"))) == (True, 1)
    world.clock.advance(HOUR)
    assert CAME_BACK in read(world.open_link()).text
    assert _press(world, first).status == 200  # one a day is let through
    _bounce(world)
    kept = _press(world, first)
    assert (kept.status, CAME_BACK in read(kept).text) == (400, True)
    assert len(world.outbox.messages) == 2


@pytest.mark.rule("REQ-LINK-8", "REQ-REQTOK-4")
def test_with_hidden_addresses_the_page_says_nothing_of_it(make_world: MakeWorld) -> None:
    """Where it is hidden who has an address, no page says that a mail came back."""
    world = make_world({"hide_known_addresses": True}, messages=MemoryMessages(), suppressions=MemorySuppressions())
    world.ask()
    deliver(world)
    first = world.outbox.last
    _bounce(world)
    for _ in range(2):
        assert "came back" not in read(world.open_link(first)).text
        world.clock.advance(HOUR)
    assert "came back" not in read(_press(world, first)).text


@pytest.mark.rule("REQ-LINK-7")
def test_a_mail_never_promises_more_than_is_left(world: World) -> None:
    """The mail of a session that ends within the hour says how long its link works in fact."""
    world.ask()
    first = world.outbox.last
    world.clock.advance(DAY - 10 * MINUTE)
    _press(world, first)
    assert (first.lifetime, world.outbox.last.lifetime) == (HOUR, 10 * MINUTE)


@pytest.mark.rule("REQ-LINK-7")
@pytest.mark.parametrize(
    ("purpose", "stranger"), [("add", {"user": BOB}), *((purpose, {"client": "203.0.113.77"}) for purpose in PURPOSES)]
)
def test_a_stranger_gets_no_confirmation_by_the_button(world: World, purpose: str, stranger: dict[str, str]) -> None:
    """A request that another user or network has made for the address is not what the reader of a link waits for."""
    first = _late(world, purpose)
    world.clock.advance(DAY - HOUR)  # so that the request of the link is over, and remembered
    ask_for(world, purpose, secret="strange", **stranger)
    theirs = len(world.outbox.messages)
    assert not _offered(world.open_link(first))
    _press(world, first)
    assert len(world.outbox.messages) == theirs
