"""Synapse's own settings in the ``homeserver.yaml`` of the module."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from attrs import frozen

from ...protocol.errors import ConfigurationError
from ...synapse.own import RATE, Own, is_range, milliseconds, not_followed

N = TypeVar("N", int, float)


@frozen
class Around:
    """Those of Synapse's own settings on which the module depends. A setting of an unexpected type counts as absent."""

    _given: Mapping[str, Any]

    @property
    def server_name(self) -> str:
        """``server_name``. Raises ``ConfigurationError``."""
        name = self._given.get("server_name")
        if not isinstance(name, str) or not name:
            raise ConfigurationError("server_name: is required")
        return name

    @property
    def base_url(self) -> str:
        """``public_baseurl``, or the URL that Synapse uses without it."""
        return str(self._given.get("public_baseurl") or f"https://{self.server_name}/")

    @property
    def own(self) -> Own:
        """Those settings that the module follows, as it reads them in a running Synapse."""
        email, rate = _section(self._given, "email"), _section(self._given, "rc_3pid_validation")
        hosts = self._given.get("next_link_domain_whitelist")
        mailbox = email.get("notif_from")
        return Own(
            changes_enabled=bool(self._given.get("enable_3pid_changes", not self.accounts_elsewhere)),
            registration_enabled=bool(self._given.get("enable_registration", False)),
            hide_known_addresses=bool(self._given.get("request_token_inhibit_3pid_errors", False)),
            next_link_hosts=hosts if isinstance(hosts, list) else None,
            rate=(_number(rate.get("burst_count"), RATE[0], int), _number(rate.get("per_second"), RATE[1], float)),
            link_lifetime=milliseconds(email.get("validation_token_lifetime", "1h")),
            mailbox=str(mailbox).replace("%(app)s", str(email.get("app_name", "Matrix"))) if mailbox else None,
            client_base_url=self._client_base_url(email),
            refused=self._ranges("federation_ip_range_blacklist") or self._ranges("ip_range_blacklist"),
            allowed=[] if "federation_ip_range_blacklist" in self._given else self._ranges("ip_range_whitelist"),
        )

    def not_followed(self, config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield each setting that loses its effect by the module, and what counts instead."""
        return not_followed(self._given, config)

    def _client_base_url(self, email: Mapping[str, Any]) -> str | None:
        url = email.get("client_base_url", email.get("riot_base_url"))
        return str(url) if url and email.get("enable_notifs") else None

    def _ranges(self, name: str) -> list[str]:
        return [str(each) for each in _list(self._given.get(name)) if is_range(str(each))]

    @property
    def listeners(self) -> list[Mapping[str, Any]]:
        """The listeners of type ``http``."""
        found = _list(self._given.get("listeners"))
        return [each for each in found if isinstance(each, Mapping) and each.get("type") == "http"]

    def serving(self, endpoints: str) -> list[Mapping[str, Any]]:
        """Return the listeners that serve the module's ``endpoints``: ``client`` or ``separate``."""
        names = [(each, _resources(each)) for each in self.listeners]
        return [each for each, found in names if ("client" in found if endpoints == "client" else not found)]

    @property
    def accounts_elsewhere(self) -> bool:
        """Whether an authentication service manages the accounts."""
        old = _section(_section(self._given, "experimental_features"), "msc3861")
        return bool(_section(self._given, "matrix_authentication_service").get("enabled") or old.get("enabled"))

    @property
    def sets_passwords(self) -> bool:
        """Whether accounts have passwords that a reset can set: ``password_config``."""
        section = _section(self._given, "password_config")
        return section.get("enabled", True) is True and bool(section.get("localdb_enabled", True))

    def text(self, name: str, inner: str) -> str:
        """Return a string of a section; empty if it is absent."""
        return str(_section(self._given, name).get(inner) or "")


def _number(found: object, usual: N, kind: Callable[[Any], N]) -> N:
    return usual if isinstance(found, bool) or not isinstance(found, int | float) else kind(found)


def _section(given: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a section; empty if it is absent."""
    found = given.get(name)
    return found if isinstance(found, Mapping) else {}


def _resources(listener: Mapping[str, Any]) -> set[str]:
    found = [each for each in _list(listener.get("resources")) if isinstance(each, Mapping)]
    return {str(name) for each in found for name in _list(each.get("names"))}


def _list(found: object) -> list[Any]:
    return found if isinstance(found, list) else []
