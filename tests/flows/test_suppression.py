"""Addresses to which messages came back get no more for a while, and nobody learns who has them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from matrix_threepid import Limit, Limits, Medium, Peppers, Purpose, run_sync
from matrix_threepid.flows.delivery import record_delivery
from matrix_threepid.memory.messages import MemoryMessages
from matrix_threepid.memory.suppressions import MemorySuppressions
from matrix_threepid.model.delivery import DeliveryEvent, DeliveryStatus
from matrix_threepid.model.email import canonical_email
from matrix_threepid.model.message import MessageKind, RefusedForever
from matrix_threepid.model.outbound import OutboundMessage
from matrix_threepid.policy import Conversion
from matrix_threepid.protocol.errors import Unauthorized
from matrix_threepid.stores.sql import SqlLimits, SqlMessages, SqlSessions, SqlSuppressions, migrate
from matrix_threepid.stores.sqlite import Sqlite
from matrix_threepid.testing import ALICE, BOB, GENEROUS_SMS, World
from matrix_threepid.testing.world import PEPPER

ADDRESS = "dead@example.org"
DAY = 86_400_000
MakeWorld = Callable[..., World]
Ports = dict[str, Any]


async def _awaited(awaitable: Any) -> Any:
    return await awaitable


@pytest.fixture(params=["in memory", "in a database"])
def ports(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ports]:
    """Stores that record messages and suppress addresses."""
    if request.param == "in memory":
        yield {"messages": MemoryMessages(), "suppressions": MemorySuppressions()}
        return
    with closing(Sqlite(str(tmp_path / "threepid.db"))) as db:
        run_sync(_awaited(migrate(db)))
        stores = {"sessions": SqlSessions(db), "limiter": SqlLimits(db), "messages": SqlMessages(db)}
        yield {**stores, "suppressions": SqlSuppressions(db)}


def _newest(world: World) -> OutboundMessage:
    rows = world.homeserver.messages.dump()  # type: ignore[union-attr]
    return max(rows, key=lambda row: (row.written_at, row.sid or ""))


def _report(world: World, status: DeliveryStatus, reason: str = "", message: OutboundMessage | None = None) -> bool:
    """Report what became of a message, by default the newest; return whether that was news."""
    event = DeliveryEvent(
        message_id=(message or _newest(world)).id,
        status=status,
        at=world.clock(),
        provider="dsn",
        reason=reason,
        permanent_address_failure=reason in ("5.1.1", "5.1.2", "5.1.10"),
    )
    return run_sync(_awaited(record_delivery(world.homeserver, event))) is not None


def _ask(world: World, secret: str, address: str = ADDRESS, user: str | None = None, **more: Any) -> Any:
    world.clock.advance(1)
    body = {"email": address, "client_secret": secret, "send_attempt": 1}
    return world.post(f"{more.pop('path', '/account/3pid')}/email/requestToken", body, user, **more)


def _bounced(world: World) -> None:
    """Let a message to the address come back, and use up the one that is let through that day."""
    assert _ask(world, "first").status == 200
    assert _report(world, DeliveryStatus.BOUNCED, "5.1.1")
    world.clock.advance(1)
    assert _ask(world, "probe").status == 200


@pytest.mark.rule("SEC-148")
@pytest.mark.parametrize("reason", ["5.1.1", "5.1.2", "5.1.10"])
def test_what_does_not_exist_gets_no_messages(make_world: MakeWorld, ports: Ports, reason: str) -> None:
    """A message that came back since mailbox or domain do not exist keeps others from the address for a day."""
    world = make_world(**ports)
    assert _ask(world, "first").status == 200
    assert _report(world, DeliveryStatus.BOUNCED, reason)
    world.clock.advance(1)
    answers = [_ask(world, f"again{number}") for number in range(3)]
    assert [answer.status for answer in answers] == [200, 400, 400]  # one a day is let through
    assert answers[1].json()["errcode"] == "M_INVALID_PARAM"
    assert answers[1].json()["error"].startswith("email: messages to this address came back")
    assert len(world.outbox.messages) == 2
    world.clock.advance(DAY)
    assert [_ask(world, f"later{number}").status for number in range(2)] == [200, 200]


@pytest.mark.rule("SEC-148")
@pytest.mark.parametrize("reason", ["5.2.2", "5.7.1", "4.4.1", ""])
def test_other_failures_keep_nothing_back(make_world: MakeWorld, ports: Ports, reason: str) -> None:
    """A full mailbox, a refusal of our server and failures without a code do not suppress an address."""
    world = make_world(**ports)
    for number in range(3):
        assert _ask(world, f"s{number}").status == 200
        assert _report(world, DeliveryStatus.BOUNCED, reason)
    assert world.homeserver.suppressions.dump() == []  # type: ignore[union-attr]


@pytest.mark.rule("SEC-148", "SEC-149")
@pytest.mark.parametrize("spelling", ["\ufb01sh@example.org", "MA\u1e9eE@example.org", "\u017f@example.org"])
@pytest.mark.parametrize(("status", "reason"), [(DeliveryStatus.BOUNCED, "5.1.1"), (DeliveryStatus.COMPLAINED, "")])
def test_another_spelling_says_nothing_of_the_address(
    make_world: MakeWorld, ports: Ports, spelling: str, status: DeliveryStatus, reason: str
) -> None:
    """What becomes of a message to letters that only we fold is not held against who has the folded address."""
    world = make_world(**ports)
    assert _ask(world, "first", spelling).status == 200
    assert world.outbox.last.recipient == spelling
    assert _report(world, status, reason)
    assert world.homeserver.suppressions.dump() == []  # type: ignore[union-attr]
    plain = canonical_email(spelling).threepid.address
    assert [_ask(world, f"again{number}", plain).status for number in range(2)] == [200, 200]


@pytest.mark.rule("SEC-148")
def test_capital_letters_are_the_same_mailbox(make_world: MakeWorld, ports: Ports) -> None:
    """A message to capital letters of ASCII, which mail servers do not tell apart, counts like any other."""
    world = make_world(**ports)
    assert _ask(world, "first", "Dead@Example.ORG").status == 200
    assert _report(world, DeliveryStatus.BOUNCED, "5.1.1")
    assert [_ask(world, f"again{number}").status for number in range(2)] == [200, 400]


@pytest.mark.rule("SEC-148", "SEC-45")
@pytest.mark.parametrize(
    ("user", "client"), [(ALICE, "198.51.100.77"), (None, "203.0.113.7")], ids=["account", "network"]
)
def test_strangers_cannot_use_up_the_owners_try(
    make_world: MakeWorld, ports: Ports, user: str | None, client: str
) -> None:
    """Beside the message that is let through for anybody, one is for the owner: her account, or a network of hers."""
    world = make_world(**ports)
    sid = world.ask(ADDRESS, user=ALICE).json()["sid"]
    assert (world.confirm().status, world.add(sid, user=ALICE).status) == (303, 200)
    stranger: Any = {"path": "/account/password", "client": "192.0.2.1"}
    assert _ask(world, "first", **stranger).status == 200
    assert _report(world, DeliveryStatus.BOUNCED, "5.1.1")
    assert [_ask(world, f"stranger{number}", **stranger).status for number in range(2)] == [200, 400]
    mine = {**stranger, "user": user, "client": client}
    assert [_ask(world, f"mine{number}", **mine).status for number in range(2)] == [200, 400]


@pytest.mark.rule("SEC-148")
def test_a_server_that_refuses_the_mailbox_at_once_counts_as_well(make_world: MakeWorld, ports: Ports) -> None:
    """What the mail server answers while it is handed a message is acted on like a report."""
    world = make_world(**ports)
    world.outbox.outcomes.append(RefusedForever("RCPT was answered 550 5.1.1"))
    assert _ask(world, "first").status == 400
    world.clock.advance(1)
    assert [_ask(world, f"s{number}").status for number in range(2)] == [200, 400]


@pytest.mark.rule("SEC-148")
def test_a_delivered_message_lifts_it(make_world: MakeWorld, ports: Ports) -> None:
    """If the message that is let through is delivered, others follow; the delivery of an earlier one lifts nothing."""
    world = make_world(**ports)
    assert _ask(world, "before").status == 200
    before = _newest(world)
    _bounced(world)
    probe = _newest(world)
    assert _report(world, DeliveryStatus.DELIVERED, message=before)
    assert _ask(world, "kept").status == 400
    assert _report(world, DeliveryStatus.DELIVERED, message=probe)
    assert _ask(world, "again").status == 200


@pytest.mark.rule("SEC-148")
def test_a_report_that_comes_again_does_nothing(make_world: MakeWorld, ports: Ports) -> None:
    """The same report, a later one about the same message, and one after the suppression was lifted do nothing."""
    world = make_world(**ports)
    _ask(world, "first")
    message = _newest(world)
    assert [_report(world, DeliveryStatus.BOUNCED, "5.1.1", message) for _ in range(2)] == [True, False]
    [held] = world.homeserver.suppressions.dump()  # type: ignore[union-attr]
    world.clock.advance(1)
    assert _report(world, DeliveryStatus.BOUNCED, "5.1.2", message)
    assert world.homeserver.suppressions.dump() == [held]  # type: ignore[union-attr]
    run_sync(_awaited(world.homeserver.suppressions.lift([held.key])))  # type: ignore[union-attr]
    assert not _report(world, DeliveryStatus.BOUNCED, "5.1.1", message)
    assert world.homeserver.suppressions.dump() == []  # type: ignore[union-attr]


@pytest.mark.rule("SEC-148")
def test_everybody_gets_the_same_answer_last(make_world: MakeWorld, ports: Ports) -> None:
    """Whoever asks hears the same, the owner too; limits, and whether an account has the address, come before it."""
    world = make_world(**ports)
    _bounced(world)
    askers = [{}, {"user": ALICE}, {"user": BOB}, {"client": "198.51.100.9"}, {"path": "/register"}]
    answers = [_ask(world, f"who{number}", **asker) for number, asker in enumerate(askers)]
    assert {(answer.status, answer.body) for answer in answers} == {(answers[0].status, answers[0].body)}
    assert _ask(world, "reset", path="/account/password").json()["errcode"] == "M_THREEPID_NOT_FOUND"
    world.rewire(policy=_limited(world))
    assert [_ask(world, f"limited{number}").status for number in range(2)] == [400, 429]


def _limited(world: World) -> Any:
    return evolve(world.homeserver.policy, limits=Limits(per_address=Limit(1, 1 / 86_400), apart=0))


@pytest.mark.rule("SEC-148")
def test_hidden_addresses_show_nothing(make_world: MakeWorld, ports: Ports) -> None:
    """With hidden addresses the answer is that of any other address, and the worker sends nothing but one a day."""
    world = make_world({"hide_known_addresses": True}, **ports)
    _ask(world, "first")
    run_sync(world.service.deliver_due())
    assert _report(world, DeliveryStatus.BOUNCED, "5.1.1")
    world.outbox.messages.clear()
    answers = [_ask(world, f"again{number}") for number in range(3)]
    assert {(answer.status, *answer.json()) for answer in answers} == {(200, "sid")}
    run_sync(world.service.deliver_due())
    assert len(world.outbox.messages) == 1
    assert [_ask(world, f"again{number}").status for number in range(3)] == [200] * 3


@pytest.mark.rule("SEC-149")
def test_a_complaint_stops_notices_only(make_world: MakeWorld, ports: Ports) -> None:
    """Whoever calls a message spam gets no notices, and every proof and reset that is asked for."""
    world = make_world(**ports)
    assert world.add(world.prove("first@example.org", "s1"), "s1").status == 200
    assert _report(world, DeliveryStatus.COMPLAINED)
    assert world.add(world.prove("second@example.org", "s2"), "s2").status == 200
    run_sync(world.service.deliver_due())
    assert [message.kind for message in world.outbox.messages] == [MessageKind.TOKEN] * 2
    assert _ask(world, "reset", "first@example.org", path="/account/password").status == 200
    assert world.outbox.last.recipient == "first@example.org"


@pytest.mark.rule("SEC-148")
def test_an_undeliverable_sms_counts_and_is_not_given_back(make_world: MakeWorld, ports: Ports) -> None:
    """A reported failure changes no limit, suppresses no number, and leaves the SMS among those without a code."""
    rules = evolve(GENEROUS_SMS, conversion=Conversion(over_asker=2))
    world = make_world({"sms": rules}, **ports)
    world.rewire(senders={Medium.EMAIL: world.outbox, Medium.MSISDN: world.sms})
    statuses = []
    for number in range(5):
        body = {"country": "GB", "phone_number": f"+4477009001{number:02}", "client_secret": "s", "send_attempt": 1}
        statuses.append(world.post("/account/3pid/msisdn/requestToken", body, ALICE).status)
        world.clock.advance(1)
        if statuses[-1] == 200:
            assert _report(world, DeliveryStatus.BOUNCED, "5.1.1")
    assert statuses[:2] == [200, 200]
    assert 429 in statuses
    assert world.homeserver.suppressions.dump() == []  # type: ignore[union-attr]


def test_a_suppression_is_found_under_both_peppers(make_world: MakeWorld, ports: Ports) -> None:
    """While there are two peppers, an address stays suppressed."""
    world = make_world(**ports)
    _bounced(world)
    world.rewire(peppers=Peppers.of(b"n" * 32, PEPPER))
    assert _ask(world, "again").status == 400


@pytest.mark.rule("SEC-148")
def test_the_next_answer_says_that_the_mail_came_back(make_world: MakeWorld, ports: Ports) -> None:
    """Whoever shows sid and secret of a session hears that its mail came back, until a later one is sent."""
    world = make_world(messages=ports["messages"])
    asked = _ask(world, "secret")
    creds = {"sid": asked.json()["sid"], "client_secret": "secret"}
    before = world.post("/account/3pid/add", creds, ALICE).json()["error"]
    assert _report(world, DeliveryStatus.BOUNCED, "5.7.1")
    answer = world.post("/account/3pid/add", creds, ALICE)
    assert (answer.status, answer.json()["errcode"]) == (403, "M_THREEPID_AUTH_FAILED")
    assert answer.json()["error"].startswith("email: messages to this address came back")
    assert _ask(world, "secret").json() == {"errcode": "M_INVALID_PARAM", "error": answer.json()["error"]}
    assert world.post("/account/3pid/add", {**creds, "client_secret": "other"}, ALICE).json()["error"] == before
    world.ask(ADDRESS, attempt=2)
    assert world.post("/account/3pid/add", creds, ALICE).json()["error"] == before


@pytest.mark.rule("SEC-148")
def test_a_stage_says_that_the_mail_came_back(make_world: MakeWorld) -> None:
    """A client that polls a stage of user-interactive authentication is told as well."""
    world = make_world(messages=MemoryMessages())
    sid = _ask(world, "secret", path="/register").json()["sid"]
    assert _report(world, DeliveryStatus.BOUNCED, "5.1.1")
    creds = {"threepid_creds": {"sid": sid, "client_secret": "secret"}}
    with pytest.raises(Unauthorized, match=r"^email: messages to this address came back"):
        run_sync(world.stages.check("m.login.email.identity", creds, "uia", Purpose.REGISTER))


@pytest.mark.rule("SEC-148")
def test_hidden_addresses_do_not_say_that_the_mail_came_back(make_world: MakeWorld) -> None:
    """With hidden addresses the next answer for a session is the same whatever became of its mail."""
    world = make_world({"hide_known_addresses": True}, messages=MemoryMessages())
    asked = _ask(world, "secret")
    run_sync(world.service.deliver_due())
    creds = {"sid": asked.json()["sid"], "client_secret": "secret"}
    before = world.post("/account/3pid/add", creds, ALICE)
    assert _report(world, DeliveryStatus.BOUNCED, "5.1.1")
    assert world.post("/account/3pid/add", creds, ALICE).body == before.body
    assert _ask(world, "secret").body == asked.body
