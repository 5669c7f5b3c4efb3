"""Codes that the provider makes and checks: Twilio Verify, and any ``RemoteVerifier``."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any
from urllib.parse import parse_qs

import pytest
from flows.together import Turns, waiting

from matrix_threepid import ConfigurationError, Limits, Medium, Policy, run_sync
from matrix_threepid.model.message import (
    Accepted,
    MessageKind,
    Outcome,
    RefusedForever,
    RefusedForNow,
    TokenMessage,
    Unknown,
)
from matrix_threepid.senders.twilio.verify import TwilioVerifySender
from matrix_threepid.testing import ALICE, BOB, Outbox, World
from matrix_threepid.testing.rogue import RogueServer, answer, hang_up

from .acting import ASK, INCORRECT, LIMITED, ask, asking, outcome, submit, texting
from .gateway import ACCOUNT, TO, TOKEN, error, gateway, told, trusting

SERVICE = "VA" + "0" * 32
STARTED = answer(201, b'{"sid": "VE1", "status": "pending"}')


def said(status: str) -> bytes:
    return answer(201, json.dumps({"sid": "VE1", "status": status}).encode())


def sender(server: RogueServer) -> TwilioVerifySender:
    """Return a sender whose Twilio is the stand-in."""
    base_url = f"https://localhost:{server.port}"
    return TwilioVerifySender(ACCOUNT, TOKEN, service_sid=SERVICE, fetch=trusting(), base_url=base_url)


def test_twilio_is_asked_to_send_a_code_of_its_own() -> None:
    """The request names number, channel and language, and holds no code."""
    with gateway(STARTED) as server:
        assert run_sync(sender(server).send(told(language="de"))) == Accepted("VE1")
    (request,) = server.heard
    assert (request.method, request.target) == ("POST", f"/v2/Services/{SERVICE}/Verifications")
    assert parse_qs(request.body.decode()) == {"To": [f"+{TO}"], "Channel": ["sms"], "Locale": ["de"]}


@pytest.mark.parametrize(
    ("answered", "became"),
    [
        (error(403, 60410), RefusedForever("Twilio 60410: the provider takes this for SMS pumping", denied=True)),
        (
            error(429, 60203, "Retry-After: 9"),
            RefusedForNow("Twilio 60203: too many codes were sent to this number", 9_000, outage=False),
        ),
        (answer(500), Unknown("Twilio answered 500")),
    ],
    ids=["denied", "limited", "unknown"],
)
def test_an_answer_has_its_outcome(answered: bytes, became: Outcome) -> None:
    """The table of errors is that of messages."""
    with gateway(answered) as server:
        assert run_sync(sender(server).send(told())) == became


def test_a_message_without_a_code_starts_nothing() -> None:
    """Only codes are text messages."""
    with gateway(STARTED) as server:
        assert isinstance(run_sync(sender(server).send(told(kind=MessageKind.IN_USE, code=None))), RefusedForever)
    assert server.heard == []


@pytest.mark.parametrize(
    ("answered", "verified"),
    [
        (said("approved"), True),
        (said("pending"), False),
        (said("canceled"), False),
        (error(404, 20404), False),
        (error(429, 60202), False),
        (error(400, 60200), False),
        (error(401, 20003), None),
        (error(429, 20429), None),
        (answer(502, b"<html>"), None),
        (answer(201, b"<html>"), None),
        (hang_up, None),
    ],
)
def test_twilio_says_whether_a_code_fits(answered: Any, verified: bool | None) -> None:
    """Approved is yes; wrong, gone and tried too often are no; anything else is no answer at all."""
    with gateway(answered) as server:
        assert run_sync(sender(server).verify(TO, "654321", 5_000)) is verified
    (request,) = server.heard
    assert request.target == f"/v2/Services/{SERVICE}/VerificationCheck"
    assert parse_qs(request.body.decode()) == {"To": [f"+{TO}"], "Code": ["654321"]}


@pytest.mark.parametrize("service", ["", "MG1", "VA"])
def test_a_service_is_named_by_its_sid(service: str) -> None:
    """A SID of something else is refused at once."""
    with pytest.raises(ConfigurationError):
        TwilioVerifySender(ACCOUNT, TOKEN, service_sid=service)


class Provider(Outbox):
    """A ``RemoteVerifier`` whose code is always 424242; ``away``: it does not say."""

    away = False
    asked = 0

    async def send(self, message: TokenMessage) -> Outcome:
        return await super().send(message)

    async def verify(self, recipient: str, code: str, deadline: int) -> bool | None:
        self.asked += 1
        return None if self.away else (recipient, code) == (TO, "424242")


@pytest.fixture
def remote(make_world: Callable[..., World]) -> tuple[World, Provider]:
    """A world whose provider holds the codes."""
    world, provider = texting(make_world), Provider()
    world.rewire(senders={Medium.MSISDN: provider})
    world.sms = provider
    return world, provider


@pytest.mark.rule("REQ-REQTOK-4")
@pytest.mark.parametrize("policy", [{"hide_known_addresses": True}, {"policy": "hardened"}], ids=str)
def test_hidden_addresses_need_our_own_codes(make_world: Callable[..., World], policy: dict[str, Any]) -> None:
    """A sender that checks codes itself is refused where answers must not tell known numbers: only those ask it."""
    world = make_world({"hide_known_addresses": True})
    hidden = world.homeserver.policy if "policy" not in policy else Policy.hardened(public_base_url="https://x.example")
    with pytest.raises(ConfigurationError, match=r"senders: the sender for msisdn checks the codes itself"):
        world.rewire(policy=hidden, senders={Medium.MSISDN: Provider()})


def test_the_providers_word_counts(remote: tuple[World, Provider]) -> None:
    """The code the provider sent validates; the one we would have sent does not."""
    world, provider = remote
    sid = ask(world).json()["sid"]
    assert outcome(submit(world, sid, provider.last.code or "")) == (400, "M_TOKEN_INCORRECT")
    assert submit(world, sid, "424242").json() == {"success": True}


@pytest.mark.rule("SEC-25")
def test_guesses_are_counted_before_the_provider_is_asked(remote: tuple[World, Provider]) -> None:
    """Five guesses reach the provider, then the code is dead."""
    world, provider = remote
    sid = ask(world).json()["sid"]
    answers = [outcome(submit(world, sid, "000000")) for _ in range(5)]
    assert answers == [(400, "M_TOKEN_INCORRECT")] * 5
    assert outcome(submit(world, sid, "424242")) == (400, "M_SESSION_EXPIRED")
    assert provider.asked == 5


@pytest.mark.answers_5xx(503)
def test_a_provider_that_does_not_say_validates_nothing(remote: tuple[World, Provider]) -> None:
    """Without an answer the client is told to try again, and may."""
    world, provider = remote
    sid = ask(world).json()["sid"]
    provider.away = True
    assert outcome(submit(world, sid, "424242")) == (503, "M_UNKNOWN")
    provider.away = False
    assert submit(world, sid, "424242").json() == {"success": True}


REGISTER_ASK = "/register/msisdn/requestToken"


class Twilio(Outbox):
    """A provider like Twilio Verify: one check a number, whose code is sent again until typed or ten minutes old."""

    def __init__(self, clock: Callable[[], int]) -> None:
        super().__init__()
        self._clock, self._made = clock, 100_000
        self._open, self._last = dict[str, tuple[str, int]](), dict[str, str]()

    async def send(self, message: TokenMessage) -> Outcome:
        _, until = self._open.get(message.recipient, ("", 0))
        if self._clock() >= until:
            self._made += 1
            self._open[message.recipient] = f"{self._made}", self._clock() + 600_000
        self._last[message.recipient] = self._open[message.recipient][0]
        return await super().send(message)

    async def verify(self, recipient: str, code: str, deadline: int) -> bool | None:
        right, until = self._open.get(recipient, ("", 0))
        fits = self._clock() < until and code == right
        if fits:
            del self._open[recipient]
        return fits

    def read(self, number: str = TO) -> str:
        """Return the code that the person has read last."""
        return self._last[number]


@pytest.fixture
def verifying(make_world: Callable[..., World]) -> tuple[World, Twilio]:
    """A world with such a provider."""
    world = texting(make_world, policy={"limits": Limits(apart=0)})
    provider = Twilio(world.clock)
    world.rewire(senders={Medium.MSISDN: provider})
    return world, provider


@pytest.mark.rule("REQ-SUBMIT-11", "SEC-2")
def test_a_code_read_for_one_purpose_validates_no_other(verifying: tuple[World, Twilio]) -> None:
    """While a provider's check is open for a number, another purpose waits, and then gets a check of its own."""
    world, provider = verifying
    adding = ask(world, secret="adding").json()["sid"]
    later = ask(world, secret="later", path=REGISTER_ASK)
    assert outcome(later) == LIMITED
    assert later.json()["retry_after_ms"] > 600_000
    code = provider.read()
    assert submit(world, adding, code, "adding").json() == {"success": True}
    # The check is over: the next purpose gets one of its own, with another code.
    registering = ask(world, secret="later", path=REGISTER_ASK).json()["sid"]
    assert outcome(submit(world, registering, code, "later")) == INCORRECT
    assert submit(world, registering, provider.read(), "later").json() == {"success": True}


