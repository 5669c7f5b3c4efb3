"""Reports that come as mails: bounces, delays, deliveries and complaints; and those that somebody made up."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matrix_threepid import Peppers
from matrix_threepid.callbacks.dsn import events_of_mail
from matrix_threepid.callbacks.provider import Unreadable
from matrix_threepid.model.delivery import new_message_id, signed_message_id

from .providers import ID, NOW, PEPPER, SIGNED

MAILS = Path(__file__).parents[1] / "data" / "dsn"
PEPPERS = Peppers.of(PEPPER)
AT = 1_767_225_840_000
OTHER = signed_message_id(PEPPERS, new_message_id(bytes(16)))
REPORTED = {
    "failed": ("bounced", "5.1.1", True),
    "no-such-domain": ("bounced", "5.1.2", True),
    "takes-no-mail": ("bounced", "5.1.10", True),
    "full": ("bounced_soft", "5.2.2", False),
    "gave-up": ("bounced_soft", "4.4.1", False),
    "policy": ("bounced", "5.7.1", False),
    "delayed": ("deferred", "4.4.1", False),
    "delivered": ("delivered", "2.0.0", False),
    "relayed": ("handed_over", "2.0.0", False),
    "delivered-to": ("bounced", "5.1.1", True),
    "complaint": ("complained", "abuse", False),
    "complaint-headers": ("complained", "abuse", False),
    "not-spam": None,
}


def mail(name: str, message: str = SIGNED) -> bytes:
    return (MAILS / f"{name}.eml").read_bytes().replace(b"$MESSAGE", message.encode())


def told(raw: bytes, recipient: str | None = None, peppers: Peppers = PEPPERS) -> list[tuple[str, str, bool]]:
    return [
        (event.status.value, event.reason, event.permanent_address_failure)
        for event in events_of_mail(peppers, raw, NOW, recipient)
    ]


@pytest.mark.rule("SEC-147")
@pytest.mark.parametrize("name", [path.stem for path in sorted(MAILS.glob("*.eml"))])
def test_a_mail_reports(name: str) -> None:
    """Each kind of report is read as what it means, with the time it tells and the message it is about."""
    expected = REPORTED[name]
    assert told(mail(name)) == ([] if expected is None else [expected])
    events = events_of_mail(PEPPERS, mail(name, SIGNED.upper()), NOW)
    assert all((event.message_id, event.at) == (ID, AT) for event in events)
    assert all(event.provider == ("arf" if "complaint" in name else "dsn") for event in events)


@pytest.mark.rule("SEC-147")
@pytest.mark.parametrize("name", REPORTED)
def test_a_made_up_report_is_not_believed(name: str) -> None:
    """A report whose id has no MAC of a pepper in force says nothing, wherever the id stands."""
    random = Random(147)  # noqa: S311  a seed, so that it can be repeated
    assert told(mail(name), peppers=Peppers.of(b"x" * 32)) == []
    for _ in range(20):
        at = random.randrange(len(SIGNED))
        letter = random.choice([each for each in "abcdefg234567" if each != SIGNED[at]])
        assert told(mail(name, SIGNED[:at] + letter + SIGNED[at + 1 :])) == []


@pytest.mark.rule("SEC-147")
def test_the_recipient_may_be_told_by_the_mail_server() -> None:
    """Without an envelope id the address counts to which the report went, as the mail server names it."""
    raw = mail("no-such-domain").replace(SIGNED.encode(), b"", 1)
    assert told(raw) == []
    assert told(raw, f"bounces+{SIGNED}@example.org") == [("bounced", "5.1.2", True)]
    assert told(raw, f"<BOUNCES+{SIGNED.upper()}@EXAMPLE.ORG>") == [("bounced", "5.1.2", True)]
    assert told(raw, "bounces@example.org") == []


@pytest.mark.rule("SEC-147")
def test_the_envelope_id_comes_before_the_return_path() -> None:
    """A report is about one message: that of the envelope id if there is a right one, else that of the return path."""
    raw = mail("failed")
    envelope = f"Original-Envelope-Id: {SIGNED}".encode()
    assert told(raw, f"bounces+{OTHER}@example.org") == [REPORTED["failed"]]
    other = raw.replace(envelope, f"Original-Envelope-Id: {OTHER}".encode())
    assert [event.message_id for event in events_of_mail(PEPPERS, other, NOW)] == [new_message_id(bytes(16))]
    broken = raw.replace(envelope, b"Original-Envelope-Id: \xff\xfe")
    assert told(broken) == [REPORTED["failed"]]


@pytest.mark.rule("SEC-147")
@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"Subject: on holiday\n\nBack on Monday.\n",
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=a\n\n--a\n\nnothing\n--a--\n",
        b"Content-Type: multipart/report\n\nno boundary",
        b"".join(b"Content-Type: multipart/mixed; boundary=a%d\n\n--a%d\n" % (depth, depth) for depth in range(3000)),
        b"Content-Type: message/rfc822\n\n" * 3000,
    ],
    ids=["empty", "a reply", "no report in it", "no boundary", "deep parts", "deep mails"],
)
def test_another_mail_is_no_report(raw: bytes) -> None:
    """A mail that is no report is refused as such, however it is built."""
    with pytest.raises(Unreadable):
        events_of_mail(PEPPERS, raw, NOW)


@pytest.mark.rule("SEC-147")
@settings(database=None, deadline=None, max_examples=200)
@given(st.sampled_from(sorted(REPORTED)), st.lists(st.tuples(st.integers(0, 3000), st.binary(max_size=6)), max_size=8))
def test_a_mail_of_any_kind_ends_nothing(name: str, edits: list[tuple[int, bytes]]) -> None:
    """Whatever a mail holds, it is read as a report about the message, or about none, or refused as no report."""
    raw = mail(name)
    for at, data in edits:
        raw = raw[:at] + data + raw[at + len(data) :]
    try:
        events = events_of_mail(PEPPERS, raw, NOW)
    except Unreadable:
        return
    assert {event.message_id for event in events} <= {ID}
