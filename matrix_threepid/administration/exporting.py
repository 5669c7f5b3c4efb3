"""Everything that is stored about a user, as values for JSON: for a person who asks what a server knows.

See https://gdpr-info.eu/art-15-gdpr/ and https://gdpr-info.eu/art-20-gdpr/.
"""

from __future__ import annotations

from ..explaining.delivery_state import messages_of, messages_to
from ..explaining.explain import AuditReader
from ..flows.binding_access import bindings_of
from ..model.binding import Binding
from ..model.session import Session
from ..protocol.message import write
from ..roles.base import Role
from ..roles.homeserver import Homeserver
from .views import view_of_message

_MOST = 1000
"""Entries of the audit, the newest."""


async def exported(role: Role, user_id: str, audit: AuditReader | None) -> dict[str, object]:
    """Return everything that is stored about a user; addresses are whole, and no secret is in it."""
    found: dict[str, object] = {
        "user_id": user_id,
        "sessions": [_session(each) for each in await role.sessions.of_owner(user_id)],
    }
    found["messages"] = await _messages(role, user_id)
    if isinstance(role, Homeserver):
        held = await role.accounts.list(user_id)
        found["threepids"] = [
            {
                "medium": each.medium.value,
                "address": each.address,
                "spelling": each.spelling,
                "validated_at": each.validated_at,
                "added_at": each.added_at,
            }
            for each in held
        ]
        found["bindings"] = [_binding(each) for each in await bindings_of(role, user_id)]
        found["changes"] = await _changes(role, user_id)
    if audit is not None:
        entries = await audit.list(user_id=user_id, limit=_MOST)
        found["audit"] = [{"at": each.at, "event": each.event, **each.details} for each in entries]
    return found


async def _messages(role: Role, user_id: str) -> list[dict[str, object]]:
    """Return the messages of a user's open sessions, and those to the user's addresses that are the user's."""
    if role.messages is None:
        return []
    found = [each for session in await role.sessions.of_owner(user_id) for each in await messages_of(role, session)]
    if isinstance(role, Homeserver):
        for held in await role.accounts.list(user_id):
            found += [each for each in await messages_to(role, held.threepid) if each.user_id == user_id]
    return [write(view_of_message(each)) for each in {each.id: each for each in found}.values()]


def _session(session: Session) -> dict[str, object]:
    return {
        "sid": session.sid,
        "purpose": session.purpose.value,
        "medium": session.threepid.medium.value,
        "address": session.threepid.address,
        "spelling": session.spelling,
        "created_at": session.created_at,
        "expires_at": session.expires_at,
        "validated_at": session.validated_at,
        "origin": session.origin,
        "device": session.device,
        "language": session.language,
        "next_link": session.next_link,
        "notice": session.notice,
    }


def _binding(row: Binding) -> dict[str, object]:
    return {
        "id_server": row.id_server,
        "medium": None if row.threepid is None else row.threepid.medium.value,
        "address": None if row.threepid is None else row.threepid.address,
        "created_at": row.created_at,
        "bound_at": row.bound_at,
        "unwanted_since": row.unwanted_since,
    }


async def _changes(role: Homeserver, user_id: str) -> list[dict[str, object]]:
    """Return the changes of an account that can be taken back, or could be until lately."""
    reversal = await role.reversals.of_user(user_id)
    if reversal is None:
        return []
    return [{"kind": each.kind.value, "address": each.concerns, "at": each.at} for each in reversal.listed]
