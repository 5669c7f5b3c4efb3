"""The page behind an undo link: it shows what a press of its button takes back, and only the press acts.

Programs open links in mails, so GET and HEAD change nothing (REQ-LINK-3). See SEC-57.
"""

from __future__ import annotations

from attrs import frozen

from ...flows.reversals import UNDO_PATH, holder_of
from ...flows.undo import can_secure, confirm_removals, confirmable, taken_by_others, undo
from ...model.call import Call
from ...model.reversal import Reversal, ReversalState
from ...model.threepid import AccountThreepid, masked
from ...protocol import errors
from ...protocol.endpoint import endpoint
from ...protocol.history import History
from ...protocol.members import opaque, token
from ...protocol.message import read
from ...protocol.wire import Response
from ...roles.homeserver import Homeserver
from ..page import page


@frozen(kw_only=True)
class UndoLink:
    """The parameters of an undo link.

    See https://github.com/matrix-org/matrix-spec-proposals/pull/1915.
    """

    sid: str = opaque(doc="the changes")
    token: str = token(doc="the link's token")


def _off(hs: Homeserver) -> str | None:
    return None if hs.policy.undo_links else "policy.undo_links is off"


async def _find(hs: Homeserver, fields: dict[str, str]) -> tuple[Reversal, AccountThreepid] | None:
    """Return what a link is about, and whose it is; ``None`` for an unknown one and a wrong token alike."""
    try:
        link = read(UndoLink, fields)
    except errors.MatrixError:
        return None
    reversal = await hs.reversals.get(link.sid)
    holder = None if reversal is None else holder_of(hs, reversal, link.token)
    return None if reversal is None or holder is None else (reversal, holder)


def _unusable(hs: Homeserver, reversal: Reversal, holder: AccountThreepid) -> str | None:
    """Return the name of the page that says why a link does not act; ``None`` if it does."""
    if reversal.state is ReversalState.UNDONE:
        return "undone"
    if reversal.state is not ReversalState.OPEN or holder not in reversal.trusted:
        return "undo_stopped"
    return None if reversal.open(hs.clock()) else "undo_expired"


@endpoint("GET", UNDO_PATH, History(), name="show_undo_link", query=UndoLink, offered=_off)
async def show_undo_link(hs: Homeserver, call: Call, message: None) -> Response:
    """Show what an undo link takes back, and change nothing."""
    fields = dict(call.request.parameters)
    found = await _find(hs, fields)
    if found is None:
        return page(hs, call, "undo_failed", 400)
    reversal, holder = found
    if (unusable := _unusable(hs, reversal, holder)) is not None:
        return page(hs, call, unusable, 200 if unusable == "undone" else 400)
    confirms = await confirmable(hs, reversal, holder)
    taken = await taken_by_others(hs, reversal)
    values = {
        "sid": reversal.id,
        "token": fields["token"],
        "account": reversal.user_id,
        "taken": ", ".join(masked(each.address) for each in taken),
        "secures": "yes" if can_secure(hs) else "",
        "confirms": ", ".join(masked(each.address) for each in confirms),
    }
    mine = bool(confirms) and fields.get("answer") == "mine"
    return page(hs, call, "undo_mine" if mine else "undo", 200, values)


@endpoint("POST", UNDO_PATH, History(), name="undo_changes", offered=_off)
async def undo_changes(hs: Homeserver, call: Call, message: None) -> Response:
    """Take the changes back, or confirm removals, by the buttons of the page."""
    if call.pressed_elsewhere:
        return page(hs, call, "foreign", 403)
    fields = {**call.request.parameters, **call.request.form}
    found = await _find(hs, fields)
    if found is None:
        return page(hs, call, "undo_failed", 400)
    reversal, holder = found
    if fields.get("answer") == "mine":
        done = _unusable(hs, reversal, holder) is None and await confirm_removals(hs, reversal, holder)
        return page(hs, call, "undo_kept", 200) if done else page(hs, call, "undo_stopped", 400)
    if _unusable(hs, reversal, holder) in (None, "undone") and await undo(hs, reversal, holder):
        return page(hs, call, "undone", 200)
    stored = await hs.reversals.get(reversal.id)
    return page(hs, call, (stored and _unusable(hs, stored, holder)) or "undo_stopped", 400)


ENDPOINTS = (show_undo_link, undo_changes)
