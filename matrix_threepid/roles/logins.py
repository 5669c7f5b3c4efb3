"""The access tokens of an identity server: made, found and ended; stored as MACs only (SEC-112)."""

from __future__ import annotations

from typing import Protocol

from attrs import evolve

from .. import ports
from ..model.call import Caller
from ..model.keys import Peppers, same
from ..model.login import LIFETIME, MOST, Login
from ..protocol.errors import UnknownToken
from ..protocol.wire import Request


class LoginRole(Protocol):
    """The parts of the role ``IdentityServer`` that its access tokens need."""

    @property
    def logins(self) -> ports.LoginStore: ...
    @property
    def peppers(self) -> Peppers: ...
    @property
    def clock(self) -> ports.Clock: ...


async def caller_of(role: LoginRole, request: Request) -> Caller | None:
    """Return whose access token a request has; ``None`` without one. Raises ``UnknownToken``."""
    given = token_of(request)
    if given is None:
        return None
    macs = _macs(role.peppers, given)
    login = await role.logins.find(macs)
    if login is None or login.created_at + LIFETIME <= role.clock():
        raise UnknownToken
    if not same(login.token_mac, macs[0]):
        # Stored anew under the current pepper, so that users stay logged in when the previous one is removed.
        await role.logins.put(evolve(login, token_mac=macs[0]), MOST)
        await role.logins.end([login.token_mac])
    return Caller(login.user_id)


async def log_in(role: LoginRole, user_id: str, token: str) -> None:
    """Store a new access token of a user."""
    await role.logins.put(Login(mac_of(role, token), user_id, role.clock()), MOST)


async def log_out(role: LoginRole, request: Request) -> None:
    """End the access token of a request."""
    given = token_of(request)
    if given is not None:
        await role.logins.end(_macs(role.peppers, given))


def mac_of(role: LoginRole, token: str) -> str:
    """Return what is stored of an access token."""
    return _macs(role.peppers, token)[0]


def token_of(request: Request) -> str | None:
    """Return the access token of a request, of its header or, as older clients send it, of its query."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    return (given.strip() if scheme.lower() == "bearer" else request.parameters.get("access_token")) or None


def _macs(peppers: Peppers, token: str) -> list[str]:
    # A lone surrogate of a header cannot be encoded; no token of ours has one.
    return [pepper.mac("identity token", ascii(token)) for pepper in peppers.live]
