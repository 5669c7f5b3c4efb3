"""The page behind a link: what it says in each state of its session, and what its buttons do.

GET and HEAD change nothing, since programs open links in mails; only a POST acts (REQ-LINK-3, REQ-LINK-7, decision 20).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from attrs import frozen

from ...flows import session_access
from ...flows.delivery import came_back
from ...flows.new_mail import NewMail, send_new_mail, waiting_request
from ...flows.submit_token import disown, opens_link, validate
from ...model.call import Call
from ...model.keys import same
from ...model.next_link import host_of, with_sid
from ...model.session import Session
from ...model.threepid import Medium, masked
from ...protocol import errors
from ...protocol.members import opaque, token
from ...protocol.message import read
from ...protocol.wire import Response
from ...roles.base import Role
from ...texts.mails import moment
from ...texts.pages import page_response
from ..page import page


@frozen(kw_only=True)
class FromLink:
    """The parameters of a link: a token, and optionally the client secret, which must then match (SEC-111)."""

    sid: str = opaque()
    token: str = token()
    client_secret: str | None = opaque(optional=True, secret=True)


class _State(Enum):
    """What the page behind a link is about.

    * ``OPEN``: the link confirms.
    * ``EXPIRED``, ``DISOWNED``: it does not, since it is too old or the request was stopped.
    * ``WAITING``: it has confirmed, and the client has still to go on.
    * ``USED``: it has confirmed, and the client has gone on or can no longer do so.
    """

    OPEN = "open"
    EXPIRED = "expired"
    DISOWNED = "disowned"
    WAITING = "waiting"
    USED = "used"


async def _session_of_link(role: Role, medium: Medium, fields: Mapping[str, str]) -> Session | None:
    """Return the session of a link.

    * ``fields``: the parameters of the link or of the form.

    ``None`` for an unknown session and a wrong token alike, so that ids cannot be searched for (REQ-SESS-8).
    """
    try:
        link = read(FromLink, fields)
    except errors.MatrixError:
        return None
    session = await role.sessions.get(link.sid)
    if session is None or session.threepid.medium is not medium or not _opens(role, session, link):
        return None
    return session


def _state(role: Role, session: Session) -> _State:
    now = role.clock()
    if session.ended:
        return _State.DISOWNED
    if session.validated_at is not None:
        return _State.WAITING if session.alive(now) else _State.USED
    return _State.OPEN if session.token_alive(now) else _State.EXPIRED


def _opens(role: Role, session: Session, link: FromLink) -> bool:
    """Return whether token and, if present, client secret of a link are those of the session."""
    # Never a code: this comparison counts no guesses, so codes could be guessed here (SEC-24).
    if session.decoy or not opens_link(role, session, link.token):
        return False
    pepper = role.peppers.by_id(session.pepper_id)
    return link.client_secret is None or (
        pepper is not None
        and same(session_access.secret_mac(pepper, session.sid, link.client_secret), session.secret_mac)
    )


async def _confirm(role: Role, call: Call, session: Session, fields: Mapping[str, str]) -> Response:
    """Validate a session by the button of the page; redirect to ``next_link`` or to a page without the token."""
    try:
        session = await validate(role, call, session, fields["token"])
    except (errors.SessionExpired, errors.TokenIncorrect):
        return await _closed(role, call, session, _State.EXPIRED, fields)
    done = f"{role.confirmed_url(session.threepid.medium)}?purpose={session.purpose.value}"
    # ``next_link`` was checked when the session was opened, and cannot be changed by the link (SEC-17).
    location = done if session.next_link is None else with_sid(session.next_link, session.sid)
    # 303 makes the browser GET the target, so that reloading repeats no POST and the token leaves the address bar.
    return page_response(303, "", location=location)


async def _question(role: Role, call: Call, name: str, session: Session) -> Response:
    """Return the page that asks for a confirmation, with purpose, account and origin of the request (SEC-132).

    * ``name``: the page: ``confirm`` or ``refuse``.
    * ``session``: the session.
    """
    about = {
        **_secrets(call.request.parameters),
        "purpose": session.purpose.value,
        "address": masked(session.threepid.address),
        "account": await role.account_of(session) or "",
        "time": moment(session.created_at),
        "device": session.device,
        "origin": session.origin,
        "host": host_of(session.next_link) if session.next_link else "",
        "came_back": await _came_back(role, session),
    }
    return page(role, call, name, 200, about, session.next_link)


async def _closed(role: Role, call: Call, session: Session, state: _State, fields: Mapping[str, str]) -> Response:
    """Return the page of a link that confirms nothing any more, with a button for a new mail where one can be sent.

    * ``state``: any but ``OPEN``.
    * ``fields``: the parameters of the link.
    """
    values = {"purpose": session.purpose.value}
    confirmed = state in (_State.WAITING, _State.USED)
    if state in (_State.EXPIRED, _State.USED):
        # Whose confirmation served nothing in time may want to ask again.
        used = "late" if session.consumed_at is None else "served"
        values |= {"address": masked(session.threepid.address), "used": used if state is _State.USED else ""}
        values["came_back"] = await _came_back(role, session)
        # Else without the secrets of the link, which no form carries on then.
        if await waiting_request(role, session) is not None:
            values |= {"again": "yes", **_secrets(fields)}
    return page(role, call, "already" if confirmed else state.value, 200 if confirmed else 400, values)


async def _came_back(role: Role, session: Session) -> str:
    """Return whether the newest mail of a session came back, as a value of a page."""
    return "yes" if await came_back(role, session) is not None else ""


async def _new_mail(role: Role, call: Call, session: Session, fields: Mapping[str, str]) -> Response:
    """Send a new mail of the request of an old link, by the button of the page; return the page that says so."""
    waiting = await waiting_request(role, session)
    if waiting is None:
        return await _closed(role, call, session, _state(role, session), fields)
    about = {"purpose": session.purpose.value, "address": masked(session.threepid.address)}
    try:
        sent = await send_new_mail(role, call, waiting)
    except errors.LimitExceeded as limited:
        return page(role, call, "new_mail_later", 429, {**about, "wait": str(limited.retry_after_ms)})
    if sent is NewMail.OVER:
        return page(role, call, "expired", 400, about)
    name, status = _OUTCOMES[sent]
    return page(role, call, name, status, about)


_OUTCOMES = {
    NewMail.SENT: ("new_mail", 200),
    NewMail.CAME_BACK: ("new_mail_back", 400),
    NewMail.UNSENT: ("new_mail_unsent", 400),
}


def _secrets(fields: Mapping[str, str]) -> dict[str, str]:
    """Return what the form of a page carries on from its link."""
    return {name: fields.get(name, "") for name in ("sid", "token", "client_secret")}


async def shown(role: Role, call: Call, medium: Medium) -> Response:
    """Return the page behind a link of a medium; nothing is changed."""
    fields = call.request.parameters
    session = await _session_of_link(role, medium, fields)
    if session is None:
        return page(role, call, "failed", 400)
    if (state := _state(role, session)) is not _State.OPEN:
        return await _closed(role, call, session, state, fields)
    return await _question(role, call, "refuse" if fields.get("answer") == "refuse" else "confirm", session)


async def pressed(role: Role, call: Call, medium: Medium) -> Response:
    """Confirm a request, disown it, or send a new mail of it, by the buttons of the page."""
    if call.pressed_elsewhere:
        return page(role, call, "foreign", 403)
    fields = {**call.request.parameters, **call.request.form}
    session = await _session_of_link(role, medium, fields)
    if session is None:
        return page(role, call, "failed", 400)
    state = _state(role, session)
    if fields.get("answer") == "again":
        return await _new_mail(role, call, session, fields)
    if state in (_State.EXPIRED, _State.DISOWNED):
        return await _closed(role, call, session, state, fields)
    if fields.get("answer") == "refuse":
        name = "disowned" if await disown(role, session) else "already"
        return page(role, call, name, 200, {"purpose": session.purpose.value})
    return await _confirm(role, call, session, fields)
