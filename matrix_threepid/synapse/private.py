"""Everything the module uses of Synapse outside of its public module API. No other file uses private names of Synapse.

``used`` lists these names, and ``fit`` compares the list with the installed Synapse at the start.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from attrs import field, frozen

from ..identity.signing import SigningKey, wrapped_key
from ..protocol.errors import UiaRequired
from .own import Own

if TYPE_CHECKING:
    from synapse.module_api import ModuleApi


class SetPassword(Protocol):
    """A function that sets a password. Its parameters have Synapse's names, since Synapse may give any by name."""

    def __call__(
        self, user_id: str, password_hash: str, logout_devices: bool, requester: Any = None
    ) -> Awaitable[None]:
        """Set the password of a user.

        * ``requester``: who asks for it; ``None`` for a reset without an access token.
        """
        ...


class Unbind(Protocol):
    """A function that unbinds. Its parameters have Synapse's names, since Synapse may give any by name."""

    def __call__(self, mxid: str, medium: str, address: str, id_server: str | None) -> Awaitable[bool]:
        """Return whether every identity server confirmed.

        * ``id_server``: the identity server; ``None`` for all that are known.
        """
        ...


@frozen
class Inside:
    """Access to the private parts of a Synapse; ``fit.ensure_fit`` checks beforehand that they exist."""

    _hs: Any = field(repr=False)
    _replaced: dict[str, Any] = field(init=False, factory=dict, repr=False)

    @classmethod
    def of(cls, api: ModuleApi) -> Inside:
        """Return the private parts of the Synapse that gave this ``ModuleApi`` to the module."""
        return cls(api._hs)

    # -- users ----------------------------------------------------------------------------------

    def is_suspended(self, user_id: str) -> Awaitable[bool]:
        """Return whether an account is suspended."""
        found: Awaitable[bool] = self._hs.get_datastores().main.get_user_suspended_status(user_id)
        return found

    async def authenticate(self, requester: Any, request: Any, body: Mapping[str, Any], action: str) -> None:
        """Return once user-interactive authentication is complete. Raises ``UiaRequired`` or an error of Synapse.

        * ``body``: Synapse stores it without ``auth`` for two days. Before version 1.163 its ``auth`` must not be
          ``None``.
        """
        from synapse.api.errors import InteractiveAuthIncompleteError

        try:
            await self._hs.get_auth_handler().validate_user_via_ui_auth(requester, request, dict(body), action)
        except InteractiveAuthIncompleteError as error:
            raise UiaRequired(error.result) from None

    async def is_allowed(self, medium: str, address: str, *, registration: bool) -> bool:
        """Return whether Synapse's configuration and its other modules allow an address."""
        from synapse.util.threepids import check_3pid_allowed

        return bool(await check_3pid_allowed(self._hs, medium, address, registration))

    async def add_threepid(self, user_id: str, medium: str, address: str, validated_at: int) -> None:
        """Put an address on an account and tell other modules; another account that has it loses it."""
        await self._hs.get_auth_handler().add_threepid(user_id, medium, address, validated_at)

    async def delete_threepid(self, user_id: str, medium: str, address: str) -> None:
        """Remove an address from an account, with its pusher, and tell other modules."""
        await self._hs.get_auth_handler().delete_local_threepid(user_id, medium, address)

    def wrap_set_password(self, wrap: Callable[[SetPassword], SetPassword]) -> None:
        """Replace the function that sets passwords by ``wrap`` of Synapse's own function, if this process has it."""
        try:
            own = self._hs.get_set_password_handler().set_password
        except AssertionError:  # a worker of an older Synapse, in which only the main process sets passwords
            return
        self._replaced["set_password"] = own
        self._hs.get_set_password_handler().set_password = wrap(own)

    async def lock_out(self, user_id: str, password: str) -> bool:
        """Log all devices of an account out, end its access tokens, and give it a password if it can have one.

        * ``password``: one that nobody knows.

        Returns whether that was done; it is not in a worker of an older Synapse.
        """
        sets_passwords = self.sets_passwords
        # Nothing is called here, so that an error of a call is not taken for a missing function.
        try:
            if sets_passwords:
                # Not what has replaced it, which is for passwords that somebody has chosen.
                call = self._replaced.get("set_password") or self._hs.get_set_password_handler().set_password
            else:
                call = self._hs.get_device_handler().delete_all_devices_for_user
        except (AssertionError, AttributeError):  # in such a worker
            return False
        if sets_passwords:
            await call(user_id, await self._hs.get_auth_handler().hash(password), True)
        else:
            await call(user_id)
            await self._hs.get_auth_handler().delete_access_tokens_for_user(user_id)
        return True

    # -- stages ---------------------------------------------------------------------------------

    def replace_stage(self, stage: str, checker: Any) -> None:
        """Replace the checker of a stage everywhere in Synapse; it has ``is_enabled`` and ``check_auth``."""
        self._hs.get_auth_handler().checkers[stage] = checker

    def asked_for(self) -> str:
        """Return the path of the request that is being handled; empty outside of a request."""
        from synapse.logging.context import current_context

        request = getattr(current_context(), "request", None)
        return "" if request is None else str(request.url).partition("?")[0]

    def login_error(self, status: int, errcode: str, message: str) -> Exception:
        """Return the error with which a stage is reported incomplete and a reset refused."""
        from synapse.api.errors import LoginError

        error: Exception = LoginError(status, message, errcode)
        return error

    # -- endpoints ------------------------------------------------------------------------------

    def serve_first(self, register: Callable[[Any], None]) -> None:
        """Call ``register`` with every client resource before Synapse registers its own endpoints."""
        import synapse.rest

        ours = (lambda _, resource: register(resource),)
        synapse.rest.SERVLET_GROUPS["client"] = (*ours, *synapse.rest.SERVLET_GROUPS["client"])

    def watch(self, resource: Any, watched: Callable[[str, Any, Callable[..., Any]], Callable[..., Any]]) -> None:
        """Have a client resource serve, in place of each function, what ``watched`` returns for it.

        * ``watched``: called with the method, the patterns of paths and the function.
        """
        own = resource.register_paths

        def register_paths(method: str, path_patterns: Any, callback: Any, servlet_classname: str) -> None:
            own(method, path_patterns, watched(method, path_patterns, callback), servlet_classname)

        resource.register_paths = register_paths

    # -- identity servers -----------------------------------------------------------------------

    @property
    def signing_key(self) -> SigningKey:
        """The signing key of this homeserver."""
        return wrapped_key(self._hs.signing_key)

    def replace_unbind(self, unbind: Unbind) -> None:
        """Replace the function with which Synapse unbinds."""
        self._hs.get_identity_handler().try_unbind_threepid = unbind

    # -- configuration --------------------------------------------------------------------------

    @property
    def accounts_elsewhere(self) -> str | None:
        """The setting by which an authentication service manages the accounts; ``None`` without one.

        The section ``matrix_authentication_service`` came with Synapse 1.136, ``msc3861`` went with 1.16x.
        """
        config = self._hs.config
        if getattr(getattr(config, "mas", None), "enabled", False):
            return "matrix_authentication_service"
        old = getattr(getattr(config, "experimental", None), "msc3861", None)
        return "experimental_features.msc3861" if getattr(old, "enabled", False) else None

    @property
    def sets_passwords(self) -> bool:
        """Whether ``password_config`` lets accounts have passwords, which a reset can set."""
        return bool(self._hs.get_auth_handler().can_change_password())

    @property
    def registers_by_phone(self) -> bool:
        """Whether a phone number can be part of a registration: ``disable_msisdn_registration``."""
        return not self._hs.config.registration.disable_msisdn_registration

    def files(self) -> Mapping[str, Any]:
        """Return what Synapse's configuration files hold; empty for a Synapse that was not started from files."""
        from synapse.config._base import read_config_files

        files = getattr(self._hs.config, "config_files", ())
        return read_config_files(files) if files else {}

    def own(self) -> Own:
        """Return those of Synapse's own settings that the module follows."""
        config = self._hs.config
        server, email, rate = config.server, config.email, config.ratelimiting.rc_3pid_validation
        mailbox = email.email_notif_from
        return Own(
            changes_enabled=bool(config.registration.enable_3pid_changes),
            registration_enabled=bool(config.registration.enable_registration),
            hide_known_addresses=bool(server.request_token_inhibit_3pid_errors),
            next_link_hosts=_listed(server.next_link_domain_whitelist),
            rate=(rate.burst_count, rate.per_second),
            link_lifetime=email.email_validation_token_lifetime,
            mailbox=mailbox and mailbox % {"app": email.email_app_name},
            client_base_url=getattr(email, "email_riot_base_url", None),
            refused=_ranges(server.federation_ip_range_blocklist),
            allowed=_ranges(server.federation_ip_range_allowlist),
        )


def _listed(hosts: Sequence[str] | None) -> Sequence[str] | None:
    return None if hosts is None else list(hosts)


def _ranges(addresses: Any) -> Sequence[str]:
    return [] if addresses is None else [str(each) for each in addresses.iter_cidrs()]
