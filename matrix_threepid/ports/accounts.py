"""The ports of a host that lets the library answer ``/register``, ``/account/password`` and ``/account/deactivate``."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import Protocol

from attrs import field, frozen

from ..model.threepid import AccountThreepid
from ..model.uia_session import UiaSession
from ..protocol.wire import Request


@frozen(kw_only=True)
class LoggedIn:
    """The log-in of a new account.

    * ``access_token``: the access token.
    * ``refresh_token``: the refresh token; ``None`` (default) for none.
    * ``expires_in_ms``: the ms that the access token lives; ``None`` (default) for no end.
    """

    access_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    expires_in_ms: int | None = None


class AccountKeeper(Protocol):
    """Makes and closes the host's accounts, and stores their passwords.

    Passwords are stored and compared as hashes that only the host makes; the library keeps no password.
    """

    def new_user_id(self, localpart: str | None) -> Awaitable[str]:
        """Return the user id that a new account would have; nothing is reserved.

        * ``localpart``: the name that the client wants; ``None``: the host chooses one.

        Raises ``UserInUse`` or ``InvalidUsername``.
        """

    def create(self, user_id: str, password_hash: str, threepids: Sequence[AccountThreepid]) -> Awaitable[None]:
        """Make an account and add identifiers to it, in one transaction.

        Raises ``UserInUse`` if the user id is taken, ``ThreepidInUse`` if an identifier is on another account.
        """

    def log_in(self, user_id: str, device_id: str, display_name: str | None) -> Awaitable[LoggedIn]:
        """Return a new access token of a device; an older one of the same device ends.

        * ``display_name``: the name of the device, if the client gave one.
        """

    def hash_password(self, password: str) -> Awaitable[str]:
        """Return what the host stores of a password. Raises ``WeakPassword`` for one that it refuses."""

    def hash_fits(self, password: str, password_hash: str) -> Awaitable[bool]:
        """Return whether ``password_hash`` was made of ``password``."""

    def password_fits(self, user_id: str, password: str) -> Awaitable[bool]:
        """Return whether this is the user's password; ``False`` for a user without one."""

    def set_password(self, user_id: str, password_hash: str) -> Awaitable[None]:
        """Store another password of an account that is not deactivated."""

    def log_out(self, user_id: str, keep: Request | None) -> Awaitable[None]:
        """End the access tokens of a user.

        * ``keep``: the access token of this request stays; ``None``: none stays.
        """

    def deactivate(self, user_id: str, erase: bool) -> Awaitable[None]:
        """Close an account for good: password, access tokens, and identifiers that are left. Safe to run again.

        * ``erase``: whether the user asks that what they wrote is forgotten as well.
        """


class ExtraStage(Protocol):
    """A stage of user-interactive authentication that the host adds, such as ``m.login.terms``.

    See https://spec.matrix.org/latest/client-server-api/#authentication-types.
    """

    def params(self) -> Mapping[str, object]:
        """Return what the client needs for the stage, for ``params`` of the 401."""

    def check(self, auth: Mapping[str, object], uia_session: str, request: Request) -> Awaitable[None]:
        """Return if ``auth`` completes the stage.

        Raises ``Unauthorized``, ``Forbidden``, ``MissingParam`` or ``InvalidParam`` if it does not.
        """


class UiaSessionStore(Protocol):
    """The sessions of user-interactive authentication, shared by all processes of a host."""

    def open(self, session: UiaSession) -> Awaitable[None]:
        """Insert a session."""

    def get(self, session_id: str) -> Awaitable[UiaSession | None]:
        """Return the session with this id; ``None`` if there is none."""

    def replace(self, session: UiaSession) -> Awaitable[bool]:
        """Store a session if the stored revision is its own less 1; return whether it was stored. Atomic (SEC-106)."""

    def purge(self, before: int, limit: int) -> Awaitable[int]:
        """Delete sessions that expired before a time (ms), ``limit`` at most; return how many."""
