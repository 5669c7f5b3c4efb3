"""Sequences of requests for messages: what is sent, which session answers, what a token does later."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from data import cases, load

from matrix_threepid import AccountThreepid, Lifetimes, Medium
from matrix_threepid.model.message import RefusedForever, RefusedForNow, Unknown
from matrix_threepid.offload import run_sync
from matrix_threepid.testing import ALICE, Outbox, World

HOUR = 3_600_000
SUBMIT = "/_matrix/client/unstable/threepid"
LONG = Lifetimes(token=24 * HOUR, session=24 * HOUR, validated=24 * HOUR, total=48 * HOUR)
OUTCOMES = {"for now": RefusedForNow("busy"), "for ever": RefusedForever("unknown user"), "unknown": Unknown("cut off")}
PATHS = {"add": "/account/3pid", "register": "/register"}


class Play:
    """Plays one sequence; every step is a method, its arguments are those of the data."""

    def __init__(self, world: World) -> None:
        self.world, self.sids = world, dict[str, str]()
        self.sid = self.secret = ""

    @property
    def messages(self) -> list[Any]:
        return self.world.outbox.messages

    def ask(self, request: dict[str, Any], given: int, answer: str | int) -> None:
        """Ask for a message: so many are given to the sender; the answer is a session or a status."""
        before, response = len(self.messages), self._request(**request)
        assert len(self.messages) - before == given
        if isinstance(answer, int):
            assert response.status == answer
            return
        self.sid = response.json()["sid"]
        assert self.sids.setdefault(answer, self.sid) == self.sid
        assert len(set(self.sids.values())) == len(self.sids)

    def _request(
        self, attempt: Any, secret: str = "s", purpose: str = "add", user: str | None = None, **address: str
    ) -> Any:
        self.secret = secret
        medium = "msisdn" if "country" in address else "email"
        named = address if medium == "msisdn" else {"email": address.get("address", "bob@example.org")}
        body = {**named, "client_secret": secret, "send_attempt": attempt}
        return self.world.post(f"{PATHS[purpose]}/{medium}/requestToken", body, user)

    def wait(self, ms: int) -> None:
        self.world.clock.advance(ms)

    def refuse(self, how: str) -> None:
        self.world.outbox.outcomes.append(OUTCOMES[how])

    def submit(self, which: int | str, answer: str) -> None:
        """Submit the token of a message, or one that fits none."""
        message = self.messages[-1 if which == "wrong" else int(which)]
        token = message.code or parse_qs(urlsplit(message.link).query)["token"][0]
        wrong = token.translate(str.maketrans("0123456789ab", "123456789abc")) if which == "wrong" else token
        body = {"sid": self.sid, "client_secret": self.secret, "token": wrong}
        response = self.world.post(f"{SUBMIT}/{message.medium.value}/submit_token", body)
        expected = (200, {"success": True}) if answer == "ok" else (400, answer)
        assert (response.status, response.json().get("errcode", response.json())) == expected

    def valid(self, expected: bool) -> None:
        """The session lets its address be added: the answer is the question for a password."""
        body = {"sid": self.sid, "client_secret": self.secret}
        assert self.world.post("/account/3pid/add", body, ALICE).status == (401 if expected else 403)

    def add(self, status: int) -> None:
        """Ask afresh to add the address, as a client that knows nothing of an earlier time."""
        response = self.world.add(self.sid, self.secret)
        assert response.status == status
        assert status == 200 or response.json()["errcode"] == "M_THREEPID_AUTH_FAILED"

    def delete(self) -> None:
        body = {"medium": "email", "address": "bob@example.org"}
        assert self.world.post("/account/3pid/delete", body, ALICE).status == 200


@pytest.fixture
def play(make_world: Callable[..., World]) -> Play:
    box = Outbox()
    world = make_world({"lifetimes": LONG}, senders={Medium.EMAIL: box, Medium.MSISDN: box})
    world.outbox = box
    return Play(world)


@pytest.mark.rule("REQ-SEND-1")
@pytest.mark.parametrize("steps", **cases(load("send_attempts")))
@pytest.mark.answers_5xx(503)
def test_a_sequence(play: Play, steps: list[list[Any]]) -> None:
    """Only a ``send_attempt`` larger than those sent before sends, and a request keeps its session while it lives."""
    for name, *arguments in steps:
        getattr(play, name)(*arguments)


@pytest.mark.parametrize("parallel", [2, 8, 16])
def test_the_same_request_many_times_at_once(make_world: Callable[..., World], parallel: int) -> None:
    """Parallel requests that are equal send one message and answer one session."""
    world = make_world()
    world.outbox.before = lambda: asyncio.sleep(0)
    body = {"email": "bob@example.org", "client_secret": "s", "send_attempt": 1}

    async def ask() -> str:
        response = await world.acall("POST", "/account/3pid/email/requestToken", body)
        return str(response.json()["sid"])

    async def everybody() -> list[str]:
        return await asyncio.gather(*(ask() for _ in range(parallel)))

    assert len(set(asyncio.run(everybody()))) == 1
    assert len(world.outbox.messages) == 1


@pytest.mark.parametrize("purpose", ["add", "register"])
def test_a_session_that_hides_an_account_behaves_like_any(make_world: Callable[..., World], purpose: str) -> None:
    """Where known addresses are hidden, the answer for one is as stable as for another, and its token is wrong."""
    world = make_world({"hide_known_addresses": True})
    taken = AccountThreepid(medium=Medium.EMAIL, address="known@example.org", validated_at=1, added_at=1)
    run_sync(world.accounts.add(ALICE, taken))
    answers = {}
    for address in ("known@example.org", "new@example.org"):
        first, again = (world.ask(address, "s", purpose=purpose) for _ in range(2))
        assert first.json() == again.json()
        body = {"sid": first.json()["sid"], "client_secret": "s", "token": "wrong"}
        submitted = world.post(f"{SUBMIT}/email/submit_token", body)
        answers[address] = (first.status, {**first.json(), "sid": ""}, submitted.status, submitted.json())
    assert answers["known@example.org"] == answers["new@example.org"]
