"""``Own``: what Synapse's own settings say to the module, and the module's settings completed by it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Network, ip_network
from typing import Any
from urllib.parse import urlsplit

from attrs import frozen

RATE = (5, 0.003)
"""``burst_count`` and ``per_second`` of Synapse's ``rc_3pid_validation`` where it is not set."""
_MAILS = ("add_threepid_template_", "already_in_use_template_", "password_reset_template_", "registration_template_")
_SUBJECTS = ("email_validation", "password_reset", "email_already_in_use")
_DAY_MS = 86_400_000
_PRIVATE = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))


@frozen(kw_only=True)
class Own:
    """Those of Synapse's own settings that the module follows, unless its own settings say otherwise.

    * ``changes_enabled``: ``enable_3pid_changes``.
    * ``registration_enabled``: ``enable_registration``.
    * ``hide_known_addresses``: ``request_token_inhibit_3pid_errors``.
    * ``next_link_hosts``: ``next_link_domain_whitelist``; ``None`` for all.
    * ``rate``: ``burst_count`` and ``per_second`` of ``rc_3pid_validation``.
    * ``link_lifetime``: ms of ``email.validation_token_lifetime``; ``None`` if Synapse does not say.
    * ``mailbox``: ``email.notif_from`` with ``email.app_name`` filled in; ``None`` without it.
    * ``client_base_url``: ``email.client_base_url``, which Synapse reads with ``email.enable_notifs`` only.
    * ``refused``, ``allowed``: the address ranges of ``federation_ip_range_blacklist`` or of ``ip_range_blacklist`` and
      ``ip_range_whitelist``.
    """

    changes_enabled: bool = True
    registration_enabled: bool = False
    hide_known_addresses: bool = False
    next_link_hosts: Sequence[str] | None = None
    rate: tuple[int, float] = RATE
    link_lifetime: int | None = None
    mailbox: str | None = None
    client_base_url: str | None = None
    refused: Sequence[str] = ()
    allowed: Sequence[str] = ()

    def completed(self, config: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the module's ``config`` with what Synapse's own settings say where it says nothing itself.

        What is not an object where one has to be is left as it is, for the reader to refuse.
        """
        completed = dict(config)
        if completed.get("endpoints") is None and completed.get("identity_servers") is None:
            return completed
        completed["policy"] = _under(self._policy, completed.get("policy"))
        completed["identity_servers"] = self._servers(completed.get("identity_servers"))
        self._limit(completed)
        email = completed.get("email")
        if isinstance(email, Mapping) and isinstance(email.get("smtp"), Mapping) and self.mailbox is not None:
            completed["email"] = {**email, "smtp": _under({"from": self.mailbox}, email["smtp"])}
        return completed

    @property
    def _policy(self) -> dict[str, Any]:
        lifetimes = None if self.link_lifetime is None else {"token": self.link_lifetime}
        host = urlsplit(self.client_base_url or "").hostname
        return {
            "changes_enabled": self.changes_enabled,
            "registration_enabled": self.registration_enabled,
            "hide_known_addresses": self.hide_known_addresses,
            "next_link_hosts": self.next_link_hosts,
            **({"lifetimes": lifetimes} if lifetimes else {}),
            **({"code_host": host} if host else {}),
        }

    def _servers(self, given: object) -> object:
        own = {"allow_addresses": list(self.allowed), "refuse_addresses": list(self.refused)}
        return _under({name: ranges for name, ranges in own.items() if ranges}, given)

    def _limit(self, completed: dict[str, Any]) -> None:
        """Follow a rate that was set: Synapse counts it for each address and for each client."""
        burst, per_second = self.rate
        if self.rate == RATE or per_second <= 0 or burst < 1:
            return
        limit = {"burst": burst, "per_second": per_second}
        rates = {"per_address": limit, "per_client": limit}
        policy = completed["policy"]
        if isinstance(policy, Mapping) and policy.get("limits") is not None:
            completed["policy"] = {**policy, "limits": _under(rates, policy["limits"])}
        else:
            completed["limits"] = _under(rates, completed.get("limits"))


def _under(own: Mapping[str, Any], given: object) -> Any:
    """Return ``given``, over ``own`` where both are objects; what is there and no object stays."""
    if given is None:
        return dict(own)
    if not isinstance(given, Mapping):
        return given
    both = {name: _under(value, given.get(name)) for name, value in own.items() if isinstance(value, Mapping)}
    return {**own, **given, **both}


def not_followed(given: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each of Synapse's own settings that loses its effect by the module, and what counts instead.

    * ``given``: what ``homeserver.yaml`` holds.
    * ``config``: the module's section in it.
    """
    if config.get("endpoints") not in ("client", "separate"):
        return
    email, delegates = _section(given, "email"), _section(given, "account_threepid_delegates")
    for name in email:
        if name == "template_dir" or str(name).startswith(_MAILS):
            yield f"email.{name}", "is not used for the mails of the module, which have texts of their own"
    for name in _SUBJECTS:
        if _section(email, "subjects").get(name):
            yield f"email.subjects.{name}", "is not used for the mails of the module, which have texts of their own"
    if delegates.get("msisdn") and not config.get("delegate_path"):
        yield "account_threepid_delegates.msisdn", "is not asked any more; sms of the module sends the codes"
    rate = _section(given, "rc_3pid_validation")
    if any(isinstance(rate.get(name), int | float) and rate[name] <= 0 for name in ("per_second", "burst_count")):
        yield "rc_3pid_validation", "is not followed, since it stops everything for ever; limits of the module count"
    if (lifetime := milliseconds(email.get("validation_token_lifetime"))) is not None and lifetime > _DAY_MS:
        yield "email.validation_token_lifetime", "is followed up to a day (policy.lifetimes.session and total)"
    for name in ("federation_ip_range_blacklist", "ip_range_blacklist"):
        if isinstance(ranges := given.get(name), list) and not _hold_private(ranges):
            yield name, "lets private addresses through; they stay refused without identity_servers.allow_addresses"


def _section(given: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = given.get(name)
    return found if isinstance(found, Mapping) else {}


def _hold_private(ranges: Sequence[object]) -> bool:
    """Return whether ranges hold the private networks of IPv4."""
    held = [ip_network(each) for each in ranges if isinstance(each, str) and is_range(each)]
    plain = [each for each in held if isinstance(each, IPv4Network)]
    return all(any(inner.subnet_of(each) for each in plain) for inner in _PRIVATE)


def is_range(text: str) -> bool:
    """Return whether a text is an address range in CIDR notation."""
    try:
        ip_network(text)
    except ValueError:
        return False
    return True


_UNITS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": _DAY_MS, "w": 7 * _DAY_MS, "y": 365 * _DAY_MS}


def milliseconds(duration: object) -> int | None:
    """Return a duration as Synapse reads it: ms, or a number with a unit; ``None`` for anything else.

    >>> milliseconds("30m"), milliseconds(1000), milliseconds("soon")
    (1800000, 1000, None)
    """
    if isinstance(duration, int) and not isinstance(duration, bool):
        return duration
    text = str(duration)
    for unit, factor in _UNITS.items():
        if text.endswith(unit) and text.removesuffix(unit).isdecimal():
            return int(text.removesuffix(unit)) * factor
    return int(text) if text.isdecimal() else None
