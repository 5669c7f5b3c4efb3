"""All that is taken from inside of Synapse, past its module API. No other file touches a private name of it.

``used`` lists it, and ``fit`` compares that with the Synapse that is there when it starts.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from attrs import field, frozen

from ..identity.signing import SigningKey, wrapped_key
from ..protocol.errors import UiaRequired

if TYPE_CHECKING:
    from synapse.module_api import ModuleApi


class SetPassword(Protocol):
    """What sets a password; the parameters have Synapse's names, since it may give any of them by name."""

    def __call__(
        self, user_id: str, password_hash: str, logout_devices: bool, requester: Any = None
    ) -> Awaitable[None]:
        """Set the password of a user; ``requester``: who asks, ``None`` for a reset without an access token."""
        ...


class Unbind(Protocol):
    """What takes a binding back; the parameters have Synapse's names, since it may give any of them by name."""

    def __call__(self, mxid: str, medium: str, address: str, id_server: str | None) -> Awaitable[bool]:
        """Return whether every identity server confirmed; ``id_server``: ``None`` for all that are known."""
        ...


@frozen
class Inside:
    """The inner parts of a Synapse; ``fit.ensure_fit`` makes sure beforehand that they are there."""

    _hs: Any = field(repr=False)

    @classmethod
    def of(cls, api: ModuleApi) -> Inside:
        """Return the inside of the Synapse that a module was given the ``ModuleApi`` of."""
        return cls(api._hs)

    # -- users ----------------------------------------------------------------------------------

    def is_suspended(self, user_id: str) -> Awaitable[bool]:
        """Return whether an account is suspended."""
        found: Awaitable[bool] = self._hs.get_datastores().main.get_user_suspended_status(user_id)
        return found

    async def authenticate(self, requester: Any, request: Any, body: Mapping[str, Any], action: str) -> None:
        """Return once user-interactive authentication is complete. Raises ``UiaRequired``, or errors of Synapse.

        ``body``: Synapse keeps all of it for two days, ``auth`` excepted. Synapse before 1.163 cannot read ``None`` as
        its ``auth``.
        """
        from synapse.api.errors import InteractiveAuthIncompleteError

        try:
            await self._hs.get_auth_handler().validate_user_via_ui_auth(requester, request, dict(body), action)
        except InteractiveAuthIncompleteError as error:
            raise UiaRequired(error.result) from None

    async def is_allowed(self, medium: str, address: str, *, registration: bool) -> bool:
        """Return what Synapse's configuration and its other modules say of an address."""
        from synapse.util.threepids import check_3pid_allowed

        return bool(await check_3pid_allowed(self._hs, medium, address, registration))

    async def add_threepid(self, user_id: str, medium: str, address: str, validated_at: int) -> None:
        """Put an address on an account and tell other modules; whoever has it loses it."""
        await self._hs.get_auth_handler().add_threepid(user_id, medium, address, validated_at)

    async def delete_threepid(self, user_id: str, medium: str, address: str) -> None:
        """Take an address off an account, its pusher too, and tell other modules."""
        await self._hs.get_auth_handler().delete_local_threepid(user_id, medium, address)

    def wrap_set_password(self, wrap: Callable[[SetPassword], SetPassword]) -> None:
        """Have every new password set by what ``wrap`` makes of Synapse's own way."""
        own = self._hs.get_set_password_handler().set_password
        self._hs.get_set_password_handler().set_password = wrap(own)

    # -- stages ---------------------------------------------------------------------------------

    def replace_stage(self, stage: str, checker: Any) -> None:
        """Let ``checker`` (``is_enabled``, ``check_auth``) decide about a stage in all of Synapse."""
        self._hs.get_auth_handler().checkers[stage] = checker

    def asked_for(self) -> str:
        """Return the path of the request that is being answered; empty outside of one."""
        from synapse.logging.context import current_context

        request = getattr(current_context(), "request", None)
        return "" if request is None else str(request.url).partition("?")[0]

    def login_error(self, status: int, errcode: str, message: str) -> Exception:
        """Return the error by which a stage says that it is not complete, and a reset that it is refused."""
        from synapse.api.errors import LoginError

        error: Exception = LoginError(status, message, errcode)
        return error

    # -- endpoints ------------------------------------------------------------------------------

    def serve_first(self, register: Callable[[Any], None]) -> None:
        """Have ``register`` called with every client resource before Synapse registers its own endpoints."""
        import synapse.rest

        ours = (lambda _, resource: register(resource),)
        synapse.rest.SERVLET_GROUPS["client"] = (*ours, *synapse.rest.SERVLET_GROUPS["client"])

    # -- identity servers -----------------------------------------------------------------------

    @property
    def signing_key(self) -> SigningKey:
        """The key this server signs with."""
        return wrapped_key(self._hs.signing_key)

    def replace_unbind(self, unbind: Unbind) -> None:
        """Let ``unbind`` take bindings back wherever Synapse would."""
        self._hs.get_identity_handler().try_unbind_threepid = unbind

    # -- configuration --------------------------------------------------------------------------

    @property
    def accounts_elsewhere(self) -> bool:
        """Whether an authentication service manages the accounts."""
        return bool(self._hs.config.mas.enabled)

    def chosen(self) -> Mapping[str, Any]:
        """Return what Synapse's own configuration says, under the names of the module's ``policy``."""
        hosts: Sequence[str] | None = self._hs.config.server.next_link_domain_whitelist
        return {
            "changes_enabled": bool(self._hs.config.registration.enable_3pid_changes),
            "registration_enabled": bool(self._hs.config.registration.enable_registration),
            "hide_known_addresses": bool(self._hs.config.server.request_token_inhibit_3pid_errors),
            "next_link_hosts": None if hosts is None else list(hosts),
        }
