"""All that is taken from inside of Synapse, past its module API. No other file touches a private name of it.

What is not there, or not as expected, is said when Synapse starts, with its version. Known to fit: 1.163.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from ..identity.signing import SigningKey, wrapped_key
from ..protocol.errors import ConfigurationError, UiaRequired

if TYPE_CHECKING:
    from synapse.module_api import ModuleApi

_NEEDED = {
    "get_auth_handler()": ("validate_user_via_ui_auth", "add_threepid", "delete_local_threepid", "checkers"),
    "get_datastores().main": ("get_user_suspended_status",),
    "get_identity_handler()": ("try_unbind_threepid",),
    "get_set_password_handler()": ("set_password",),
    "config.mas": ("enabled",),
    "config.registration": ("enable_3pid_changes", "enable_registration"),
    "config.server": ("next_link_domain_whitelist", "request_token_inhibit_3pid_errors"),
    "signing_key": ("alg", "version", "sign"),
}
_IMPORTED = {
    "synapse.api.errors": ("InteractiveAuthIncompleteError", "LoginError"),
    "synapse.logging.context": ("current_context",),
    "synapse.rest": ("SERVLET_GROUPS",),
    "synapse.util.threepids": ("check_3pid_allowed",),
}

SetPassword = Callable[[str, str, bool, Any], Awaitable[None]]
"""Sets a password: user id, hash, whether to log devices out, and who asks (``None``: nobody with a token)."""


@frozen
class Inside:
    """The inner parts of a Synapse; ``Inside.of`` makes sure that they are there."""

    _hs: Any = field(repr=False)

    @classmethod
    def of(cls, api: ModuleApi) -> Inside:
        """Return the inside of a Synapse. Raises ``ConfigurationError`` naming what this version lacks."""
        hs = getattr(api, "_hs", None)
        lacking = [path for path, names in _NEEDED.items() for path in _lacking(hs, path, names)]
        lacking += [path for module, names in _IMPORTED.items() for path in _not_importable(module, names)]
        if lacking:
            raise ConfigurationError(f"Synapse {_version()} has no {', '.join(lacking)}: see the docs for what fits")
        return cls(hs)

    # -- users ----------------------------------------------------------------------------------

    def is_suspended(self, user_id: str) -> Awaitable[bool]:
        """Return whether an account is suspended."""
        found: Awaitable[bool] = self._hs.get_datastores().main.get_user_suspended_status(user_id)
        return found

    async def authenticate(self, requester: Any, request: Any, body: Mapping[str, Any], action: str) -> None:
        """Return once user-interactive authentication is complete. Raises ``UiaRequired``, or errors of Synapse.

        ``body``: Synapse keeps all of it for two days, ``auth`` excepted.
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

    def replace_unbind(self, unbind: Callable[[str, str, str, str | None], Awaitable[bool]]) -> None:
        """Let ``unbind(user id, medium, address, id_server)`` take bindings back wherever Synapse would."""
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


def _lacking(hs: Any, path: str, names: Sequence[str]) -> list[str]:
    part = hs
    for step in path.split("."):
        part = getattr(part, step.removesuffix("()"), None)
        part = part() if step.endswith("()") and callable(part) else part
    return [f"{path}.{name}" for name in names if not hasattr(part, name)]


def _not_importable(module: str, names: Sequence[str]) -> list[str]:
    try:
        found: Any = import_module(module)
    except ImportError:
        found = None
    return [f"{module}.{name}" for name in names if not hasattr(found, name)]


def _version() -> str:
    from importlib.metadata import version

    return version("matrix-synapse")
