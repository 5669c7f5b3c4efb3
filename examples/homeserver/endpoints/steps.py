"""Paths that hold a user or a room: the library's table knows open last steps, this one further ones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote

from matrix_threepid.endpoints import Call, Endpoint, Table

_STEP = re.compile(r"/(user|rooms)/([^/]+)/")
_NAMES = {"user": "{userId}", "rooms": "{roomId}"}


class ClientTable(Table):
    """A table with paths that hold a user id or a room id."""

    def at(self, path: str) -> Mapping[str, Endpoint]:
        """Return the endpoints at ``path`` by method."""
        return super().at(_STEP.sub(lambda found: f"/{found[1]}/{_NAMES[found[1]]}/", path, count=1))


def user_of(call: Call) -> str:
    """Return the user id in the path of a call."""
    return _named(call)


def room_of(call: Call) -> str:
    """Return the room id in the path of a call."""
    return _named(call)


def step_of(call: Call) -> str:
    """Return the last step of the path of a call."""
    return unquote(call.request.path.rpartition("/")[2])


def _named(call: Call) -> str:
    found = _STEP.search(call.request.path)
    return "" if found is None else unquote(found[2])
