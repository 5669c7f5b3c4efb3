"""Add a proved address to an account: the endpoint of today, and the one of clients before r0.6.0."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from ...flows.add import add
from ...model.call import Call
from ...protocol import errors
from ...protocol.endpoint import Access, Charged, endpoint
from ...protocol.history import History
from ...protocol.members import free_object, member, opaque
from ...protocol.message import Nested
from ...roles.homeserver import Homeserver

_ADDING = (
    errors.ThreepidAuthFailed,
    errors.ThreepidInUse,
    errors.ThreepidDenied,
    errors.Forbidden,
    errors.NoValidSession,
    errors.Unrecognized,
)
_ACTION = "add a third-party identifier to your account"


@frozen
class Empty:
    """Nothing to say: ``{}``."""


@frozen(kw_only=True)
class AddThreepid:
    """Put a proved address on the account."""

    sid: str = opaque(doc="the validated session")
    client_secret: str = opaque(secret=True, doc="the client's secret of this session")
    auth: Any = free_object(optional=True, secret=True, doc="user-interactive authentication")


@frozen(kw_only=True)
class ThreepidCreds:
    """A session and its secret, as older endpoints wrap them."""

    sid: str = opaque(doc="the validated session")
    client_secret: str = opaque(secret=True, alias="clientSecret", doc="the client's secret of this session")


@frozen(kw_only=True)
class LegacyAddThreepid:
    """Put a proved address on the account, as clients before r0.6.0 do; nothing else they send has an effect."""

    three_pid_creds: ThreepidCreds = member(Nested(ThreepidCreds), alias="threePidCreds", doc="the proof")
    auth: Any = free_object(optional=True, secret=True, doc="only where the policy asks for it")


def changes_enabled(hs: Homeserver) -> None:
    """Refuse where the capability ``m.3pid_changes`` is off."""
    if not hs.policy.changes_enabled:
        raise errors.Forbidden("Changing addresses is disabled on this server")


@endpoint(
    "POST",
    "/account/3pid/add",
    History(r0="r0.6.0", v3="v1.1"),
    access=Access.USER,
    charged=Charged.CHANGES,
    uia=True,
    request=AddThreepid,
    reply=Empty,
    errors=_ADDING,
    admits=changes_enabled,
)
async def add_threepid(hs: Homeserver, call: Call, message: AddThreepid) -> Empty:
    """Put an address the caller has proved on their account, after user-interactive authentication (MSC2290)."""
    _refuse_oauth(call)

    async def authenticate() -> None:
        await hs.uia.require(call.request, call.user, call.body, _ACTION)

    may_repeat = message.auth is not None
    await add(hs, call, message.sid, message.client_secret, authenticate=authenticate, may_repeat=may_repeat)
    return Empty()


def _refuse_oauth(call: Call) -> None:
    """Refuse sessions of OAuth 2.0, which cannot do user-interactive authentication, whatever the policy is."""
    if call.user.oauth:
        raise errors.Unrecognized


def _legacy_admits(hs: Homeserver) -> None:
    if hs.policy.legacy_add == "off":
        raise errors.Unrecognized
    changes_enabled(hs)


@endpoint(
    "POST",
    "/account/3pid",
    History(r0="r0.0.0", v3="v1.1", deprecated="r0.6.0"),
    access=Access.USER,
    charged=Charged.CHANGES,
    request=LegacyAddThreepid,
    reply=Empty,
    errors=(*_ADDING, errors.UiaRequired),
    admits=_legacy_admits,
)
async def add_threepid_legacy(hs: Homeserver, call: Call, message: LegacyAddThreepid) -> Empty:
    """Put a proved address on the caller's account, for clients that do not know ``/add``; never binds (MSC2290)."""
    _refuse_oauth(call)
    creds, needs_uia = message.three_pid_creds, hs.policy.legacy_add == "uia"

    async def authenticate() -> None:
        if needs_uia:
            await hs.uia.require(call.request, call.user, call.body, _ACTION)

    may_repeat = needs_uia and message.auth is not None
    await add(hs, call, creds.sid, creds.client_secret, authenticate=authenticate, may_repeat=may_repeat)
    return Empty()


ENDPOINTS = (add_threepid, add_threepid_legacy)
