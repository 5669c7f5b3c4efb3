"""What a role's plain fields must be, as validators of attrs; ``port_fields`` has those of ports."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from .. import ports
from ..model.keys import Peppers
from ..model.media import MEDIA
from ..model.threepid import Medium
from ..policy import Policy
from ..protocol.errors import ConfigurationError
from ..protocol.wiring import demand
from .port_fields import PortField, implements

# https://spec.matrix.org/latest/appendices/#server-name
_SERVER_NAME = re.compile(r"(?:[0-9A-Za-z.-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::(?P<port>[0-9]{1,5}))?")


def check_senders(instance: Any, attribute: PortField, senders: Mapping[Medium, object]) -> None:
    """Raise ``ConfigurationError`` for a key that is no medium, a missing package, or a sender without ``send``."""
    demand("senders", senders, lambda given: isinstance(given, Mapping), "must be a dict, {Medium.EMAIL: a sender}")
    for medium, sender in senders.items():
        if not isinstance(medium, Medium):
            raise ConfigurationError(f"senders: keys must be Medium members, got {medium!r}")
        if (needed := MEDIA[medium].needs) and find_spec(needed) is None:
            remedy = "pip install 'matrix-threepid[phone]'"
            raise ConfigurationError(f"senders: {medium.value} needs the package {needed}: {remedy}")
        implements(ports.TokenSender)(instance, attribute, sender)
        if (check := MEDIA[medium].check) is not None:
            check(instance.policy)


def check_policy(_: object, __: PortField, policy: Policy) -> None:
    """Raise ``ConfigurationError`` for a value that is no ``Policy``."""
    refuse_no_policy(policy)


def check_peppers(_: object, attribute: PortField, peppers: Peppers) -> None:
    """Raise ``ConfigurationError`` for a value that is no ``Peppers``, such as the key itself."""
    # The text of the error has the type alone: a host that passes the key itself must not find it in its log.
    if not isinstance(peppers, Peppers):
        raise ConfigurationError(f"{attribute.name}: must be Peppers.of(...), not {type(peppers).__name__}")


def check_server_name(_: object, attribute: PortField, value: Any) -> None:
    """Raise ``ConfigurationError`` for a value that is no server name as Matrix has it."""
    name = _SERVER_NAME.fullmatch(value) if isinstance(value, str) else None
    if name is None or (name["port"] is not None and not 0 < int(name["port"]) < 65_536):
        raise ConfigurationError(
            f"{attribute.name}: must be a Matrix server name, host[:port] without https://, such as example.org"
        )


def refuse_no_policy(policy: object) -> None:
    """Raise ``ConfigurationError`` for a ``policy`` that is none, such as the dict of a file."""
    demand("policy", policy, lambda given: isinstance(given, Policy), "must be a Policy, such as Policy(max_body=9000)")
