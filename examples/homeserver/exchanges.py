"""Requests to other homeservers for invitations, in a queue that outlives a restart and their outages."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from attrs import evolve, field, frozen

from matrix_threepid.errors import MatrixError
from matrix_threepid.identity import HttpReply
from matrix_threepid.ports import Clock
from matrix_threepid.stores import Database

from .peers import Peers
from .tables import ask

_PATH = "/_matrix/federation/v1/exchange_third_party_invite"
_FIRST_PAUSE, _LONGEST_PAUSE = 1_000, 3_600_000
_MOST_TRIES, _AT_ONCE = 100, 20


@frozen
class Exchanges:
    """What other homeservers are to be asked for."""

    _db: Database = field(repr=False)
    _peers: Peers = field(repr=False)
    _clock: Clock = field(repr=False)

    async def put(self, server_name: str, event: Mapping[str, Any]) -> None:
        """Ask a homeserver for an invitation, soon."""
        sql = "INSERT INTO exchanges (id, server_name, event, due_at, tries) VALUES (?, ?, ?, ?, 0)"
        await ask(self._db, sql, secrets.token_hex(16), server_name, json.dumps(event), self._clock())

    async def waiting(self) -> Sequence[tuple[str, Mapping[str, Any]]]:
        """Return the homeservers that wait to be asked, each with the event."""
        rows = await ask(self._db, "SELECT server_name, event FROM exchanges ORDER BY due_at, id")
        return [(server_name, json.loads(event)) for server_name, event in rows]

    async def work(self) -> None:
        """Ask those that are due; one that does not answer is asked again after longer and longer pauses."""
        sql = "SELECT id, server_name, event, tries FROM exchanges WHERE due_at <= ? ORDER BY due_at LIMIT ?"
        for row_id, server_name, event, tries in await ask(self._db, sql, self._clock(), _AT_ONCE):
            # Put off before the request, so that a process that dies in it does not start over at once.
            pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(tries, 30))
            later = "UPDATE exchanges SET due_at = ?, tries = tries + 1 WHERE id = ?"
            await ask(self._db, later, self._clock() + pause, row_id)
            if await self._settled(server_name, json.loads(event)) or tries + 1 >= _MOST_TRIES:
                await ask(self._db, "DELETE FROM exchanges WHERE id = ?", row_id)

    async def _settled(self, server_name: str, event: Mapping[str, Any]) -> bool:
        """Ask a homeserver; return whether it has decided, for or against the user."""
        from matrix_threepid.identity import RequestSigner

        signer = RequestSigner(self._peers.server_name, self._peers.key)
        uri = f"{_PATH}/{quote(event['room_id'], safe='')}"
        try:
            place = await self._peers.places(server_name)
        except MatrixError:
            return True
        headers = {
            "Authorization": signer.for_homeserver("PUT", uri, server_name, event),
            "Content-Type": "application/json",
        }
        request = place.request(uri, caller=event["state_key"])
        asked = evolve(request, method="PUT", headers=tuple(headers.items()), body=json.dumps(event).encode())
        reply = await self._peers.fetch.fetch(asked, self._peers.deadline)
        return isinstance(reply, HttpReply) and reply.status < 500 and reply.status != 429
