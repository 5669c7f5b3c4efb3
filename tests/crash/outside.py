"""What outlives a homeserver's process: clients, mailboxes, phones and identity servers, in one file of lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from matrix_threepid import Medium
from matrix_threepid.model.identity import (
    Associated,
    BindAnswer,
    Done,
    NotSupported,
    Proved,
    ProvedAnswer,
    UnbindAnswer,
)
from matrix_threepid.model.message import Accepted, Outcome, TokenMessage
from matrix_threepid.ports import Credentials

from .fate import Fate

KNOWING, OLD = "id.example.org", "old.example.org"
"""An identity server that tells which address a session has proved, and one that cannot."""


class Ledger:
    """Lines of JSON, each with the operating system before ``write`` returns: it outlives the process."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, kind: str, **values: Any) -> None:
        """Append a line."""
        with self._path.open("ab", buffering=0) as file:
            file.write(json.dumps({"kind": kind, **values}).encode() + b"\n")

    def read(self, *kinds: str) -> list[dict[str, Any]]:
        """Return the lines of some kinds, in order."""
        lines = self._path.read_text().splitlines() if self._path.exists() else []
        return [line for line in map(json.loads, lines) if line["kind"] in kinds]

    def published(self) -> dict[tuple[str, str, str], str]:
        """Return which user has which (identity server, medium, address) by now."""
        held: dict[tuple[str, str, str], str] = {}
        for line in self.read("bind", "unbind"):
            key = (line["id_server"], line["medium"], line["address"])
            if line["kind"] == "bind":
                held[key] = line["user_id"]
            elif held.get(key) == line["user_id"]:
                del held[key]
        return held


class Mailbox:
    """A ``TokenSender`` that writes down what is handed over; the process may die before and after."""

    def __init__(self, ledger: Ledger, fate: Fate) -> None:
        self._ledger, self._fate = ledger, fate

    async def send(self, message: TokenMessage) -> Outcome:
        self._fate.boundary()
        self._ledger.write("sent", to=message.recipient, link=message.link, code=message.code)
        self._fate.boundary()
        return Accepted()


class IdentityServers:
    """An ``IdentityServerClient`` and the servers behind it, who take the word of ``session_of``."""

    def __init__(self, ledger: Ledger, fate: Fate) -> None:
        self._ledger, self._fate = ledger, fate

    async def proved(self, id_server: str, access_token: str, credentials: Credentials, deadline: int) -> ProvedAnswer:
        self._fate.boundary()
        return NotSupported() if id_server == OLD else Proved(*_session(credentials))

    async def bind(
        self, id_server: str, access_token: str, credentials: Credentials, user_id: str, deadline: int
    ) -> BindAnswer:
        medium, address = _session(credentials)
        self._do("bind", id_server, medium, address, user_id)
        return Associated(medium, address, user_id)

    async def unbind(self, id_server: str, user_id: str, medium: Medium, address: str, deadline: int) -> UnbindAnswer:
        self._do("unbind", id_server, medium, address, user_id)
        return Done()

    def _do(self, call: str, id_server: str, medium: Medium, address: str, user_id: str) -> None:
        self._fate.boundary()
        self._ledger.write(call, id_server=id_server, medium=medium.value, address=address, user_id=user_id)
        self._fate.boundary()


def session_of(medium: Medium, address: str) -> str:
    """Return the ``sid`` at an identity server of a session that has proved this address."""
    return f"{medium.value}-{address.encode().hex()}"


def _session(credentials: Credentials) -> tuple[Medium, str]:
    medium, _, address = credentials.sid.partition("-")
    return Medium(medium), bytes.fromhex(address).decode()
