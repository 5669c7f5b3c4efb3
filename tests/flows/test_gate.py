"""The gate: what the host wants before a message is sent, and what comes of its answers and failures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import trio
from identity_server.acting import Place
from identity_server.apis import APIS, Api
from looping import run_trio

from matrix_threepid import Limit, Medium, Policy, Purpose, Threepid
from matrix_threepid.errors import ConfigurationError, HostRefused, Unavailable
from matrix_threepid.events import GateFailed
from matrix_threepid.ports import Allow, Challenge, Deny, GateRequest
from matrix_threepid.testing import ALICE, FakeGate, World

from .acting import PURPOSES, give, limited, recorded, refusal

WORD = "a registration token"
FORBIDDEN, UNAVAILABLE = (403, "M_FORBIDDEN"), (503, "M_UNKNOWN")
FLOWS = [{"stages": ["m.login.dummy"]}]


class Answering:
    """A gate that gives one answer, or raises it; ``before``: what it does first."""

    def __init__(self, answer: Any, before: Callable[[], Any] = lambda: None) -> None:
        self.answer, self.before = answer, before

    async def allows(self, asked: GateRequest) -> Any:
        self.before()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Silent:
    """A gate that never answers."""

    def __init__(self, wait: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        self.wait, self.ended = wait, False

    async def allows(self, asked: GateRequest) -> Allow:
        try:
            await self.wait()
        finally:
            self.ended = True
        return Allow()


@pytest.mark.rule("SEC-150")
def test_a_gate_sees_what_is_asked(make_world: Callable[..., World]) -> None:
    """It sees purpose, address, client, caller and the whole body, members of no endpoint included, read-only."""
    gate = FakeGate()
    world = make_world(gate=gate)
    extra = {"auth": {"session": "abc", "response": "xyz"}, "org.example.more": [1]}
    assert world.ask("Alice@Example.ORG", user=ALICE, body=extra, client="198.51.100.9").status == 200
    (asked,) = gate.asked
    assert (asked.purpose, asked.threepid) == (Purpose.ADD, Threepid(Medium.EMAIL, "alice@example.org"))
    assert (asked.medium, asked.client, asked.session) == (Medium.EMAIL, "198.51.100.9", "abc")
    assert asked.caller is not None
    assert asked.caller.user_id == ALICE
    assert {**asked.body} == {"email": "Alice@Example.ORG", "client_secret": "secret", "send_attempt": 1, **extra}
    with pytest.raises(TypeError):
        asked.body["email"] = "other@example.org"  # type: ignore[index]


@pytest.mark.rule("SEC-150")
@pytest.mark.parametrize("auth", [None, 1, "abc", [], {}, {"session": 1}, {"session": ""}, {"session": "x" * 256}])
def test_odd_auth_names_no_session(make_world: Callable[..., World], auth: Any) -> None:
    """A session is only what ``auth.session`` names with a text of 1 to 255 characters."""
    gate = FakeGate()
    assert make_world(gate=gate).ask(body={"auth": auth}).status == 200
    assert gate.asked[0].session is None


@pytest.mark.rule("SEC-150")
@pytest.mark.parametrize("purpose", PURPOSES)
def test_nothing_is_sent_before_the_challenge_is_met(make_world: Callable[..., World], purpose: str) -> None:
    """A challenge is a 401 with flows, params and session as the host gives them; who meets it gets the message."""
    world = make_world(gate=FakeGate(WORD))
    if purpose == "password":
        give(world, "alice@example.org", ALICE)
    asked = world.ask(purpose=purpose)
    state = asked.json()
    assert (asked.status, world.outbox.messages, world.homeserver.sessions.dump()) == (401, [], [])  # type: ignore[attr-defined]
    assert state == {"flows": [{"stages": ["m.login.registration_token"]}], "params": {}, "session": "gate0"}
    assert world.ask(purpose=purpose, body={"auth": {"session": "gate0", "token": "wrong"}}).status == 401
    assert world.ask(purpose=purpose, body={"auth": {"session": "gate0", "token": WORD}}).status == 200
    assert len(world.outbox.messages) == 1


@pytest.mark.rule("SEC-150")
@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
@pytest.mark.parametrize("medium", ["email", "msisdn"])
def test_every_role_that_sends_asks(api: Api, medium: str) -> None:
    """Identity servers and delegates ask their gate as well, for every medium."""
    gate = FakeGate(WORD)
    place = Place(api, gate=gate)
    answer = place.ask(medium, auth={"session": "gate0", "token": WORD})
    # Version 2 has a caller, whom this gate trusts.
    assert answer.status == (200 if api.user else 401)
    place.homeserver.gate.denied.add(gate.asked[0].threepid.address)  # type: ignore[union-attr]
    assert refusal(place.ask(medium, client_secret="other")) == FORBIDDEN
    assert [each.purpose for each in gate.asked] == [Purpose.BIND] * 2


@pytest.mark.rule("SEC-150")
def test_what_is_denied_is_told_by_its_rule(make_world: Callable[..., World]) -> None:
    """A denial is 403 ``M_FORBIDDEN`` with the gate's rule as its text, and nothing is stored or sent."""
    world = make_world(gate=Answering(Deny("Registration needs an invitation")))
    answer = world.ask()
    assert refusal(answer) == FORBIDDEN
    assert answer.json()["error"] == "Registration needs an invitation"
    assert (world.outbox.messages, world.homeserver.sessions.dump()) == ([], [])  # type: ignore[attr-defined]


