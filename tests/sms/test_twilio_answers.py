"""What Twilio's answers become: an outcome, and what the client hears, as the docs say."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from matrix_threepid import Medium, run_sync
from matrix_threepid.model.message import RefusedForever, RefusedForNow, Unknown
from matrix_threepid.net.direct_https import DirectHttp
from matrix_threepid.senders.twilio._outcomes import OUTCOMES
from matrix_threepid.testing import World
from matrix_threepid.testing.rogue import answer, hang_up, silence

from .acting import ask, texting
from .acting import outcome as answered
from .gateway import CREATED, HTML, WAITS, error, gateway, outcome_of, through, told, trusting

DOCS = Path(__file__).parents[2] / "docs" / "phone-numbers.md"
DENIED = (13227, 21203, 21215, 21408, 30450, 32205, 60220, 60410, 60605)


@pytest.mark.parametrize("code", OUTCOMES)
def test_a_known_error_has_its_outcome(code: int) -> None:
    """An error code says whether the number or the moment is to blame; the SMS is not tried again."""
    outcome, requests = outcome_of(error(429 if code == 20429 else 400, code))
    assert isinstance(outcome, RefusedForever | RefusedForNow)
    assert type(outcome) is type(OUTCOMES[code])
    assert outcome.reason == f"Twilio {code}: {OUTCOMES[code].reason}"
    assert getattr(outcome, "denied", False) is (code in DENIED)
    assert requests == 1


@pytest.mark.rule("SEC-120")
@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (error(400, 99999), RefusedForNow),
        (answer(400, b"[]"), RefusedForNow),
        (error(400, []), RefusedForNow),
        (error(400, "21211"), RefusedForNow),
        (answer(401, HTML), RefusedForNow),
        (error(429, 20429), RefusedForNow),
        (answer(429, b""), RefusedForNow),
        (answer(503, HTML), RefusedForNow),
        (answer(302, b"", "Location: https://localhost/"), RefusedForNow),
        (error(500, 20500), Unknown),
        (answer(500, b""), Unknown),
        (answer(502, HTML, "Content-Type: text/html"), Unknown),
        (answer(504, HTML), Unknown),
        (answer(201, HTML), Unknown),
        (answer(201, b"[]"), Unknown),
        (CREATED[:-5], Unknown),
        (b"HTTP/1.1 2", Unknown),
        (b"what?\r\n\r\n", Unknown),
        (hang_up, Unknown),
        (silence, Unknown),
    ],
)
def test_an_answer_has_its_outcome(said: Any, kind: type) -> None:
    """What Twilio turned away was not sent; what it broke off may have been, so nobody sends it again."""
    outcome, requests = outcome_of(said, deadline=500)
    assert isinstance(outcome, kind)
    assert requests == 1


@pytest.mark.parametrize(("said", "wait"), WAITS.values(), ids=WAITS)
def test_twilio_says_when_to_come_back(said: bytes, wait: int | None) -> None:
    """Another try makes sense after the pause Twilio asks for, of an hour at most; a 429 is never without one."""
    outcome, _ = outcome_of(said)
    assert isinstance(outcome, RefusedForNow)
    assert outcome.retry_after == wait


@pytest.mark.parametrize("trouble", ["nobody there", "another name", "an authority of its own"])
def test_what_never_reached_twilio_was_not_sent(trouble: str) -> None:
    """Without a connection, or without one to Twilio itself, nothing was sent and another try makes sense."""
    with gateway() as server:
        host = "127.0.0.1" if trouble == "another name" else "localhost"
        fetch = DirectHttp() if trouble == "an authority of its own" else trusting()
        port = 1 if trouble == "nobody there" else server.port
        outcome = run_sync(through(server, fetch=fetch, base_url=f"https://{host}:{port}").send(told()))
    assert isinstance(outcome, RefusedForNow)
    assert server.heard == []


ANSWERS = ("20429", "429", "503 for so long", "503", "418", "500", "502 in HTML", "lost")


def promised() -> dict[int, tuple[int, str]]:
    """Return what the docs say that the client hears, for each error code of Twilio's that they name."""
    rows = re.findall(r"^\| (\d{5}[^|]*) \|[^|]*\| (\d{3}) `(M_\w+)` \|$", DOCS.read_text("utf-8"), re.MULTILINE)
    return {int(code): (int(status), errcode) for told, status, errcode in rows for code in re.findall(r"\d{5}", told)}


@pytest.mark.parametrize("code", [code for code, known in OUTCOMES.items() if isinstance(known, RefusedForever)])
def test_the_docs_name_every_code_that_is_final(code: int) -> None:
    """Who gets no SMS ever finds the reason in the table."""
    assert code in promised()


@pytest.mark.rule("SEC-120")
@pytest.mark.answers_5xx(503)
@pytest.mark.parametrize(
    ("said", "first", "again"),
    [
        (CREATED, 200, 1),
        *((error(400, code), hears, 2) for code, hears in promised().items()),
        (error(429, 20429), (429, "M_LIMIT_EXCEEDED"), 2),
        (answer(429), (429, "M_LIMIT_EXCEEDED"), 2),
        (answer(503, b"", "Retry-After: 5"), (429, "M_LIMIT_EXCEEDED"), 2),
        (answer(503), (503, "M_UNKNOWN"), 2),
        (answer(418), (503, "M_UNKNOWN"), 2),
        (error(500, 20500), 200, 1),
        (answer(502, HTML), 200, 1),
        (hang_up, 200, 1),
    ],
    ids=["201", *map(str, promised()), *ANSWERS],
)
def test_the_client_hears_what_the_docs_say(
    make_world: Callable[..., World], said: Any, first: Any, again: int
) -> None:
    """What was not sent is an error and may be asked for again; what may have been sent is not sent twice."""
    with gateway(said) as server:
        world = texting(make_world)
        world.rewire(senders={Medium.MSISDN: through(server)})
        assert [answered(ask(world)), answered(ask(world))] == [first, first]
    assert len(server.heard) == again


def test_the_client_hears_when_to_come_back(make_world: Callable[..., World]) -> None:
    """Twilio's pause is the client's."""
    with gateway(error(429, 20429, "Retry-After: 7")) as server:
        world = texting(make_world)
        world.rewire(senders={Medium.MSISDN: through(server)})
        refused = ask(world)
    assert refused.json()["retry_after_ms"] == 7_000
    assert refused.header("Retry-After") == "7"


def test_a_put_off_sms_waits_as_long_as_twilio_says(make_world: Callable[..., World]) -> None:
    """The worker leaves the SMS alone until the pause is over."""
    with gateway(error(429, 20429, "Retry-After: 7")) as server:
        world = texting(make_world, policy={"deferred_sending": True})
        world.rewire(senders={Medium.MSISDN: through(server)})
        assert answered(ask(world)) == 200
        tried = []
        for wait in (0, 6_999, 1):
            world.clock.advance(wait)
            tried.append(run_sync(world.service.deliver_due()))
    assert tried == [1, 0, 1]
    assert len(server.heard) == 2
