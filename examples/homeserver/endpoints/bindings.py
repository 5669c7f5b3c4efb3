"""Where addresses are published: an endpoint of this server's own, for its users."""

from __future__ import annotations

from typing import Any

from matrix_threepid import Response, bindings_of
from matrix_threepid.endpoints import Access, Call, History, endpoint, json_response
from matrix_threepid.identity import Binding

from ..home import Home


@endpoint("GET", "/org.example.bindings", History(), access=Access.USER)
async def list_bindings(home: Home, call: Call, message: None) -> Response:
    """List where the caller's addresses are published or may be, and what is still to be taken back."""
    return json_response(200, {"bindings": await bindings_listed(home, call.user.user_id)})


async def bindings_listed(home: Home, user_id: str) -> list[dict[str, Any]]:
    """Return a user's bindings as they are shown; also those of a user who has left."""
    return [_shown(row) for row in await bindings_of(home, user_id)]


def _shown(row: Binding) -> dict[str, Any]:
    known = row.threepid
    return {
        "medium": known and known.medium.value,
        "address": known and known.address,
        "id_server": row.id_server,
        "state": _state(row),
        "next_try": row.due_at,
    }


def _state(row: Binding) -> str:
    """Return ``published``, ``perhaps`` (an answer got lost), ``going`` (until its server confirms) or ``given up``."""
    if row.unwanted_since is not None:
        return "going" if row.due_at is not None else "given up"
    return "perhaps" if row.bound_at is None else "published"


ENDPOINTS = (list_bindings,)
