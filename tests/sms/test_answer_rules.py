"""What the body of a gateway's answer means."""

from __future__ import annotations

import json
from typing import Any

import pytest

from matrix_threepid import ConfigurationError, run_sync
from matrix_threepid.model.message import Accepted, Outcome, RefusedForever, RefusedForNow, Unknown
from matrix_threepid.senders import AnswerRule, HttpSender
from matrix_threepid.settings import GatewaySettings, read
from matrix_threepid.testing.rogue import answer

from .gateway import gateway, told, trusting

RULES = [
    AnswerRule("messages.0.status", ["0"], "accepted"),
    AnswerRule("messages.0.status", ["6"], "refused_for_ever"),
    AnswerRule("messages.0.status", ["7"], "denied"),
    AnswerRule("messages.0.status", ["8"], "down"),
    AnswerRule("error", None, "refused_for_now"),
]


def status(value: object) -> bytes:
    return json.dumps({"messages": [{"status": value, "to": "447700900001"}]}).encode()


_SAID = "the answer {} says in messages.0.status: "
CASES: dict[str, tuple[bytes, Outcome]] = {
    "good": (answer(200, status("0")), Accepted()),
    "good, as a number": (answer(200, status(0)), Accepted()),
    "bad number": (answer(200, status("6")), RefusedForever(f"{_SAID.format(200)}refused for ever")),
    "denied": (answer(200, status("7")), RefusedForever(f"{_SAID.format(200)}denied", denied=True)),
    "down": (answer(200, status(8)), RefusedForNow(f"{_SAID.format(200)}down")),
    "bad number with 400": (answer(400, status("6")), RefusedForever(f"{_SAID.format(400)}refused for ever")),
    "good with 400": (answer(400, status("0")), RefusedForNow("the gateway answered 400")),
    "another member": (
        answer(200, b'{"error": {"x": 1}}'),
        RefusedForNow("the answer 200 says in error: refused for now"),
    ),
    "another value": (answer(200, status("99")), Unknown("the gateway answered 200, and no rule holds for the rest")),
    "a boolean": (answer(200, status(False)), Unknown("the gateway answered 200, and no rule holds for the rest")),
    "no list": (answer(200, b'{"messages": {}}'), Unknown("the gateway answered 200, and no rule holds for the rest")),
    "no JSON": (answer(200, b"OK"), Unknown("the gateway answered 200, and no rule holds for the rest")),
    "deep": (answer(200, b"[" * 60_000), Unknown("the gateway answered 200, and no rule holds for the rest")),
    "500 without JSON": (answer(500, b"oops"), Unknown("the gateway answered 500")),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_first_rule_that_holds_decides(case: tuple[bytes, Outcome]) -> None:
    """A rule comes before the status; what no rule knows is no success where a rule says what success looks like."""
    said, expected = case
    with gateway(said) as server:
        url = f"https://localhost:{server.port}/send"
        sender = HttpSender(url, {"to": "$number", "text": "$text"}, fetch=trusting(), answers=RULES)
        outcome = run_sync(sender.send(told()))
    assert outcome == expected
    assert getattr(outcome, "elsewhere", False) is (case in (CASES["down"], CASES["500 without JSON"]))


def test_rules_can_be_set_in_a_file() -> None:
    """The settings are the arguments of a rule."""
    given = {"member": "ok", "values": ["true"], "means": "accepted"}
    other = {"member": "error", "means": "denied"}
    settings = {"url": "https://sms.example.org/", "template": {"to": "$number"}, "answers": [given, other]}
    rules = (AnswerRule("ok", ["true"], "accepted"), AnswerRule("error", None, "denied"))
    assert read(GatewaySettings, settings).sender().answers == rules


@pytest.mark.parametrize(
    ("rule", "named"),
    [
        (("", ["0"], "accepted"), "member"),
        (("a..b", ["0"], "accepted"), "member"),
        (("a", "0", "accepted"), "values"),
        (("a", [0], "accepted"), "values"),
        (("a", ["0"], "fine"), "means"),
    ],
)
def test_a_rule_that_could_never_hold_is_refused_when_made(rule: Any, named: str) -> None:
    """The error names the argument."""
    with pytest.raises(ConfigurationError, match=f"^{named}: "):
        AnswerRule(*rule)
