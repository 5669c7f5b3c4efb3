"""Which choices of a policy differ from the defaults, and which could be stricter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

from ...model.threepid import Medium, masked
from ...policy import Limit, Policy
from ...roles.base import Role
from ...roles.identity_server import IdentityServer
from .findings import Finding, Kind

_TOLD_ELSEWHERE = {"public_base_url", "sms.countries"}
_MEANS = {
    "legacy_add": "with a stolen access token alone, an attacker can add an address of their own to the account "
    "(POST /account/3pid asks for no password) and then reset its password by it",
}
"""What the default of a choice allows, where the name of the choice does not say it."""
_SHARE = (
    "holds where requests show a public client address; it is off for private and missing ones, such as that of a "
    "proxy that is not configured"
)
_NO_CLIENTS = "is off, since a delegate sees no clients"
_V1 = "without a token, every caller can have mails and SMS sent and bind an address they proved to any user"


def of_policy(role: Role) -> Iterator[Finding]:
    """Yield the findings about a role's policy."""
    yield from _chosen(role)
    for each in role.policy.test_addresses:
        text = f"{masked(each.address)} has a fixed code until {each.until}, and nothing is sent there"
        yield Finding(Kind.UNFIT, "test_addresses", text)
    if Medium.MSISDN in role.senders and role.policy.sms.countries:
        yield Finding(Kind.FACT, "policy.sms.network_share", _SHARE if role.sees_clients else _NO_CLIENTS)
    for name, strict in _strict().items():
        if not _as_strict(role.policy, name, strict):
            now = getattr(role.policy, name)
            meaning = f": {_MEANS[name]}" if name in _MEANS else ""
            yield Finding(Kind.STRICTER, name, f"{_shown(strict)}, in place of {_shown(now)}{meaning}")


def _chosen(role: Role) -> Iterator[Finding]:
    if isinstance(role, IdentityServer) and role.serve_v1:
        yield Finding(Kind.CHOICE, "serve_v1", f"True, in place of False: {_V1}")
    default = _flat(_default_of(role))
    # Whoever chose to hide addresses did not choose what that implies.
    implied = {"deferred_sending"} if role.policy.hide_known_addresses else set()
    for name, value in _flat(role.policy).items():
        if name not in _TOLD_ELSEWHERE | implied and value != default.get(name, value):
            yield Finding(Kind.CHOICE, name, f"{_shown(value)}, in place of {_shown(default[name])}")
        elif name not in default:
            yield Finding(Kind.CHOICE, name, _shown(value))


def _default_of(role: Role) -> Policy:
    """Return the policy that a role of this class has by default."""
    convert = attrs.fields_dict(type(role))["policy"].converter
    policy: Policy = convert(Policy()) if callable(convert) else Policy()
    return policy


def _flat(value: Any, at: str = "") -> dict[str, Any]:
    """Return choices by name; those inside other values are named by their path. A limit is one choice."""
    flat: dict[str, Any] = {}
    for field in attrs.fields(type(value)):
        name, inner = f"{at}{field.name}", getattr(value, field.name)
        nested = attrs.has(type(inner)) and not isinstance(inner, Limit)
        flat.update(_flat(inner, f"{name}.") if nested else {name: inner})
    return flat


def _strict() -> dict[str, Any]:
    """Return the choices in which the hardened policy differs from the default one."""
    default, strict = _flat(Policy()), _flat(Policy.hardened())
    return {name: value for name, value in strict.items() if value != default[name]}


def _as_strict(policy: Policy, name: str, strict: Any) -> bool:
    """Return whether a policy is as strict as the hardened one, or stricter."""
    stricter = {
        "legacy_add": policy.legacy_add == "off",
        "code_digits": policy.code_digits > Policy.hardened().code_digits,
    }
    same: bool = getattr(policy, name) == strict
    return same or stricter.get(name, False)


def _shown(value: Any) -> str:
    if isinstance(value, Limit):
        return f"{value.burst} at once, then one every {value.interval / 1000:g} s"
    if isinstance(value, tuple | frozenset):
        inner = map(_shown, value if isinstance(value, tuple) else sorted(value))
        return f"[{', '.join(inner)}]"
    return "a rule of the host" if callable(value) else repr(value)
