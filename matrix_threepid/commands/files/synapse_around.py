"""Synapse's own settings in the ``homeserver.yaml`` of the module."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from ...protocol.errors import ConfigurationError


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
    def chosen(self) -> Mapping[str, Any]:
        """The choices that the module's ``policy`` takes from Synapse's settings of other names."""
        hosts = self._given.get("next_link_domain_whitelist")
        return {
            "changes_enabled": bool(self._given.get("enable_3pid_changes", not self.accounts_elsewhere)),
            "registration_enabled": bool(self._given.get("enable_registration", False)),
            "hide_known_addresses": bool(self._given.get("request_token_inhibit_3pid_errors", False)),
            "next_link_hosts": hosts if isinstance(hosts, list) else None,
        }

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

    def text(self, name: str, inner: str) -> str:
        """Return a string of a section; empty if it is absent."""
        return str(_section(self._given, name).get(inner) or "")


def _section(given: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a section; empty if it is absent."""
    found = given.get(name)
    return found if isinstance(found, Mapping) else {}


def _resources(listener: Mapping[str, Any]) -> set[str]:
    found = [each for each in _list(listener.get("resources")) if isinstance(each, Mapping)]
    return {str(name) for each in found for name in _list(each.get("names"))}


def _list(found: object) -> list[Any]:
    return found if isinstance(found, list) else []
