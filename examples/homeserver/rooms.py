"""Rooms that people are invited to: their present state, and the library's ``Rooms`` port.

There is no history, there are no power levels, and events go to no other server: whoever has joined a room may invite.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import field, frozen

from matrix_threepid.errors import Forbidden, NotFound
from matrix_threepid.identity import ROOM_RULES, RoomInvitation
from matrix_threepid.stores import Database, Operation, Row

from .accounts import Accounts
from .exchanges import Exchanges
from .tables import ask, one

VERSION = "11"
"""The version of new rooms."""
MEMBER, INVITE, NAME = "m.room.member", "m.room.third_party_invite", "m.room.name"
Event = Mapping[str, Any]


@frozen
class Rooms:
    """The rooms of one server."""

    _db: Database = field(repr=False)
    _server_name: str
    accounts: Accounts = field(repr=False)
    exchanges: Exchanges = field(repr=False)

    # -- the library's port -------------------------------------------------------------------------

    async def has_user(self, user_id: str) -> bool:
        return await self.accounts.password(user_id) is not None

    async def has_room(self, room_id: str) -> bool:
        return bool(await ask(self._db, "SELECT version FROM rooms WHERE room_id = ?", room_id))

    async def invitation(self, room_id: str, token: str, user_id: str) -> RoomInvitation:
        return await self._db.run(lambda: _invitation(room_id, token, user_id))

    async def invite(self, event: Event) -> None:
        await self._db.run(lambda: _invite(event))

    async def exchange(self, server_name: str, event: Event) -> None:
        await self.exchanges.put(server_name, event)

    # -- rooms --------------------------------------------------------------------------------------

    async def create(self, creator: str, name: str | None) -> str:
        """Make a room that its creator has joined; return its id."""
        room_id = f"!{secrets.token_urlsafe(16)}:{self._server_name}"
        await self._db.run(lambda: _create(room_id, creator, name))
        return room_id

    async def send(self, event: Event) -> None:
        """Put an event into the present state of its room."""
        await self._db.run(lambda: _put(event))

    async def join(self, room_id: str, user_id: str) -> None:
        """Let an invited user join. Raises ``Forbidden``."""
        await self._db.run(lambda: _join(room_id, user_id))

    async def state(self, room_id: str, user_id: str) -> Sequence[Event]:
        """Return the present state of a room, for one who has joined it. Raises ``Forbidden``."""
        return await self._db.run(lambda: _state(room_id, user_id))

    async def name(self, room_id: str, user_id: str) -> str | None:
        """Return the name of a room, for one who has joined it and so may invite. Raises ``Forbidden``."""
        state = await self.state(room_id, user_id)
        return next((event["content"].get("name") for event in state if event["type"] == NAME), None)


def member(room_id: str, sender: str, user_id: str, membership: str) -> Event:
    """Return an event that gives a user a membership."""
    event = {"type": MEMBER, "room_id": room_id, "sender": sender, "state_key": user_id}
    return {**event, "content": {"membership": membership}}


def _create(room_id: str, creator: str, name: str | None) -> Operation[None]:
    yield "INSERT INTO rooms (room_id, version) VALUES (?, ?)", (room_id, VERSION)
    yield from _put(member(room_id, creator, creator, "join"))
    if name is not None:
        about = {"type": NAME, "room_id": room_id, "sender": creator, "state_key": ""}
        yield from _put({**about, "content": {"name": name}})


def _put(event: Event) -> Operation[None]:
    sql = "INSERT INTO room_state (room_id, type, state_key, sender, content) VALUES (?, ?, ?, ?, ?) "
    sql += "ON CONFLICT (room_id, type, state_key) DO UPDATE SET sender = excluded.sender, content = excluded.content"
    where = (event["room_id"], event["type"], event["state_key"])
    yield sql, (*where, event["sender"], json.dumps(event["content"]))


def _invite(event: Event) -> Operation[None]:
    """One who has joined meanwhile stays so, and one who is banned is not invited."""
    membership = yield from _membership(event["room_id"], event["state_key"])
    if membership == "ban":
        raise Forbidden("The user is banned from the room")
    if membership != "join":
        yield from _put(event)


def _join(room_id: str, user_id: str) -> Operation[None]:
    if (yield from _membership(room_id, user_id)) not in ("invite", "join"):
        raise Forbidden("You are not invited to this room")
    yield from _put(member(room_id, user_id, user_id, "join"))


def _state(room_id: str, user_id: str) -> Operation[list[Event]]:
    if (yield from _membership(room_id, user_id)) != "join":
        raise Forbidden("You are not in this room")
    sql = "SELECT room_id, type, state_key, sender, content FROM room_state WHERE room_id = ? ORDER BY type, state_key"
    return [_event(row) for row in (yield from one(sql, room_id))]


def _invitation(room_id: str, token: str, user_id: str) -> Operation[RoomInvitation]:
    versions = yield from one("SELECT version FROM rooms WHERE room_id = ?", room_id)
    if not versions:
        raise NotFound
    return RoomInvitation(
        event=(yield from _found(room_id, INVITE, token)),
        rules=ROOM_RULES[versions[0][0]],
        membership=(yield from _membership(room_id, user_id)),
    )


def _membership(room_id: str, user_id: str) -> Operation[str | None]:
    event = yield from _found(room_id, MEMBER, user_id)
    return None if event is None else str(event["content"]["membership"])


def _found(room_id: str, kind: str, state_key: str) -> Operation[Event | None]:
    sql = "SELECT room_id, type, state_key, sender, content FROM room_state "
    rows = yield from one(f"{sql}WHERE room_id = ? AND type = ? AND state_key = ?", room_id, kind, state_key)
    return _event(rows[0]) if rows else None


def _event(row: Row) -> Event:
    room_id, kind, state_key, sender, content = row
    event = {"type": kind, "room_id": room_id, "sender": sender, "state_key": state_key}
    return {**event, "content": json.loads(content)}
