"""Invite a person by mail: limits, the mail, and the invitation that waits; and stop invitations to an address.

The order is that of ``request_token``: what is charged comes before anything is looked up. Whether the address is
published is charged as a look-up, since the answer tells of it.
"""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import quote, urlencode

from attrs import evolve, frozen

from ..events import MessageSent
from ..limits.counting import DAY, Charged, refuse
from ..limits.sending import charge_invitation
from ..limits.suppression import is_kept_back
from ..model.call import Call
from ..model.delivery import signed_message_id
from ..model.invitation import Invitation, giving_way, hash_of_stop, shown
from ..model.keys import random_text, same
from ..model.message import Accepted, MessageKind, Outcome, RefusedForever, RefusedForNow, TokenMessage, Unknown
from ..model.threepid import Candidate, Purpose
from ..ports import InvitationKeys
from ..protocol.errors import EmailSendError, MatrixError, ThreepidDenied, ThreepidInUse, Unavailable
from ..roles.identity_server import IdentityServer
from .ask_gate import pass_gate
from .delivery import act_on_refusal, event_of
from .lookup import charge_lookup

STOP_PATH = "/threepid/invitations/submit_token"
"""The path of the link that stops invitations, below a version; the form of the page posts to ``submit_token``."""
SIGN_PATH = "/api/v1/sign-ed25519"
_TOKEN_BYTES = 32


@frozen(kw_only=True)
class Invited:
    """What a client says of an invitation.

    * ``candidate``: the address, and how it was typed.
    * ``sender``: the user who invites: the caller, or under version 1 whom a stranger names.
    * ``room_id``: the room; ``room``: its name as strangers chose it.
    * ``name``: the name that the user who invites has chosen.
    """

    candidate: Candidate
    sender: str
    room_id: str
    room: str
    name: str


@frozen
class _Secrets:
    """What the mail alone holds: the signing key of the invitation, and the token that stops invitations."""

    seed: bytes
    stop: str


async def invite(role: IdentityServer, keys: InvitationKeys, call: Call, invited: Invited) -> Invitation:
    """Store an invitation, and send its mail; return it.

    Raises ``LimitExceeded``, ``ThreepidInUse``, ``ThreepidDenied``, what ``pass_gate`` raises, and ``EmailSendError``;
    then nothing waits.
    """
    threepid, user_id = invited.candidate.threepid, call.user_id
    await charge_lookup(role, call, 1)
    await _refuse_bound(role, invited)
    stopped = await role.invitations.is_stopped(threepid)
    if stopped or not await role.rules.allows(threepid, Purpose.BIND, user_id):
        raise ThreepidDenied
    now = role.clock()
    charged = Charged(role, await charge_invitation(role, call, threepid), now)
    await pass_gate(role, call, Purpose.BIND, threepid, charged)
    if role.suppressions is not None and await is_kept_back(role, threepid, MessageKind.INVITATION):
        raise ThreepidDenied

    secrets = _Secrets(role.random_bytes(_TOKEN_BYTES), random_text(role.random_bytes(_TOKEN_BYTES)))
    invitation = Invitation(
        token=random_text(role.random_bytes(_TOKEN_BYTES)),
        threepid=threepid,
        room_id=invited.room_id,
        sender=invited.sender,
        public_key=keys.public_of(secrets.seed),
        stop_hash=hash_of_stop(secrets.stop),
        created_at=now,
    )
    # Stored first: a mail must never hold a key that is not known here.
    if not await _stored(role, invitation, proved=user_id is not None):
        await charged.give_back()
        refuse(role, "invite", DAY)
    try:
        # Again: a bind that was under way has not seen the invitation.
        await _refuse_bound(role, invited)
        outcome = await _send(role, call, invitation, _message(role, call, invited, invitation, secrets))
        if isinstance(outcome, Accepted | Unknown):
            return invitation
        if isinstance(outcome, RefusedForNow) and outcome.outage:
            await charged.give_back()
        denied = isinstance(outcome, RefusedForever) and outcome.denied
        raise ThreepidDenied if denied else EmailSendError
    except MatrixError:
        await role.invitations.remove(invitation.token)
        raise


