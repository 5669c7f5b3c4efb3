"""Where tokens come back: the page behind a mail's link, its form, and the JSON ``submit_url``.

GET and HEAD show and change nothing, since link scanners open links; only a POST confirms.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone

from attrs import frozen

from ...flows import session_access
from ...flows.submit_token import disown, token_matches, validate
from ...model.call import Call
from ...model.keys import same
from ...model.next_link import host_of, origin_of, with_sid
from ...model.session import Session
from ...model.threepid import Medium, masked
from ...protocol import errors
from ...protocol.endpoint import Endpoint, endpoint
from ...protocol.history import History
from ...protocol.members import opaque, token
from ...protocol.message import read
from ...protocol.wire import Response
from ...roles.base import Role, confirmed_path, submit_path
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


class _NoPage(Exception):
    """There is no usable session behind a link; ``page`` says why."""

    def __init__(self, page: str) -> None:
        super().__init__(page)
        self.page = page


async def _session_of_link(role: Role, medium: Medium, fields: Mapping[str, str]) -> Session:
    """Return the session a link leads to. Raises ``_NoPage``."""
    try:
        link = read(_FromLink, fields)
    except errors.MatrixError:
        raise _NoPage("failed") from None
    session = await role.sessions.get(link.sid)
    if session is None or session.threepid.medium is not medium or not _opens(role, session, link):
        raise _NoPage("failed")
    if session.ended or (session.validated_at is None and not session.token_alive(role.clock())):
        raise _NoPage("expired")
    return session


def _opens(role: Role, session: Session, link: _FromLink) -> bool:
    """Return whether a link is the session's: by its token and, if it carries one, by its client secret."""
    if session.code_digits or session.decoy or not token_matches(role, session, link.token):
        return False
    pepper = role.peppers.by_id(session.pepper_id)
    return link.client_secret is None or (
        pepper is not None
        and same(session_access.secret_mac(pepper, session.sid, link.client_secret), session.secret_mac)
    )


async def _confirm(role: Role, call: Call, session: Session, token: str) -> Response:
    """Validate a session by the button of our page, and lead on: to ``next_link``, or to a page without the token."""
    try:
        session = await validate(role, session, token)
    except (errors.SessionExpired, errors.TokenIncorrect):
        return page(role, call, "expired", 400)
    done = role.confirmed_url(session.threepid.medium)
    location = done if session.next_link is None else with_sid(session.next_link, session.sid)
    return page_response(303, "", location=location)


async def _question(role: Role, call: Call, name: str, session: Session) -> Response:
    """Return the page that asks, with what the person needs to decide."""
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
    language = call.request.best_language(role.policy.languages)
    document = role.pages.render(name, language, {"server": role.server_name, **(values or {})})
    return page_response(status, document, form_target=origin_of(leads_to) if leads_to else None)


def _declare(medium: Medium) -> tuple[Endpoint, ...]:
    def off(role: Role) -> str | None:
        return role.medium_off(medium)

    @endpoint("GET", submit_path(medium), History(), name=f"show_{medium.value}_link", query=_FromLink, offered=off)
    async def show_link(role: Role, call: Call, message: None) -> Response:
        """Show what a link would confirm; nothing changes."""
        try:
            session = await _session_of_link(role, medium, call.request.parameters)
        except _NoPage as no:
            return page(role, call, no.page, 400)
        if session.validated_at is not None:
            return page(role, call, "already", 200)
        name = "refuse" if call.request.parameters.get("answer") == "refuse" else "confirm"
        return await _question(role, call, name, session)

    async def submit_form(role: Role, call: Call, message: None) -> Response:
        """Confirm, or disown, by the button of our own page."""
        # Browsers name where a request comes from; another site must not press the button for the person.
        if call.request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return page(role, call, "foreign", 403)
        fields = {**call.request.parameters, **call.request.form}
        try:
            session = await _session_of_link(role, medium, fields)
        except _NoPage as no:
            return page(role, call, no.page, 400)
        if fields.get("answer") == "refuse":
            return page(role, call, "disowned" if await disown(role, session) else "already", 200)
        return await _confirm(role, call, session, fields["token"])

    @endpoint(
        "POST",
        submit_path(medium),
        History(),
        name=f"submit_{medium.value}_token",
        request=SubmitToken,
        form=submit_form,
        reply=Submitted,
        errors=(errors.NoValidSession, errors.SessionExpired, errors.TokenIncorrect, errors.LimitExceeded),
        offered=off,
    )
    async def submit_token(role: Role, call: Call, message: SubmitToken) -> Submitted:
        """Confirm with a token: JSON of a client, or the form of our own page."""
        session = await session_access.find(role, message.sid, message.client_secret)
        if session is None or session.threepid.medium is not medium:
            raise errors.NoValidSession
        await validate(role, session, message.token)
        return Submitted()

    @endpoint("GET", confirmed_path(medium), History(), name=f"show_{medium.value}_confirmed", offered=off)
    async def show_confirmed(role: Role, call: Call, message: None) -> Response:
        """Thank for a confirmation; the address of this page carries no secret."""
        return page(role, call, "confirmed", 200)

    return show_link, submit_token, show_confirmed


ENDPOINTS = tuple(declared for medium in Medium for declared in _declare(medium))
