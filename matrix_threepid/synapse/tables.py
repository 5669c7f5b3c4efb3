"""Tables of Synapse: ``user_threepids`` (on accounts), ``user_threepid_id_server`` (bindings), and its sessions."""

from __future__ import annotations

from collections.abc import Sequence

from ..model.id_server import normal_id_server
from ..protocol.errors import InvalidParam
from ..stores.sql import Operation

_OWNER = "SELECT user_id FROM user_threepids WHERE medium = ? AND address = ?"
_LISTED = (
    "SELECT medium, address, validated_at, added_at FROM user_threepids WHERE user_id = ? ORDER BY added_at, address"
)
_CLAIM = (
    "INSERT INTO user_threepids (user_id, medium, address, validated_at, added_at) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (medium, address) DO NOTHING RETURNING user_id"
)
_BOUND = "SELECT medium, address, id_server FROM user_threepid_id_server WHERE user_id = ?"
_REMEMBER = (
    "INSERT INTO user_threepid_id_server (user_id, medium, address, id_server) VALUES (?, ?, ?, ?) "
    "ON CONFLICT (user_id, medium, address, id_server) DO NOTHING"
)
_FORGET = "DELETE FROM user_threepid_id_server WHERE user_id = ? AND medium = ? AND address = ? AND id_server = ?"
_VALIDATED = "SELECT 1 FROM threepid_validation_session WHERE session_id = ? AND validated_at <= ?"


def validated(sid: str, at: int) -> Operation[bool]:
    """Return whether a session of Synapse's own was validated at a time in ms."""
    return bool((yield _VALIDATED, (sid, at)))


def owner(medium: str, addresses: Sequence[str]) -> Operation[str | None]:
    """Return the user who has the first of these addresses that is on any account."""
    for address in addresses:
        if rows := (yield _OWNER, (medium, address)):
            return str(rows[0][0])
    return None


def listed(user_id: str) -> Operation[list[tuple[str, str, int, int]]]:
    """Return medium, address, and the times of validation and addition, of each address on an account."""
    rows = yield _LISTED, (user_id,)
    return [(medium, address, validated_at, added_at) for medium, address, validated_at, added_at in rows]


def claim(user_id: str, medium: str, addresses: Sequence[str], validated_at: int, now: int) -> Operation[str | None]:
    """Put the first of these addresses on an account; return the user who has one of them already, if any."""
    if (holder := (yield from owner(medium, addresses))) is not None:
        return holder
    if (yield _CLAIM, (user_id, medium, addresses[0], validated_at, now)):
        return None
    return (yield from owner(medium, addresses))


def bound(user_id: str) -> Operation[list[tuple[str, str, str]]]:
    """Return medium, address and identity server of each binding that Synapse stores for a user."""
    rows = yield _BOUND, (user_id,)
    return [(medium, address, id_server) for medium, address, id_server in rows]


def remember(user_id: str, medium: str, address: str, id_server: str) -> Operation[None]:
    """Store in Synapse's table that an address is bound."""
    yield _REMEMBER, (user_id, medium, address, id_server)


def forget(user_id: str, medium: str, address: str, id_server: str) -> Operation[None]:
    """Delete a binding from Synapse's table, in whichever form the identity server is stored there."""
    for row in (yield from bound(user_id)):
        if row[:2] == (medium, address) and reachable_as(row[2]) == id_server:
            yield _FORGET, (user_id, *row)


def reachable_as(id_server: str) -> str | None:
    """Return the normal form of an identity server's name; ``None`` if it is not valid."""
    try:
        return normal_id_server(id_server)
    except InvalidParam:
        return None
