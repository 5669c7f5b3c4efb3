"""Submitting tokens: the page behind the link of a mail, its form, and ``submit_url`` for codes.

GET and HEAD change nothing, since programs open links in mails; only a POST confirms (REQ-LINK-3, decision 20). See
MSC2078, https://github.com/matrix-org/matrix-spec-proposals/pull/2078,
MSC4183, https://github.com/matrix-org/matrix-spec-proposals/pull/4183, and
https://www.rfc-editor.org/rfc/rfc9110#section-9.2.1.
"""

from __future__ import annotations

from attrs import frozen

from ...flows import session_access
from ...flows.submit_token import validate
from ...model.call import Call
from ...model.threepid import Medium, Purpose
from ...protocol import errors
from ...protocol.endpoint import Endpoint, endpoint
from ...protocol.history import History
from ...protocol.members import opaque, token
from ...protocol.wire import Response
from ...roles.base import Role, confirmed_path, submit_path
from ..page import page
from .link_page import FromLink, pressed, shown


@frozen(kw_only=True)
class SubmitToken:
    """A token with its session, as a client submits it.

    See https://spec.matrix.org/latest/identity-service-api/#post_matrixidentityv2validateemailsubmittoken.
    """

    sid: str = opaque(doc="the session")
    client_secret: str = opaque(secret=True, doc="the client's secret of this session")
    token: str = token(doc="the link's token, or the code as typed")


@frozen
class Submitted:
    """The session is validated: ``success`` is ``true``."""

    success: bool = True


def _declare(medium: Medium) -> tuple[Endpoint, ...]:
    """Return the endpoints for the tokens of a medium."""

    def off(role: Role) -> str | None:
        return role.medium_off(medium)

    @endpoint("GET", submit_path(medium), History(), name=f"show_{medium.value}_link", query=FromLink, offered=off)
    async def show_link(role: Role, call: Call, message: None) -> Response:
        """Show what a link confirms, and change nothing."""
        return await shown(role, call, medium)

    async def submit_form(role: Role, call: Call, message: None) -> Response:
        return await pressed(role, call, medium)

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
