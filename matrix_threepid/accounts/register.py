"""``/register``: a new account, with the addresses that were proved on the way.

See https://spec.matrix.org/latest/client-server-api/#post_matrixclientv3register.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from attrs import field, frozen

from ..flows.interactive import Action, Check, authenticate, change, keeper_of, unfinished
from ..limits.rate import charge_authentication, charge_password
from ..model.call import Call
from ..model.keys import random_text
from ..model.threepid import Purpose
from ..model.uia_session import UiaSession
from ..ports import ExtraStage
from ..protocol import errors
from ..protocol.endpoint import Charged, endpoint
from ..protocol.history import History
from ..protocol.members import flag, free_object, text, token
from ..roles.homeserver import DUMMY, Homeserver
from .acting import acted, acting, by_address, proofs_of

_DEVICE_BYTES = 8


@frozen(kw_only=True)
class Register:
    """The request to make an account; ``bind_email`` and ``bind_msisdn`` of old clients are ignored (REQ-UIA-7).

    See https://spec.matrix.org/latest/client-server-api/#post_matrixclientv3register.
    """

    username: str | None = text(255, optional=True, doc="local part of the user id; the server chooses one without it")
    password: str | None = token(optional=True, doc="needed in the end; clients ask for the stages without it")
    device_id: str | None = text(255, optional=True, doc="device to log in; a new one without it")
    initial_device_display_name: str | None = text(255, optional=True, doc="name of a new device")
    inhibit_login: bool | None = flag(optional=True, doc="whether the account is made without logging in")
    auth: Mapping[str, object] | None = free_object(optional=True, secret=True, doc="user-interactive authentication")


@frozen(kw_only=True)
class Registered:
    """The new account, and its log-in unless the request had ``inhibit_login``.

    See https://spec.matrix.org/latest/client-server-api/#post_matrixclientv3register.
    """

    user_id: str
    access_token: str | None = field(default=None, repr=False)
    device_id: str | None = None
    refresh_token: str | None = field(default=None, repr=False)
    expires_in_ms: int | None = None


@endpoint(
    "POST",
    "/register",
    History(r0="r0.0.0", v3="v1.1"),
    charged=Charged.AUTHENTICATING,
    request=Register,
    reply=Registered,
    errors=(
        errors.UiaRequired,
        errors.Forbidden,
        errors.GuestAccessForbidden,
        errors.UserInUse,
        errors.InvalidUsername,
        errors.WeakPassword,
        errors.ThreepidInUse,
        errors.ThreepidDenied,
    ),
)
async def register(hs: Homeserver, call: Call, message: Register) -> Registered:
    """Make an account with the proved addresses on it, and log in.

    A request whose answer was lost may be repeated within ``Lifetimes.repeat``: with the same session of
    user-interactive authentication and the same password it logs the same device in anew.
    See https://spec.matrix.org/latest/client-server-api/#post_matrixclientv3register.
    """
    if call.request.parameters.get("kind") == "guest":
        raise errors.GuestAccessForbidden
    if not hs.policy.registration_enabled:
        raise errors.Forbidden("Registration is disabled on this server")
    keeper = keeper_of(hs)
    if message.username is not None and not (message.auth or {}).get("session"):
        # Before any stage: nobody should read a mail for a name that cannot be had. It is looked at again at the end.
        await _can_be_had(hs, call, message.username)
    action = _action(hs, call, message)
    session = await authenticate(hs, call, action)
    if session.password_hash is None:
        raise errors.MissingParam("password: is required")
    if session.done_at is None:
        session = await _created(hs, action, session, message.password)
    elif not await keeper.password_fits(session.user_id or "", message.password or ""):
        # The account has another password by now, or is closed: the first one must not log in any more.
        raise unfinished(hs, action, session, errors.Forbidden("the password of the account was changed"))
    return await _logged_in(hs, session)


async def _can_be_had(hs: Homeserver, call: Call, localpart: str) -> None:
    try:
        await keeper_of(hs).new_user_id(localpart)
    except (errors.UserInUse, errors.InvalidUsername):
        # As a name that is free is charged, so that names cannot be tried without limit.
        await charge_authentication(hs, call)
        raise


def _action(hs: Homeserver, call: Call, message: Register) -> Action:
    by_mail = by_address(hs, Purpose.REGISTER)
    extra = {name: partial(_extra, stage, call) for name, stage in hs.extra_stages.items()}
    flows = hs.registration_flows or ((DUMMY,), *((stage,) for stage in by_mail))
    checks: dict[str, Check] = {DUMMY: _dummy, **by_mail, **extra}
    members = {
        name: value
        for name in ("username", "device_id", "initial_device_display_name", "inhibit_login")
        if (value := getattr(message, name)) is not None
    }
    return Action(
        name="register",
        flows=tuple(map(tuple, flows)),
        checks=checks,
        params={name: stage.params() for name, stage in hs.extra_stages.items()},
        members=members,
        password=message.password,
    )


async def _dummy(auth: Mapping[str, object], session: str) -> None:
    """Complete ``m.login.dummy``."""


async def _extra(stage: ExtraStage, call: Call, auth: Mapping[str, object], session: str) -> None:
    await stage.check(auth, session, call.request)


async def _created(hs: Homeserver, action: Action, session: UiaSession, password: str | None) -> UiaSession:
    """Make the account of a session whose stages are completed; return the session with its user."""
    keeper = keeper_of(hs)
    if session.user_id is None:
        session = await _begun(hs, session)
    if session.done_at is not None:
        return session
    user = session.user_id or ""
    proofs = proofs_of(session)
    try:
        async with acting(hs, action, session, proofs):
            await keeper.create(user, session.password_hash or "", [proof.threepid for proof in proofs])
    except (errors.UserInUse, errors.ThreepidInUse):
        # By the same session, before a crash or a moment ago? Its password tells; without that, name or address is
        # somebody else's.
        if password is None:
            raise
        await charge_password(hs, user)
        if not await keeper.password_fits(user, password):
            raise
        session = await acted(hs, session, proofs)
    return session


async def _begun(hs: Homeserver, session: UiaSession) -> UiaSession:
    """Return the session with the user to make: stored before, so that a repetition after a crash finds the account."""
    try:
        user_id = await keeper_of(hs).new_user_id(session.text("username"))
    except errors.UserInUse:
        # An equal request that came at the same time may have made the account a moment ago.
        stored = await hs.uia_sessions.get(session.id)
        if stored is None or stored.user_id is None:
            raise
        return stored
    device = session.text("device_id") or random_text(hs.random_bytes(_DEVICE_BYTES))
    return await change(hs, session, lambda stored: stored if stored.user_id else stored.begin(user_id, device))


async def _logged_in(hs: Homeserver, session: UiaSession) -> Registered:
    user, device = session.user_id or "", session.device_id or ""
    if session.members.get("inhibit_login"):
        return Registered(user_id=user)
    login = await keeper_of(hs).log_in(user, device, session.text("initial_device_display_name"))
    return Registered(
        user_id=user,
        access_token=login.access_token,
        device_id=device,
        refresh_token=login.refresh_token,
        expires_in_ms=login.expires_in_ms,
    )


ENDPOINTS = (register,)
