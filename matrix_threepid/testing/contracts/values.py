"""Values that the tests of contracts store, and changes of each field."""

from __future__ import annotations

from typing import Any

import attrs

from ...model.binding import Binding
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
    "with_link": True,
}
_KEPT = ("sid", "id", "revision")


def session(sid: str, **changes: Any) -> Session:
    """Return a newly opened session; its slot is ``slot-`` and its sid."""
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


def binding(name: str, **changes: Any) -> Binding:
    """Return a binding as it is stored once its address is known."""
    values: dict[str, Any] = {
        "id": name,
        "user_id": "@alice:hs.example.org",
        "id_server": "id.example.org",
        "threepid": Threepid(Medium.EMAIL, "alice@example.org"),
        "spelling": "Alice@example.org",
        "created_at": NOW,
    }
    return Binding(**{**values, **changes})


def _others(field: Any) -> list[Any]:
    """Return values of a field that the values above do not have."""
    wanted = [_OTHER[field.name]] if field.name in _OTHER else _odd(field)
    return [*wanted, None] if "None" in str(field.type) else wanted


def _odd(field: Any) -> list[Any]:
    return [_BIG, 0, -1] if "int" in str(field.type) else [_ODD, "", "x" * 4096]


def _changes(kind: type[Any]) -> dict[str, dict[str, Any]]:
    """Return changes of one field each, by a name that says which."""
    changeable = [field for field in attrs.fields(kind) if field.name not in _KEPT]
    return {
        f"{field.name}-{index}": {field.name: value}
        for field in changeable
        for index, value in enumerate(_others(field))
    }


CHANGES, BINDING_CHANGES = _changes(Session), _changes(Binding)
"""Changes of one field each, by a name that says which: of a session, of a binding."""
