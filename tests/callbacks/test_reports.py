"""What providers report becomes events: every documented payload of each."""

from __future__ import annotations

from typing import Any

import pytest
from data import load

from .providers import ID, NOW, SENDERS, Mounted

CASES = [(name, case) for name in SENDERS for case in load(f"callbacks/{name}")]


@pytest.fixture
def mounted() -> Mounted:
    return Mounted()


@pytest.mark.rule("SEC-146")
@pytest.mark.parametrize(("name", "case"), CASES, ids=[f"{name} {case['name']}" for name, case in CASES])
def test_a_report_becomes_an_event(mounted: Mounted, name: str, case: dict[str, Any]) -> None:
    """Each documented report of a provider is recorded as what it means, or not at all; a reason names no address."""
    answer = mounted.answer(SENDERS[name](case["body"]))
    assert (answer.status, answer.body) == (200, b"")
    told = [[event.status.value, event.reason, event.permanent_address_failure] for event in mounted.recorded]
    assert told == ([] if case["event"] is None else [case["event"]])
    assert all(
        (event.message_id, event.provider) == (ID, name) and NOW - 600_000 <= event.at <= NOW
        for event in mounted.recorded
    )
