"""What becomes of a message: the order of statuses, events as values, and ids that nobody can make up."""

from __future__ import annotations

import re
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matrix_threepid import ConfigurationError, Peppers
from matrix_threepid.model.delivery import (
    DeliveryEvent,
    DeliveryStatus,
    current_status,
    ends_address,
    failed_with,
    is_enhanced_status,
    new_message_id,
    read_message_id,
    signed_message_id,
)

OLD, NEW, OTHER = b"old pepper, 32 bytes at the least", b"new pepper, 32 bytes at the least", b"x" * 32
ID = new_message_id(bytes(range(16)))
S = DeliveryStatus


def event(**changes: object) -> DeliveryEvent:
    values = {"message_id": ID, "status": S.BOUNCED, "at": 1, "provider": "dsn", "reason": "5.1.1", **changes}
    return DeliveryEvent(**values)  # type: ignore[arg-type]


@pytest.mark.rule("SEC-145")
def test_a_late_report_undoes_nothing() -> None:
    """Whatever the order in which reports arrive, the furthest one is the status of the message."""
    for reports in permutations((S.HANDED_OVER, S.DEFERRED, S.DELIVERED, S.BOUNCED)):
        assert current_status(reports) is S.BOUNCED
    for reports in permutations((S.HANDED_OVER, S.REFUSED, S.DELIVERED)):
        assert current_status(reports) is S.DELIVERED
    assert current_status([S.HANDED_OVER, S.DEFERRED, S.HANDED_OVER]) is S.HANDED_OVER
    assert current_status([]) is S.WRITTEN


@pytest.mark.rule("SEC-145")
def test_only_a_message_under_way_goes_back_and_forth() -> None:
    """No two statuses follow each other except handed over and deferred, and none follows itself."""
    both = {frozenset((a, b)) for a in S for b in S if a.may_follow(b) and b.may_follow(a)}
    assert both == {frozenset((S.HANDED_OVER, S.DEFERRED))}
    assert not any(S.COMPLAINED.may_follow(S.COMPLAINED) or S.WRITTEN.may_follow(each) for each in S)


def test_reports_of_one_event_are_equal() -> None:
    """The same event reported again is equal to the first, so that a store can tell it."""
    assert event() == event(status="bounced") != event(at=2)


@pytest.mark.rule("SEC-145")
@pytest.mark.parametrize(
    "wrong",
    [
        {"message_id": signed_message_id(Peppers.of(NEW), ID)},
        {"message_id": ID.upper()},
        {"at": -1},
        {"at": True},
        {"at": 2**53},
        {"provider": ""},
        {"provider": "Some Provider"},
        {"status": S.BOUNCED_SOFT, "permanent_address_failure": True},
    ],
)
def test_an_event_has_its_form(wrong: dict[str, object]) -> None:
    """An event of another form is refused by the name of the field, since only a mistake of ours makes one."""
    with pytest.raises(ConfigurationError, match=[*wrong][-1]):
        event(**wrong)


@pytest.mark.rule("SEC-145")
def test_a_reason_names_nobody() -> None:
    """A reason is one short printable line in which no address and no number can be read."""
    said = event(reason="550 5.1.1\r\n<alice@example.org>: no such user; +447700900001\x00" + " long" * 99).reason
    assert said.startswith("550 5.1.1 … no such user; … long long")
    assert len(said) == 120
    assert said.isprintable()


def test_enhanced_status_codes_are_read() -> None:
    """Only a mailbox or a domain that does not exist ends an address; a full mailbox and a 4.x.x are soft."""
    codes = ("5.1.1", "5.1.2", "5.1.10", "5.1.3", "5.2.1", "5.2.2", "5.7.1", "4.1.1")
    assert [code for code in codes if ends_address(code)] == ["5.1.1", "5.1.2", "5.1.10"]
    assert [failed_with(code) for code in ("5.7.1", "5.2.2", "4.4.1")] == [S.BOUNCED, S.BOUNCED_SOFT, S.BOUNCED_SOFT]
    assert not any(map(is_enhanced_status, ("", "550", "3.1.1", "5.1", "5.1.1.1", "5.1.1 ", "5.1.1000")))
    assert is_enhanced_status("5.1.10")


@pytest.mark.rule("SEC-145")
def test_a_signed_id_fits_a_return_path() -> None:
    """A signed id is 42 letters and digits, so that a local part of 64 characters has room for a prefix of 21."""
    assert re.fullmatch(r"[a-z2-7]{26}", ID)
    assert re.fullmatch(r"[a-z2-7]{42}", signed_message_id(Peppers.of(NEW), ID))


@pytest.mark.rule("SEC-145")
def test_a_signed_id_outlives_a_rotation() -> None:
    """An id is read under each pepper in force, in any case, and under no other."""
    signed = signed_message_id(Peppers.of(OLD), ID)
    assert read_message_id(Peppers.of(NEW, OLD), signed) == ID
    assert read_message_id(Peppers.of(OLD), signed.upper()) == ID
    assert read_message_id(Peppers.of(NEW, OTHER), signed) is None


@pytest.mark.rule("SEC-145")
@settings(database=None, deadline=None)
@given(st.text(), st.integers(0, 41), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567\u017f\u212a"))
def test_a_forged_id_is_nobodys(text: str, at: int, letter: str) -> None:
    """Neither a text of any kind nor a signed id with one character changed is believed."""
    peppers = Peppers.of(NEW)
    signed = signed_message_id(peppers, ID)
    assert read_message_id(peppers, text) is None
    changed = signed[:at] + letter + signed[at + 1 :]
    assert read_message_id(peppers, changed) == (ID if changed == signed else None)
    assert read_message_id(peppers, signed + text) == (None if text else ID)
