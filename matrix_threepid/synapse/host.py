"""The ports ``Accounts``, ``Callers`` and ``AddressRules`` over Synapse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from ..events import ThreepidAdded, ThreepidRemoved
from ..model.threepid import AccountThreepid, AddOutcome, Medium, Owner, Purpose, Threepid
from ..ports import Caller, Clock
from ..protocol.errors import HostRefused, MatrixError, MissingToken, Unavailable, UnknownToken, UserLocked
from ..protocol.wire import Request
from ..roles.homeserver import Homeserver
from ..stores.sql import Database
from . import tables
from .private import Inside

if TYPE_CHECKING:
    from synapse.module_api import ModuleApi


_PASSWORD_BYTES = 32
_ours: ContextVar[bool] = ContextVar("matrix_threepid_ours", default=False)
"""Whether the library is changing an account."""


@frozen
class SynapseAccounts:
    """The port ``Accounts`` over Synapse's table ``user_threepids``; other modules are told of each change."""

    _api: ModuleApi = field(repr=False)
    _db: Database = field(repr=False)
    _inside: Inside = field(repr=False)
    _clock: Clock = field(repr=False)

    async def owner(self, threepid: Threepid) -> Owner | None:
        found = await self._db.run(partial(tables.owner, threepid.medium.value, spellings(threepid)))
        return None if found is None else Owner(found)

    async def list(self, user_id: str) -> Sequence[AccountThreepid]:
        found = await self._api.get_threepids_for_user(user_id)
        return [_listed(each) for each in found if each["medium"] in set(Medium)]

    async def add(self, user_id: str, threepid: AccountThreepid) -> AddOutcome:
        medium, names = threepid.medium.value, spellings(threepid.threepid)
        claim = partial(tables.claim, user_id, medium, names, threepid.validated_at, self._clock())
        holder = await self._db.run(claim)
        if holder is not None:
            return AddOutcome.ALREADY_YOURS if holder == user_id else AddOutcome.TAKEN
        with _told_by_the_library():
            await self._inside.add_threepid(user_id, medium, names[0], threepid.validated_at)
        return AddOutcome.ADDED

    async def remove(self, user_id: str, threepid: Threepid) -> bool:
        held = {each.threepid for each in await self.list(user_id)}
        for address in spellings(threepid):
            if Threepid(threepid.medium, address) in held:
                with _told_by_the_library():
                    await self._inside.delete_threepid(user_id, threepid.medium.value, address)
                return True
        return False

    async def secure(self, user_id: str) -> None:
        """Log an account out everywhere and replace its password by one that nobody knows. Raises ``Unavailable``.

        Users who log in by another way, such as single sign-on, can do so all the same.
        """
        if not await self._inside.lock_out(user_id, token_urlsafe(_PASSWORD_BYTES)):
            raise Unavailable("Only the main process of this version of Synapse can do that")


@contextmanager
def _told_by_the_library() -> Iterator[None]:
    """Keep ``OtherChanges`` from telling of a change that the library itself tells of."""
    before = _ours.set(True)
    try:
        yield
    finally:
        _ours.reset(before)


@frozen
class OtherChanges:
    """Tells the ``Listener`` of addresses that come and go without the library.

    They come with a registration, and come and go by an administrator or an authentication service. The methods are
    callbacks of Synapse's.
    """

    _homeserver: Homeserver

    async def added(self, user_id: str, medium: str, address: str) -> None:
        """Tell of ``on_add_user_third_party_identifier``."""
        if medium in set(Medium) and not _ours.get():
            self._homeserver.emit(ThreepidAdded(user_id, Threepid(Medium(medium), address)))

    async def removed(self, user_id: str, medium: str, address: str) -> None:
        """Tell of ``on_remove_user_third_party_identifier``."""
        if medium in set(Medium) and not _ours.get():
            self._homeserver.emit(ThreepidRemoved(user_id, Threepid(Medium(medium), address)))


@frozen
class SynapseCallers:
    """The port ``Callers`` over Synapse's access tokens."""

    _api: ModuleApi = field(repr=False)
    _inside: Inside = field(repr=False)

    async def identify(self, request: Request) -> Caller | None:
        if (requester := await requester_of(self._api, request)) is None:
            return None
        user_id = requester.user.to_string()
        suspended = await self._inside.is_suspended(user_id)
        return Caller(user_id, guest=requester.is_guest, suspended=suspended)


@frozen
class SynapseAdministrators:
    """The port ``Authorisation``: the server administrators of Synapse, by their access tokens."""

    _api: ModuleApi = field(repr=False)

    async def administrator(self, request: Request) -> str | None:
        if (requester := await requester_of(self._api, request)) is None:
            raise MissingToken
        user_id: str = requester.user.to_string()
        return user_id if await self._api.is_user_admin(user_id) else None


@frozen
class SynapseRules:
    """The port ``AddressRules``: Synapse's settings, and what other modules allow.

    Resets are for accounts that can have passwords (``password_config``), registrations by phone for servers that have
    not switched them off (``disable_msisdn_registration``); ``allowed_local_3pids`` is for all but resets.
    """

    _inside: Inside = field(repr=False)

    async def allows(self, threepid: Threepid, purpose: Purpose, user_id: str | None) -> bool:
        if purpose is Purpose.PASSWORD:
            return self._inside.sets_passwords
        registration = purpose is Purpose.REGISTER
        if registration and threepid.medium is Medium.MSISDN and not self._inside.registers_by_phone:
            return False
        return await self._inside.is_allowed(threepid.medium.value, threepid.address, registration=registration)


async def requester_of(api: ModuleApi, request: Request) -> Any:
    """Return Synapse's ``Requester``; ``None`` without an access token. Raises ``UnknownToken`` or ``UserLocked``."""
    from synapse.module_api.errors import SynapseError

    if request.native.requester is not None:  # Synapse keeps the requester of a request
        return request.native.requester
    try:
        return await api.get_user_by_req(request.native, allow_guest=True)
    except UnicodeError:  # Synapse decodes headers as ASCII
        raise UnknownToken from None
    except SynapseError as error:
        if error.errcode == "M_MISSING_TOKEN":
            return None
        raise as_matrix_error(error) from None


def as_matrix_error(error: Any) -> MatrixError:
    """Return the ``MatrixError`` for an error of Synapse."""
    body = error.error_dict(None)
    more = {name: value for name, value in body.items() if name not in ("errcode", "error")}
    if body["errcode"] == "M_UNKNOWN_TOKEN":
        return UnknownToken(body["error"], **more)
    if body["errcode"] == "M_USER_LOCKED":
        return UserLocked(body["error"], **more)
    return HostRefused(error.code, body["errcode"], body["error"], **more)


def spellings(threepid: Threepid) -> tuple[str, ...]:
    """Return the forms in which Synapse may store an address: by its own rule, or with a domain in ASCII form."""
    if threepid.address.isascii():
        return (threepid.address,)
    import idna

    local, _, domain = threepid.address.rpartition("@")
    try:
        return threepid.address, f"{local}@{idna.encode(domain, uts46=True).decode()}"
    except UnicodeError:
        return (threepid.address,)


def _listed(found: Mapping[str, Any]) -> AccountThreepid:
    return AccountThreepid(
        medium=Medium(found["medium"]),
        address=found["address"],
        validated_at=found["validated_at"],
        added_at=found["added_at"],
    )