@pytest.mark.rule("SEC-150")
def test_a_host_may_refuse_in_its_own_words(make_world: Callable[..., World]) -> None:
    """``HostRefused`` is answered as it is, such as for terms that were not accepted."""
    refused = HostRefused(403, "M_CONSENT_NOT_GIVEN", "Accept the terms first", consent_uri="https://hs.example.org/t")
    assert make_world(gate=Answering(refused)).ask().json() == {
        "errcode": "M_CONSENT_NOT_GIVEN",
        "error": "Accept the terms first",
        "consent_uri": "https://hs.example.org/t",
    }


@pytest.mark.answers_5xx(503)
@pytest.mark.rule("SEC-150")
@pytest.mark.parametrize(
    "answer",
    [None, True, False, 0, "allow", {"flows": FLOWS}, Allow, RuntimeError("x"), Unavailable(), ConfigurationError("x")],
    ids=repr,
)
def test_a_gate_that_fails_lets_nothing_pass(make_world: Callable[..., World], answer: Any) -> None:
    """What it raises, and what is no answer, is 503; the listener hears of it, and nothing is stored, sent or used."""
    world = make_world(limited(per_address=Limit(1, 0.001), per_client=Limit(1, 0.001)), gate=Answering(answer))
    for _ in range(2):
        assert refusal(world.ask()) == UNAVAILABLE
    assert len(world.events.of(GateFailed)) == 2
    assert (world.outbox.messages, world.homeserver.sessions.dump()) == ([], [])  # type: ignore[attr-defined]
    world.rewire(gate=None)
    assert world.ask().status == 200


@pytest.mark.answers_5xx(503)
@pytest.mark.rule("SEC-150")
def test_a_late_answer_is_none(make_world: Callable[..., World]) -> None:
    """Without a loop, where nothing can be interrupted, an answer after ``gate_deadline`` is 503."""
    world = make_world({"gate_deadline": 100})
    for late, status in ((100, 200), (101, 503)):
        world.rewire(gate=Answering(Allow(), lambda late=late: world.clock.advance(late)))  # type: ignore[misc]
        assert world.ask(secret=f"late{late}").status == status
    assert [event.reason for event in world.events.of(GateFailed)] == ["TimeoutError"]


@pytest.mark.answers_5xx(503)
@pytest.mark.rule("SEC-150")
@pytest.mark.parametrize(
    ("run", "wait"),
    [(asyncio.run, lambda: asyncio.Event().wait()), (run_trio, trio.sleep_forever)],
    ids=["asyncio", "trio"],
)
def test_a_silent_gate_holds_nobody_up(
    make_world: Callable[..., World], run: Callable[[Any], Any], wait: Callable[[], Any]
) -> None:
    """In an event loop a gate that does not answer is cancelled at ``gate_deadline``, and the answer is 503."""
    gate = Silent(wait)
    world = make_world({"gate_deadline": 1}, gate=gate)
    body = {"email": "alice@example.org", "client_secret": "secret", "send_attempt": 1}
    answer = run(world.acall("POST", "/register/email/requestToken", body))
    assert (answer.status, gate.ended) == (503, True)


@pytest.mark.rule("SEC-150")
def test_an_answer_does_not_depend_on_the_owner(make_world: Callable[..., World]) -> None:
    """It is asked before the look-up: known and unknown addresses are answered alike, and no account is looked at."""
    world = make_world({"hide_known_addresses": True}, gate=Answering(Challenge(FLOWS, "abc")))
    give(world, "bob@example.org", ALICE)
    calls = recorded(world)
    answers = [world.ask(address).json() for address in ("bob@example.org", "carol@example.org")]
    assert answers[0] == answers[1]
    assert "accounts.owner" not in calls


@pytest.mark.rule("SEC-150")
def test_who_never_passes_uses_up_nothing_but_their_own(make_world: Callable[..., World]) -> None:
    """Challenges count for the client who asks, and not for the address, which others may want a message to."""
    limits = limited(per_address=Limit(1, 0.001), per_client=Limit(3, 0.001))
    world = make_world(limits, gate=FakeGate(WORD))
    assert [world.ask(client="198.51.100.1").status for _ in range(4)] == [401, 401, 401, 429]
    solved = {"auth": {"session": world.ask().json()["session"], "token": WORD}}
    assert world.ask(body=solved).status == 200
    assert world.ask(body=solved, secret="again").status == 429


def _make(cls: type, *values: Any, **named: Any) -> str:
    with pytest.raises(ConfigurationError) as refused:
        cls(*values, **named)
    return str(refused.value).partition(":")[0]


def test_answers_of_another_form_cannot_be_made() -> None:
    """A denial without a rule, and a challenge whose members no client could read, are refused by their name."""
    assert {_make(Deny, rule) for rule in ("", None, "a\nb", "x" * 256)} == {"rule"}
    for flows in ([], None, "flows", {}, [{}], [{"stages": []}], [{"stages": "x"}], [{"stages": [1]}], [1]):
        assert _make(Challenge, flows, "abc") == "flows"
    assert {_make(Challenge, FLOWS, session) for session in ("", None, 1, "x" * 256)} == {"session"}
    for params in (None, [], {"a": object()}, {"a": float("nan")}, {"a": "x" * 70_000}):
        assert _make(Challenge, FLOWS, "abc", params=params) == "params"


def test_a_gate_is_checked_when_it_is_wired(make_world: Callable[..., World]) -> None:
    """Something without ``allows`` is refused by name, and so is a deadline that is none."""
    for gate in (FakeGate, object(), True):
        with pytest.raises(ConfigurationError, match="gate="):
            make_world(gate=gate)
    with pytest.raises(ConfigurationError, match="gate_deadline"):
        Policy(gate_deadline=0)