async def _stored(role: IdentityServer, invitation: Invitation, *, proved: bool) -> bool:
    most = role.policy.invitations.per_address
    if await role.invitations.put(invitation, most):
        return True
    if not proved:
        return False
    # Otherwise one user could fill the places of an address, and nobody could invite it until they end.
    other = giving_way(await role.invitations.waiting(invitation.threepid), invitation.sender)
    if other is None or not await role.invitations.remove(other.token):
        return False
    return await role.invitations.put(invitation, most)


async def _send(role: IdentityServer, call: Call, invitation: Invitation, message: TokenMessage) -> Outcome:
    """Send the mail of an invitation; with a store of messages it is written down first, and what came of it then."""
    sender, messages = role.senders[message.medium], role.messages
    if messages is None:
        outcome = await sender.send(message)
        role.emit(MessageSent(invitation.threepid, Purpose.BIND, outcome))
        return outcome
    row = role.writer.message_of_invitation(
        invitation, call.user_id, message.recipient, invitation.created_at + role.policy.invitations.days * DAY
    )
    await messages.write(row)
    outcome = await sender.send(evolve(message, message_id=signed_message_id(role.peppers, row.id)))
    role.emit(MessageSent(invitation.threepid, Purpose.BIND, outcome))
    event = event_of(role, row.id, message.medium, outcome)
    # The mail may be on its way: an outage of the store of messages must not have its key forgotten.
    with suppress(Unavailable):
        if await messages.record(event) is not None and event.permanent_address_failure:
            await act_on_refusal(role, event)
    return outcome


async def _refuse_bound(role: IdentityServer, invited: Invited) -> None:
    bound = await role.associations.get(invited.candidate.threepid)
    if bound is not None:
        raise ThreepidInUse(mxid=bound.mxid)


def _message(
    role: IdentityServer, call: Call, invited: Invited, invitation: Invitation, secrets: _Secrets
) -> TokenMessage:
    # Under version 1 nobody has proved who invites, and a mail of this server must not say what a stranger made up.
    proved = call.user_id is not None
    name, sender = shown(invited.name), shown(invitation.sender)
    stop = urlencode({"sid": invitation.token, "token": secrets.stop})
    return TokenMessage(
        medium=invitation.threepid.medium,
        recipient=invited.candidate.spelling,
        purpose=Purpose.BIND,
        kind=MessageKind.INVITATION,
        link=_link(role, invitation, secrets),
        inviter=(f"{name} ({sender})" if name else sender) if proved else "",
        room=shown(invited.room) if proved else "",
        server=role.server_name,
        language=call.request.best_language(role.policy.languages),
        brand=role.policy.brand,
        requested_at=invitation.created_at,
        lifetime=role.policy.invitations.days * DAY,
        deadline=role.policy.send_deadline,
        stop_link=f"{role.policy.public_base_url}{role.prefix}{role.submit_version}{STOP_PATH}?{stop}",
    )


def _link(role: IdentityServer, invitation: Invitation, secrets: _Secrets) -> str | None:
    """Return the link that Element and other web clients know; ``None`` without ``web_client``."""
    client = role.policy.invitations.web_client
    if client is None:
        return None
    # Clients post to this URL with their user id and without an access token, which version 2 would demand.
    secret = urlencode({"token": invitation.token, "private_key": random_text(secrets.seed)})
    signing = f"{role.policy.public_base_url}{role.prefix}{SIGN_PATH}?{secret}"
    values = urlencode({"email": invitation.threepid.address, "signurl": signing})
    return f"{client}/#/room/{quote(invitation.room_id, safe='!:')}?{values}"


async def invitation_of(role: IdentityServer, token: str, stop: str) -> Invitation | None:
    """Return the invitation of a link that stops invitations; ``None`` for an unknown one and a wrong token alike."""
    found = await role.invitations.get(token)
    return found if found is not None and same(found.stop_hash, hash_of_stop(stop)) else None
