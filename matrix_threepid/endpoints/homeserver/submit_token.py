"""Submitting tokens: the page behind the link of a mail, its form, and ``submit_url`` for codes.

GET and HEAD change nothing, since programs open links in mails; only a POST confirms (REQ-LINK-3, decision 20). See
MSC2078, https://github.com/matrix-org/matrix-spec-proposals/pull/2078,
MSC4183, https://github.com/matrix-org/matrix-spec-proposals/pull/4183, and
https://www.rfc-editor.org/rfc/rfc9110#section-9.2.1.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from ...flows import session_access
from ...flows.submit_token import disown, opens_link, validate
from ...model.call import Call
from ...model.keys import same
from ...model.next_link import host_of, origin_of, with_sid
from ...model.session import Session
from ...model.threepid import Medium, Purpose, masked
from ...protocol import errors
from ...protocol.endpoint import Endpoint, endpoint
from ...protocol.history import History
from ...protocol.members import opaque, token
from ...protocol.message import read
from ...protocol.wire import Response
from ...roles.base import Role, confirmed_path, submit_path
from ...texts.mails import moment
from ...texts.pages import page_response


@frozen(kw_only=True)
class SubmitToken:
    """A token with its session, as a client submits it.

    See https://spec.matrix.org/latest/identity-service-api/#post_matrixidentityv2validateemailsubmittoken.
    """

    sid: str = opaque(doc="the session")
    client_secret: str = opaque(secret=True, doc="the client's secret of this session")
    token: str = token(doc="the link's token, or the code as typed")


@frozen(kw_only=True)
class _FromLink:
    """The parameters of a link: a token, and optionally the client secret, which must then match (SEC-111)."""

    sid: str = opaque()
    token: str = token()
    client_secret: str | None = opaque(optional=True, secret=True)


@frozen
class Submitted:
    """The session is validated: ``success`` is ``true``."""

    success: bool = True


class _NoPage(Exception):
    """The session of a link cannot be used.

    * ``page``: the name of the page that says why.
    * ``values``: its values.
    """

    def __init__(self, page: str, values: Mapping[str, str] | None = None) -> None:
        super().__init__(page)
        self.page, self.values = page, values


async def _session_of_link(role: Role, medium: Medium, fields: Mapping[str, str]) -> Session:
    """Return the session of a link. Raises ``_NoPage``.

    * ``fields``: the parameters of the link or of the form.
    """
    try:
        link = read(_FromLink, fields)
    except errors.MatrixError:
        raise _NoPage("failed") from None
    session = await role.sessions.get(link.sid)
    if session is None or session.threepid.medium is not medium or not _opens(role, session, link):
        # One page for an unknown session and a wrong token, so that ids cannot be searched for (REQ-SESS-8).
        raise _NoPage("failed")
    if session.ended:
        raise _NoPage("disowned")
    if session.validated_at is None and not session.token_alive(role.clock()):
        raise _NoPage("expired", {"purpose": session.purpose.value})
    return session


def _opens(role: Role, session: Session, link: _FromLink) -> bool:
    """Return whether token and, if present, client secret of a link are those of the session."""
    # Never a code: this comparison counts no guesses, so codes could be guessed here (SEC-24).
    if session.decoy or not opens_link(role, session, link.token):
        return False
    pepper = role.peppers.by_id(session.pepper_id)
    return link.client_secret is None or (
        pepper is not None
        and same(session_access.secret_mac(pepper, session.sid, link.client_secret), session.secret_mac)
    )


async def _confirm(role: Role, call: Call, session: Session, token: str) -> Response:
    """Validate a session by the button of the page; redirect to ``next_link`` or to a page without the token."""
    try:
        session = await validate(role, call, session, token)
    except (errors.SessionExpired, errors.TokenIncorrect):
        return page(role, call, "expired", 400)
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
    shown = {name: call.request.parameters.get(name, "") for name in ("sid", "token", "client_secret")}
    about = {
        "purpose": session.purpose.value,
        "address": masked(session.threepid.address),
        "account": await role.account_of(session) or "",
        "time": moment(session.created_at),
        "device": session.device,
        "origin": session.origin,
        "host": host_of(session.next_link) if session.next_link else "",
    }
    return page(role, call, name, 200, {**shown, **about}, session.next_link)


def page(
    role: Role,
    call: Call,
    name: str,
    status: int,
    values: Mapping[str, str] | None = None,
    leads_to: str | None = None,
) -> Response:
    """Return a page in the language of the browser.

    * ``role``: gives the pages, the languages and the brand.
    * ``call``: the call, for its ``Accept-Language``.
    * ``name``: the name of the page.
    * ``status``: the HTTP status.
    * ``values``: the values of the page besides ``server`` and those of the brand; default none.
    * ``leads_to``: the URL to which the answer to its form redirects, which ``form-action`` must allow (SEC-131);
      ``None`` (default) for this server.
    """
    language = call.request.best_language(role.policy.languages)
    brand = role.policy.brand
    document = role.pages.render(name, language, {**host_values(role), **(values or {})})
    own = {"styles": styles} if (styles := getattr(role.pages, "styles", None)) is not None else {}
    images = [*getattr(role.pages, "images", ()), *filter(None, (brand.logo,))]
    return page_response(status, document, form_targets=_targets(role, leads_to), images=images, **own)


def host_values(role: Role) -> dict[str, str]:
    """Return the values of every page: the name of the server, and the brand."""
    brand = role.policy.brand
    return {
        "server": role.server_name,
        "brand": brand.name or role.server_name,
        "logo": brand.logo or "",
        "support": brand.support or "",
        "support_link": brand.support_link,
    }


def _targets(role: Role, leads_to: str | None) -> tuple[str, ...]:
    """Return where a form may lead: browsers check every redirect behind ``next_link`` as well, not only the first."""
    if leads_to is None:
        return ()
    origin = origin_of(leads_to)
    return ("https:",) if origin.startswith("https:") else ("https:", origin)


def _declare(medium: Medium) -> tuple[Endpoint, ...]:
    """Return the endpoints for the tokens of a medium."""

    def off(role: Role) -> str | None:
        return role.medium_off(medium)

    @endpoint("GET", submit_path(medium), History(), name=f"show_{medium.value}_link", query=_FromLink, offered=off)
    async def show_link(role: Role, call: Call, message: None) -> Response:
        """Show what a link confirms, and change nothing."""
        try:
            session = await _session_of_link(role, medium, call.request.parameters)
        except _NoPage as unusable:
            return page(role, call, unusable.page, 400, unusable.values)
        if session.validated_at is not None:
            return page(role, call, "already", 200, {"purpose": session.purpose.value})
        name = "refuse" if call.request.parameters.get("answer") == "refuse" else "confirm"
        return await _question(role, call, name, session)

    async def submit_form(role: Role, call: Call, message: None) -> Response:
        """Confirm a request, or disown it, by the buttons of the page."""
        # Browsers send the origin of a request in this header. A form of another site must not confirm (SEC-47).
        if call.request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return page(role, call, "foreign", 403)
        fields = {**call.request.parameters, **call.request.form}
        try:
            session = await _session_of_link(role, medium, fields)
        except _NoPage as unusable:
            return page(role, call, unusable.page, 400, unusable.values)
        if fields.get("answer") == "refuse":
            name = "disowned" if await disown(role, session) else "already"
            return page(role, call, name, 200, {"purpose": session.purpose.value})
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
        """Validate a session with a token: as JSON of a client, or by the form of the page.

        See MSC2078, https://github.com/matrix-org/matrix-spec-proposals/pull/2078.
        """
        session = await session_access.find(role, message.sid, message.client_secret)
        if session is None or session.threepid.medium is not medium:
            raise errors.NoValidSession
        await validate(role, call, session, message.token)
        return Submitted()

    @endpoint("GET", confirmed_path(medium), History(), name=f"show_{medium.value}_confirmed", offered=off)
    async def show_confirmed(role: Role, call: Call, message: None) -> Response:
        """Show that a confirmation has succeeded, and what follows; the URL of this page holds no secret."""
        purpose = call.request.parameters.get("purpose", "")
        known = purpose in {each.value for each in Purpose}
        return page(role, call, "confirmed", 200, {"purpose": purpose} if known else None)

    return show_link, submit_token, show_confirmed


ENDPOINTS = tuple(declared for medium in Medium for declared in _declare(medium))
