"""Rooms: make one, invite users and addresses to it, revoke an invitation, join, and look at its state."""

from __future__ import annotations

import json
import logging

from attrs import evolve, frozen

from matrix_threepid import Response, errors, invite_by_threepid, invite_prepared, prepare_invites
from matrix_threepid.endpoints import Access, Call, History, endpoint, json_response, text
from matrix_threepid.identity import InviteAbout, InvitedUser, ThirdPartyInvite

from ..home import Home
from ..rooms import INVITE, member
from .steps import room_of, step_of

_log = logging.getLogger(__name__)
_ADDRESS = ("medium", "address", "id_server", "id_access_token")
_ADDED = History(r0="r0.0.0", v3="v1.1")


@frozen(kw_only=True)
class CreateRoom:
    """A new room; ``invite_3pid`` is read by the library."""

    name: str | None = text(255, optional=True, doc="the name of the room")


@frozen(kw_only=True)
class Invite:
    """Whom to invite: a user, or an address, whose members are read by the library."""

    user_id: str | None = text(255, optional=True, doc="the user")


@frozen(kw_only=True)
class Nothing:
    """An empty object, or one whose members are not read."""


@endpoint("POST", "/createRoom", _ADDED, request=CreateRoom, access=Access.USER)
async def create_room(home: Home, call: Call, message: CreateRoom) -> Response:
    """Make a room, and invite addresses to it; a wrong entry makes no room."""
    user_id = call.user.user_id
    prepared = await prepare_invites(home, user_id, call.body.get("invite_3pid", []))
    room_id = await home.rooms.create(user_id, message.name)
    for each in prepared:
        try:
            made = await invite_prepared(home, each, room_id=room_id, about=InviteAbout(room_name=message.name))
        except errors.MatrixError as error:
            # The room is there: its creator sees who is missing, and invites again.
            _log.warning("An invitation of a new room failed: %s", error.errcode)
            continue
        await _sent(home, room_id, user_id, made)
    return json_response(200, {"room_id": room_id})


@endpoint("POST", "/rooms/{roomId}/invite", _ADDED, request=Invite, access=Access.USER, errors=(errors.Forbidden,))
async def invite(home: Home, call: Call, message: Invite) -> Response:
    """Invite a user or an address to a room."""
    room_id, user_id = room_of(call), call.user.user_id
    name = await home.rooms.name(room_id, user_id)
    made: InvitedUser | ThirdPartyInvite
    if message.user_id is not None:
        made = InvitedUser(message.user_id)
    else:
        given = {each: call.body.get(each) for each in _ADDRESS}
        about = InviteAbout(room_name=name)
        made = await invite_by_threepid(home, room_id=room_id, inviter=user_id, about=about, **given)
    await _sent(home, room_id, user_id, made)
    return json_response(200, {})


async def _sent(home: Home, room_id: str, sender: str, made: InvitedUser | ThirdPartyInvite) -> None:
    """Send what came of an invitation into its room."""
    if isinstance(made, ThirdPartyInvite):
        await home.rooms.send(made.event())
        return
    if made.user_id.endswith(f":{home.server_name}") and not await home.rooms.has_user(made.user_id):
        raise errors.NotFound("There is no such user")
    await home.rooms.invite(member(room_id, sender, made.user_id, "invite"))


@endpoint(
    "PUT",
    f"/rooms/{{roomId}}/state/{INVITE}/{{stateKey}}",
    _ADDED,
    request=Nothing,
    access=Access.USER,
    errors=(errors.Forbidden,),
)
async def revoke_invitation(home: Home, call: Call, message: Nothing) -> Response:
    """Revoke the invitation of an address, by an empty object; other state cannot be sent here."""
    room_id, user_id, token = room_of(call), call.user.user_id, step_of(call)
    await home.rooms.name(room_id, user_id)
    if call.body:
        raise errors.InvalidParam("must be an empty object, which revokes an invitation")
    await home.rooms.send(ThirdPartyInvite(room_id, user_id, token, "", ()).event())
    return json_response(200, {"event_id": f"${token}"})


@endpoint("POST", "/rooms/{roomId}/join", _ADDED, request=Nothing, access=Access.USER, errors=(errors.Forbidden,))
async def join(home: Home, call: Call, message: Nothing) -> Response:
    """Join a room that one is invited to."""
    room_id = room_of(call)
    await home.rooms.join(room_id, call.user.user_id)
    return json_response(200, {"room_id": room_id})


@endpoint("GET", "/rooms/{roomId}/state", _ADDED, access=Access.USER, errors=(errors.Forbidden,))
async def state(home: Home, call: Call, message: None) -> Response:
    """Return the present state of a room that one has joined."""
    events = await home.rooms.state(room_of(call), call.user.user_id)
    # The specification has a list here, where all other answers are objects.
    return evolve(json_response(200, {}), body=json.dumps(events).encode())


ENDPOINTS = (create_room, invite, revoke_invitation, join, state)
