"""``IdentityServer`` and ``Delegate``: the two smaller roles, over the same sessions and senders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from attrs import evolve, field, frozen

from .. import ports
from ..memory.associations import MemoryAssociations
from ..model.session import IDENTITY_LIFETIMES, Lifetimes
from ..policy import Policy
from .base import Role, implements, port

ALLOW_HEADERS = "X-Requested-With, Content-Type, Authorization, Origin, Accept"
"""What web clients may send an identity server (identity API, "Web Browser Clients")."""


def _identity_policy(policy: Policy) -> Policy:
    """Let sessions live as long as the identity API prescribes, unless the host has chosen lifetimes of its own."""
    return evolve(policy, lifetimes=IDENTITY_LIFETIMES) if policy.lifetimes == Lifetimes() else policy


def _delegate_policy(policy: Policy) -> Policy:
    """Answer wrong tokens as Synapse passes them on."""
    return evolve(_identity_policy(policy), submit_answers="compat")


@frozen(kw_only=True, slots=False)
class Delegate(Role):
    """What Synapse's ``account_threepid_delegates`` calls: validation over the identity API v1, without tokens.

    Whoever reaches it can have messages sent and sessions read, so keep it behind a secret path or a private network.
    A wrong token is answered with 200 and ``success: false``, whatever the policy says: such answers Synapse passes on.
    """

    prefix: ClassVar[str] = "/_matrix/identity"
    submit_version: ClassVar[str] = "/api/v1"
    sees_clients: ClassVar[bool] = False
    allow_headers: ClassVar[str | None] = ALLOW_HEADERS
    errcodes: ClassVar[Mapping[str, str]] = {"M_MISSING_PARAM": "M_MISSING_PARAMS"}

    policy: Policy = field(factory=Policy, converter=_delegate_policy)


@frozen(kw_only=True, slots=False)
class IdentityServer(Role):
    """An identity server's validation and associations (identity API v1 and v2).

    ``callers``: who may use v2; raise ``Unauthorized`` or ``TermsNotSigned`` there. ``verifier``: checks homeservers'
    signatures on unbinds; ``signer``: signs associations.
    ``serve_v1``: offer v1 as well (default: off). v1 has no tokens: anybody who reaches it can have mails and SMS sent,
    and bind an address they proved to any user.
    ``signed_once``: a signed unbind does not work again within 24 h on what was bound meanwhile. Homeservers sign the
    same words alike, so a user who unbinds an address twice within 24 h needs a session of it the second time.
    """

    prefix: ClassVar[str] = "/_matrix/identity"
    submit_version: ClassVar[str] = "/v2"
    allow_headers: ClassVar[str | None] = ALLOW_HEADERS
    errcodes: ClassVar[Mapping[str, str]] = {
        "M_MISSING_PARAM": "M_MISSING_PARAMS",
        "M_MISSING_TOKEN": "M_UNAUTHORIZED",
        "M_UNKNOWN_TOKEN": "M_UNAUTHORIZED",
    }

    callers: ports.Callers = field(validator=implements(ports.Callers), repr=False)
    signer: ports.ObjectSigner = field(validator=implements(ports.ObjectSigner), repr=False)
    verifier: ports.RequestVerifier | None = port(ports.RequestVerifier, None)
    associations: ports.AssociationStore = port(ports.AssociationStore, MemoryAssociations)
    serve_v1: bool = False
    signed_once: bool = False
    policy: Policy = field(factory=Policy, converter=_identity_policy)
