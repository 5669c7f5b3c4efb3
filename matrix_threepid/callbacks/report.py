"""``Report``: what a provider or a mail server says of one message, and the event that it becomes."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from typing import Any

from attrs import field, frozen

from ..model.delivery import (
    DeliveryEvent,
    DeliveryStatus,
    ends_address,
    failed_with,
    is_enhanced_status,
    read_message_id,
)
from ..model.keys import Peppers

METADATA = "threepid_message"
"""The name under which providers keep the signed id of a message, and give it back in their reports."""
MOST_REPORTS = 1000
"""The reports of one body that are read."""
MINUTE = 60_000
OLDEST = 30 * 24 * 60 * MINUTE
"""The age in ms of a report that is not recorded any more; no mail server tries for so long."""
_ENHANCED = re.compile(r"(?<![0-9.])[245]\.[0-9]{1,3}\.[0-9]{1,3}(?![0-9]|\.[0-9])")
_LONGEST = 2000


@frozen(kw_only=True)
class Report:
    """What is said of one message, before it is known which message that is.

    * ``message``: the signed id of the message; any text, or any other value that the body had in its place.
    * ``status``: what happened to it.
    * ``at``: when, in ms of the wall clock; ``None`` (default) if the report does not say.
    * ``said``: the enhanced status code, or words among which it may stand; default empty.
    """

    message: object = field(repr=False)
    status: DeliveryStatus
    at: int | None = None
    said: str = field(default="", repr=False)


def events_of(peppers: Peppers, provider: str, reports: Iterable[Report], now: int) -> Iterator[DeliveryEvent]:
    """Yield the events of reports about messages of ours; others, and those that are too old, are passed over.

    * ``provider``: who says it.
    * ``now``: the time in ms, in the place of a time that is missing or lies ahead.
    """
    for count, report in enumerate(reports):
        if count == MOST_REPORTS:
            return
        message_id = read_message_id(peppers, report.message) if isinstance(report.message, str) else None
        at = now if report.at is None else min(report.at, now)
        if message_id is None or at < now - OLDEST:
            continue
        code = enhanced_in(report.said)
        failed = report.status is DeliveryStatus.BOUNCED
        yield DeliveryEvent(
            message_id=message_id,
            # Of a failure the code knows more than the provider's own word for it.
            status=failed_with(code) if failed and code else report.status,
            at=max(0, at),
            provider=provider,
            reason=code or report.said,
            permanent_address_failure=failed and ends_address(code),
        )


def enhanced_in(text: str) -> str:
    """Return the enhanced status code in a text, or an empty string.

    Of several the first that says more than the class counts: mail servers also write ``5.0.0``.

    >>> enhanced_in("smtp; 550-5.1.1 no such user"), enhanced_in("5.0.0 550 5.2.2 full"), enhanced_in("from 10.5.1.1")
    ('5.1.1', '5.2.2', '')
    """
    codes = _ENHANCED.findall(text[:_LONGEST])
    return next((code for code in codes if not code.endswith(".0.0")), codes[0] if codes else "")


def enhanced(value: object) -> str:
    """Return a value that is an enhanced status code and says more than its class, or an empty string."""
    return value if isinstance(value, str) and is_enhanced_status(value) and not value.endswith(".0.0") else ""


# -- reading what JSON holds -----------------------------------------------------------------------


def member(value: object, *names: str) -> Any:
    """Return a member of an object within objects; ``None`` if there is none."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def text(value: object) -> str:
    """Return a value that is a text, else an empty one."""
    return value if isinstance(value, str) else ""


def ms_of_seconds(value: object) -> int | None:
    """Return a time in seconds, a number or its digits, in ms; ``None`` for anything else."""
    if isinstance(value, str) and len(value) <= 32:
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return round(value * 1000) if 0 <= value < 2**42 else None


def ms_of_iso(value: object) -> int | None:
    """Return a time as ISO 8601 writes it, such as ``2026-01-01T00:00:00.000Z``, in ms; ``None`` for anything else."""
    if not isinstance(value, str) or len(value) > 40:
        return None
    # Python reads "Z" and fractions of any length only from 3.11 on.
    plain = re.sub(r"(\.[0-9]{1,6})[0-9]*", lambda found: found[1].ljust(7, "0"), value.replace("Z", "+00:00"))
    try:
        time = datetime.fromisoformat(plain)
        aware = time if time.tzinfo is not None else time.replace(tzinfo=timezone.utc)
        return max(0, round(aware.timestamp() * 1000))
    except (ValueError, OverflowError):
        return None
