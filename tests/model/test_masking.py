"""Addresses are shown in full to their owner, and masked wherever something is printed."""

from __future__ import annotations

import pytest

from matrix_threepid import AccountThreepid, Medium, Owner, Threepid
from matrix_threepid.events import MessageSent, ThreepidAdded
from matrix_threepid.model.message import Accepted
from matrix_threepid.model.threepid import Candidate, Purpose, masked
from matrix_threepid.testing import ALICE, World


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("alice@example.org", "a***@example.org"),
        ("a@example.org", "a***@example.org"),
        ("straße@bücher.example", "s***@bücher.example"),
        ("447700900001", "44*******001"),
        ("24740123", "24***123"),
        ("123456", "12***456"),
        ("12345", "***"),
        ("", "***"),
    ],
)
def test_a_masked_address_tells_its_owner_and_nobody_else(address: str, expected: str) -> None:
    """One letter and the domain of an address stay, two digits and the last three of a number."""
    assert masked(address) == expected


EMAIL = Threepid(Medium.EMAIL, "alice@example.org")


@pytest.mark.rule("SEC-134")
@pytest.mark.parametrize(
    "value",
    [
        EMAIL,
        Candidate(EMAIL, "Alice@example.org"),
        AccountThreepid(
            medium=Medium.EMAIL, address="alice@example.org", validated_at=1, added_at=1, spelling="Alice@example.org"
        ),
        Owner(ALICE, "Alice@example.org"),
        ThreepidAdded("@u:hs.example.org", EMAIL),
        MessageSent(EMAIL, Purpose.ADD, Accepted()),
        {"nested": [EMAIL]},
    ],
)
def test_no_value_prints_an_address(value: object) -> None:
    """Whatever holds an address prints it masked."""
    shown = repr(value).replace(ALICE, "").lower()
    assert "alice@" not in shown
    assert "a***@example.org" in shown


def test_messages_and_sessions_print_neither_address_nor_token(world: World) -> None:
    """A message and a session can be logged without harm."""
    world.ask("alice@example.org")
    message = world.outbox.last
    shown = repr(message) + repr(world.homeserver.sessions.dump())  # type: ignore[attr-defined]
    assert (message.link or "-") not in shown
    assert "alice@" not in shown
