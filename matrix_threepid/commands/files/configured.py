"""``Configured``: a role made from a configuration file, and the findings about the file."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping

from attrs import field, frozen

from ...model.keys import MIN_BYTES, Peppers
from ...model.threepid import Medium
from ...policy import Policy
from ...ports import TokenSender
from ...roles.base import Role
from ...settings import IdentityServerSettings
from ...texts.catalogue import Texts
from ..checking.findings import Finding, Kind


@frozen
class Configured:
    """What a file configures.

    * ``role``: a role with the senders and the policy of the file.
    * ``findings``: what else there is to report about the file.
    * ``texts``: its sentences and layouts; the built-in ones by default.
    """

    role: Role
    findings: tuple[Finding, ...] = ()
    texts: Texts = field(factory=Texts)


def sending_role(server_name: str, policy: Policy, senders: Mapping[Medium, TokenSender]) -> Role:
    """Return a role that can send and do nothing else. Raises ``ConfigurationError``."""
    peppers = Peppers.of(secrets.token_bytes(MIN_BYTES))
    return Role(server_name=server_name, peppers=peppers, policy=policy, senders=senders)


def of_identity_servers(settings: IdentityServerSettings | None, policy: Policy) -> Iterator[Finding]:
    """Yield how identity servers are reached, if a file configures it. Raises ``ConfigurationError``."""
    if settings is not None:
        settings.fetch(allowed=policy.identity_servers)
        ports = ", ".join(map(str, (443, *settings.ports)))
        yield Finding(
            Kind.FACT,
            "identity servers",
            f"at port {ports}; one request waits {policy.identity_deadline / 1000:g} s at most",
        )
