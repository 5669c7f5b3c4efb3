"""Add a proved address to an account: the endpoint of today, and that of clients before r0.6.0.

See MSC2290, https://github.com/matrix-org/matrix-spec-proposals/pull/2290,
https://spec.matrix.org/latest/client-server-api/#post_matrixclientv3account3pidadd and
https://spec.matrix.org/latest/client-server-api/#post_matrixclientv3account3pid.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from ...flows.add import add
from ...flows.interactive import require
from ...model.call import Call
from ...protocol import errors
from ...protocol.endpoint import Access, Charged, endpoint
from ...protocol.history import History
from ...protocol.members import Nested, free_object, member, opaque
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
    """An empty object, ``{}``."""


@frozen(kw_only=True)
class AddThreepid:
    """The request to add a proved address.

    See https://spec.matrix.org/latest/client-server-api/#post_matrixclientv3account3pidadd.
    """

    sid: str = opaque(doc="the validated session")
    client_secret: str = opaque(secret=True, doc="the client's secret of this session")
    auth: Mapping[str, object] | None = free_object(optional=True, secret=True, doc="user-interactive authentication")


@frozen(kw_only=True)
class ThreepidCreds:
    """A session and its secret, as older endpoints wrap them.

    See https://spec.matrix.org/latest/client-server-api/#post_matrixclientv3account3pid.
    """

    sid: str = opaque(doc="the validated session")
    client_secret: str = opaque(secret=True, alias="clientSecret", doc="the client's secret of this session")


@frozen(kw_only=True)
class LegacyAddThreepid:
    """The request of clients before r0.6.0 to add a proved address.

    ``bind`` and other members are ignored (REQ-OLD-1).
    See https://spec.matrix.org/latest/client-server-api/#post_matrixclientv3account3pid.
    """

    three_pid_creds: ThreepidCreds = member(Nested(ThreepidCreds), alias="threePidCreds", doc="the proof")
    auth: Mapping[str, object] | None = free_object(optional=True, secret=True, doc="only where the policy asks for it")


def changes_enabled(hs: Homeserver) -> None:
    """Raise ``Forbidden`` if the capability ``m.3pid_changes`` is off.

    See https://spec.matrix.org/latest/client-server-api/#m3pid_changes-capability.
    """
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
    """Add an address that the caller has proved to their account, after user-interactive authentication.

    See MSC2290, https://github.com/matrix-org/matrix-spec-proposals/pull/2290, and
    https://spec.matrix.org/latest/client-server-api/#post_matrixclientv3account3pidadd.
    """
    _refuse_oauth(call)

    async def authenticate() -> None:
        await require(hs, call, _ACTION)

    # Without ``auth`` the first answer is always 401 (REQ-ADD-2), so such a request repeats none that succeeded.
    may_repeat = message.auth is not None
    await add(hs, call, message.sid, message.client_secret, authenticate=authenticate, may_repeat=may_repeat)
    return Empty()


def _refuse_oauth(call: Call) -> None:
    """Raise ``Unrecognized`` for OAuth 2.0 sessions (REQ-ADD-10).

    See MSC3861, https://github.com/matrix-org/matrix-spec-proposals/pull/3861.
    """
    if call.user.oauth:
        raise errors.Unrecognized


def _legacy_admits(hs: Homeserver) -> None:
    """Raise ``Unrecognized`` if the policy has switched the older endpoint off."""
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
    """Add a proved address to the caller's account, for clients that do not know ``/add``, without binding it.

    See MSC2290, https://github.com/matrix-org/matrix-spec-proposals/pull/2290, and
    https://spec.matrix.org/latest/client-server-api/#post_matrixclientv3account3pid.
    """
    _refuse_oauth(call)
    creds, needs_uia = message.three_pid_creds, hs.policy.legacy_add == "uia"

    async def authenticate() -> None:
        if needs_uia:
            await require(hs, call, _ACTION)

    # A repetition counts only with the authentication of the first request (SEC-4), which ``allow`` does not ask for.
    may_repeat = needs_uia and message.auth is not None
    await add(hs, call, creds.sid, creds.client_secret, authenticate=authenticate, may_repeat=may_repeat)
    return Empty()


ENDPOINTS = (add_threepid, add_threepid_legacy)
