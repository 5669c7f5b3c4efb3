"""Where tokens come back: the page behind a mail's link, its form, and the JSON ``submit_url``.

GET and HEAD show and change nothing, since link scanners open links; only a POST confirms.
"""

from __future__ import annotations

from datetime import datetime, timezone
from functools import partial

from attrs import frozen

from ...flows import session_access
from ...flows.submit_token import disown, token_matches, validate
from ...model.keys import same
from ...model.next_link import host_of, origin_of, with_sid
from ...model.session import Session
from ...model.threepid import Medium, masked
from ...protocol import errors
from ...protocol.endpoint import Endpoint
from ...protocol.history import History
from ...protocol.members import opaque, token
from ...protocol.message import read
from ...protocol.wire import Response, json_response
from ...roles.base import Role, confirmed_path, submit_path
from ...roles.call import Call
from ...texts.catalogue import best_language
from ...texts.pages import page_response


@frozen(kw_only=True)
class SubmitToken:
    """A token as it came back."""

    sid: str = opaque(doc="the session")
    client_secret: str = opaque(secret=True, doc="the client's secret of this session")
    token: str = token(doc="the link's token, or the code as typed")


@frozen(kw_only=True)
class _FromLink:
    """What a link carries: a token, and at times the client's secret, which then must fit."""

    sid: str = opaque()
    token: str = token()
    client_secret: str | None = opaque(optional=True, secret=True)


@frozen
class Submitted:
    """The session is validated."""

    success: bool = True


async def submit_token(medium: Medium, role: Role, call: Call, message: SubmitToken | None) -> Response:
    """Confirm with a token: JSON of a client, or the form of our own page."""
    if message is None:
        return await _submit_form(role, medium, call)
    session = await session_access.find(role, message.sid, message.client_secret)
    if session is None or session.threepid.medium is not medium:
        raise errors.NoValidSession
    await validate(role, session, message.token)
    return json_response(200, {"success": True})


async def show_link(medium: Medium, role: Role, call: Call) -> Response:
    """Show what a link would confirm; nothing changes."""
    found = await _linked(role, medium, call.request.parameters)
    if not isinstance(found, Session):
        return page(role, call, found, 400)
    if found.validated_at is not None:
        return page(role, call, "already", 200)
    name = "refuse" if call.request.parameters.get("answer") == "refuse" else "confirm"
    return await _question(role, call, name, found)


async def show_confirmed(role: Role, call: Call) -> Response:
    """Thank for a confirmation; the address of this page carries no secret."""
    return page(role, call, "confirmed", 200)


async def _submit_form(role: Role, medium: Medium, call: Call) -> Response:
    if call.request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return page(role, call, "foreign", 403)
    fields = {**call.request.parameters, **call.request.form}
    found = await _linked(role, medium, fields)
    if not isinstance(found, Session):
        return page(role, call, found, 400)
    if fields.get("answer") == "refuse":
        return page(role, call, "disowned" if await disown(role, found) else "already", 200)
    return await _confirm(role, call, found, fields["token"])


async def _confirm(role: Role, call: Call, session: Session, token: str) -> Response:
    try:
        session = await validate(role, session, token)
    except (errors.SessionExpired, errors.TokenIncorrect):
        return page(role, call, "expired", 400)
    done = role.confirmed_url(session.threepid.medium)
    location = done if session.next_link is None else with_sid(session.next_link, session.sid)
    return page_response(303, "", location=location)


async def _linked(role: Role, medium: Medium, fields: dict[str, str]) -> Session | str:
    """Return the session a link names, or the page that says why there is none."""
    try:
        link = read(_FromLink, fields)
    except errors.MatrixError:
        return "failed"
    session = await role.sessions.get(link.sid)
    if session is None or session.threepid.medium is not medium or not _opens(role, session, link):
        return "failed"
    if session.ended or (session.validated_at is None and not session.token_alive(role.clock())):
        return "expired"
    return session


def _opens(role: Role, session: Session, link: _FromLink) -> bool:
    if session.code_digits or session.decoy or not token_matches(role, session, link.token):
        return False
    pepper = role.peppers.by_id(session.pepper_id)
    return link.client_secret is None or (
        pepper is not None
        and same(session_access.secret_mac(pepper, session.sid, link.client_secret), session.secret_mac)
    )


async def _question(role: Role, call: Call, name: str, session: Session) -> Response:
    shown = {name: call.request.parameters.get(name, "") for name in ("sid", "token", "client_secret")}
    about = {
        "purpose": session.purpose.value,
        "address": masked(session.threepid.address),
        "account": await role.account_of(session) or "",
        "time": f"{datetime.fromtimestamp(session.created_at / 1000, timezone.utc):%Y-%m-%d %H:%M} UTC",
        "origin": session.origin,
        "host": host_of(session.next_link) if session.next_link else "",
    }
    return page(role, call, name, 200, {**shown, **about}, session.next_link)


def page(
    role: Role,
    call: Call,
    name: str,
    status: int,
    values: dict[str, str] | None = None,
    leads_to: str | None = None,
) -> Response:
    """Return a page in the reader's language; ``leads_to``: the link its form goes on to."""
    language = best_language(call.request.language, role.policy.languages)
    document = role.pages.render(name, language, {"server": role.server_name, **(values or {})})
    return page_response(status, document, form_target=origin_of(leads_to) if leads_to else None)


_ALIVE = (errors.NoValidSession, errors.SessionExpired, errors.TokenIncorrect, errors.LimitExceeded)


def _declare(medium: Medium) -> tuple[Endpoint, ...]:
    here = History(unstable=True)
    off = lambda role: role.medium_off(medium)  # noqa: E731
    return (
        Endpoint(
            "GET", submit_path(medium), here, partial(show_link, medium), query=_FromLink,
            name=f"show_{medium.value}_link", doc=show_link.__doc__ or "", offered=off,
        ),
        Endpoint(
            "POST", submit_path(medium), here, partial(submit_token, medium),
            request=SubmitToken, reply=Submitted, errors=_ALIVE, takes_forms=True,
            name=f"submit_{medium.value}_token", doc=submit_token.__doc__ or "", offered=off,
        ),
        Endpoint(
            "GET", confirmed_path(medium), here, show_confirmed,
            name=f"show_{medium.value}_confirmed", doc=show_confirmed.__doc__ or "", offered=off,
        ),
    )  # fmt: skip


ENDPOINTS = tuple(endpoint for medium in Medium for endpoint in _declare(medium))