@pytest.mark.rule("REQ-SUBMIT-11")
def test_who_asks_again_takes_the_check_over(verifying: tuple[World, Twilio]) -> None:
    """A later session of the same purpose and user replaces the earlier one; another user waits."""
    world, provider = verifying
    first = ask(world, secret="first", user=ALICE).json()["sid"]
    second = ask(world, secret="second", user=ALICE).json()["sid"]
    assert outcome(ask(world, secret="third", user=BOB)) == LIMITED
    assert outcome(submit(world, first, provider.read(), "first")) == (400, "M_SESSION_EXPIRED")
    assert submit(world, second, provider.read(), "second").json() == {"success": True}


@pytest.mark.rule("REQ-SUBMIT-11")
@pytest.mark.parametrize("seed", range(20))
def test_one_of_two_requests_at_once_has_the_check(make_world: Callable[..., World], seed: int) -> None:
    """However two purposes ask at the same time, one of them has the code, whichever is tried first."""
    validated = []
    for order in (1, -1):
        world, turns = texting(make_world, policy={"limits": Limits(apart=0)}), Turns()
        provider = Twilio(world.clock)
        world.rewire(senders={Medium.MSISDN: provider}, random_bytes=Random(seed).randbytes)  # noqa: S311
        waiting(world, turns.pause)
        asked = {"adding": ASK, "registering": REGISTER_ASK}
        calls = [world.acall("POST", path, asking(f"+{TO}", secret=secret)) for secret, path in asked.items()]
        answers = dict(zip(asked, turns.run(seed, *calls), strict=True))
        tried = [(answers[secret].json().get("sid"), secret) for secret in [*asked][::order]]
        code = provider.read()
        validated.append([secret for sid, secret in tried if sid and submit(world, sid, code, secret).status == 200])
    assert validated[0] == validated[1]
    assert len(validated[0]) == 1
