"""Sessions as the contract's tests store them, and every way one may differ from another."""

from __future__ import annotations

from typing import Any

import attrs

from ...model.session import Session
from ...model.threepid import Medium, Purpose, Threepid

NOW = 1_700_000_000_000
_HOUR = 3_600_000
_BIG = 2**53 - 1
_ODD = "Zoë 'x' \"y\" \\ ? %s $1 \U0001f980"
_OTHER = {
    "purpose": Purpose.PASSWORD,
    "threepid": Threepid(Medium.MSISDN, "447700900001"),
    "ended": True,
    "decoy": True,
}
_KEPT = ("sid", "revision")


def session(sid: str, **changes: Any) -> Session:
    """Return a session as it is opened; its slot is ``slot-`` and its sid."""
    values: dict[str, Any] = {
        "sid": sid,
        "purpose": Purpose.ADD,
        "threepid": Threepid(Medium.EMAIL, "alice@example.org"),
        "spelling": "Alice@example.org",
        "pepper_id": "pepper",
        "secret_mac": f"mac-{sid}",
        "slot": f"slot-{sid}",
        "created_at": NOW,
        "expires_at": NOW + _HOUR,
    }
    return Session(**{**values, **changes})


def _others(name: str) -> list[Any]:
    """Return values of a field that the sessions of ``session`` do not have."""
    if name in _OTHER:
        return [_OTHER[name]]
    field = getattr(attrs.fields(Session), name)
    number = "int" in str(field.type)
    values: list[Any] = [_BIG, 0, -1] if number else [_ODD, "", "x" * 4096]
    return [*values, None] if "None" in str(field.type) else values


CHANGES = {
    f"{field.name}-{index}": {field.name: value}
    for field in attrs.fields(Session)
    if field.name not in _KEPT
    for index, value in enumerate(_others(field.name))
}
"""Changes of one field each, by a name for the test."""
