"""``IdentityServer`` and ``Delegate``: the roles with endpoints of the identity API.

See https://spec.matrix.org/latest/identity-service-api/.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from attrs import Factory, evolve, field, frozen

from .. import ports
from ..memory.associations import MemoryAssociations
from ..memory.invitations import MemoryInvitations
from ..memory.logins import MemoryLogins
from ..model.call import Caller
from ..model.lifetimes import IDENTITY_LIFETIMES, Lifetimes
from ..model.login import TermsDocument, missing
from ..policy import Policy
from ..protocol.errors import ConfigurationError, TermsNotSigned
from ..protocol.wire import Request
from ..protocol.wiring import flag
from . import logins as own_logins
from .base import Role
from .plain_fields import refuse_no_policy
from .port_fields import implements, port

ALLOW_HEADERS = "X-Requested-With, Content-Type, Authorization, Origin, Accept"
"""The request headers that web clients may send to an identity server.

See https://spec.matrix.org/latest/identity-service-api/#web-browser-clients.
"""


_MAX_BODY = 65_536


def _identity_policy(policy: Policy) -> Policy:
    """Return the policy with the lifetimes of the identity API, unless the host has chosen lifetimes of its own."""
    refuse_no_policy(policy)
    if policy.test_addresses:
        raise ConfigurationError("policy.test_addresses: only a homeserver has them, since others vouch for addresses")
    return evolve(policy, lifetimes=IDENTITY_LIFETIMES) if policy.lifetimes == Lifetimes() else policy


def _server_policy(policy: Policy) -> Policy:
    """Return the policy of an identity server, whose look-ups of 1,000 hashes need larger bodies."""
    refuse_no_policy(policy)
    larger = evolve(policy, max_body=_MAX_BODY) if policy.max_body == Policy().max_body else policy
    return _identity_policy(larger)


def _delegate_policy(policy: Policy) -> Policy:
    """Return the policy of a delegate, which answers a wrong token with 200 and ``success: false`` (decision 26)."""
    # Synapse turns every 4xx of a delegate into one error and hides the reason; a 200 is passed on.
    return evolve(_identity_policy(policy), submit_answers="compat")


def _are_terms(_: object, __: object, terms: Mapping[str, TermsDocument]) -> None:
    pairs = terms.items() if isinstance(terms, Mapping) else ((None, None),)
    if not all(isinstance(name, str) and isinstance(each, TermsDocument) for name, each in pairs):
        raise ConfigurationError("terms: must be TermsDocument values by name")


def _keys_of(role: IdentityServer) -> Mapping[str, str]:
    return dict(getattr(role.signer, "public_keys", {}))


@frozen(kw_only=True, slots=False)
class Delegate(Role):
    """A server that validates addresses for a homeserver: version 1 of the identity API's validation.

    Synapse's ``account_threepid_delegates`` calls it. Its endpoints take no access token: every client that can reach
    them can cause messages and read sessions, so serve them in a private network or under a secret path. A wrong token
    is answered with 200 and ``success: false``, whatever ``Policy.submit_answers`` is. ``Role`` has the arguments.
    See MSC2078, https://github.com/matrix-org/matrix-spec-proposals/pull/2078.
    """

    prefix: ClassVar[str] = "/_matrix/identity"
    submit_version: ClassVar[str] = "/api/v1"
    # Its one client is the homeserver: a limit per client would count all users together.
    sees_clients: ClassVar[bool] = False
    allow_headers: ClassVar[str | None] = ALLOW_HEADERS
    # The identity API has names of its own for some errors (REQ-ISREQ-2).
    errcodes: ClassVar[Mapping[str, str]] = {"M_MISSING_PARAM": "M_MISSING_PARAMS"}

    policy: Policy = field(factory=Policy, converter=_delegate_policy)


@frozen(kw_only=True, slots=False)
class IdentityServer(Role):
    """The validation and the associations of an identity server.

    * ``openid``: asks homeservers whose an OpenID token is, such as ``OpenIdLookup``; users then get access tokens of
      this server at ``/account/register``. Default ``None``.
    * ``callers``: the access tokens of version 2, in place of ``openid``, for hosts that give tokens out themselves;
      raises ``Unauthorized`` or ``TermsNotSigned``. Default ``None``.
    * ``logins``: the store of access tokens and accepted terms; default in memory, for one process.
    * ``terms``: the documents that users have to accept, each a ``TermsDocument`` by its name; default none.
    * ``signer``: signs associations with the server's key. Required.
    * ``public_keys``: the verify keys of ``signer`` in unpadded base64 by id, and former ones that stay valid; default
      those of a ``NamedSigner``. Without any, the endpoints ``/pubkey`` are off.
    * ``verifier``: checks the signatures of homeservers on unbinds; ``None`` (default) accepts none.
    * ``associations``: the store of associations; default in memory, for one process.
    * ``invitation_keys``: makes the keys of invitations by mail, such as ``EphemeralKeys``; ``None`` (default): nobody
      can be invited.
    * ``onbind``: tells the homeserver of a user whose address was invited, such as ``HttpOnbind``; ``None`` (default):
      nobody is told, and the invited user needs the link of the mail.
    * ``invitations``: the store of invitations; default in memory, for one process.
    * ``serve_v1``: whether version 1 is served as well; default ``False`` (decision 31). Version 1 has no access
      tokens: every client can cause mails and SMS, and bind an address it has proved to any user.
    * ``signed_once``: whether the same signed unbind is refused within 24 hours if the address was bound again
      meanwhile; default ``False``. Such a request holds no time, so equal unbinds have equal signatures: a user who
      unbinds an address twice within 24 hours then needs a session of the address the second time.
    * ``policy``: as in ``Role``; default lifetimes are replaced by those of the identity API, and the default of
      ``max_body`` by 65,536, since a look-up of 1,000 hashes has 46,000 bytes.

    Raises ``ConfigurationError`` without ``openid`` and ``callers``, and with both. ``Role`` describes the other
    arguments.
    See https://spec.matrix.org/latest/identity-service-api/ and
    MSC2140, https://github.com/matrix-org/matrix-spec-proposals/pull/2140.
    """

    prefix: ClassVar[str] = "/_matrix/identity"
    submit_version: ClassVar[str] = "/v2"
    allow_headers: ClassVar[str | None] = ALLOW_HEADERS
    errcodes: ClassVar[Mapping[str, str]] = {
        "M_MISSING_PARAM": "M_MISSING_PARAMS",
        "M_MISSING_TOKEN": "M_UNAUTHORIZED",
        "M_UNKNOWN_TOKEN": "M_UNAUTHORIZED",
    }

    callers: ports.Callers | None = port(ports.Callers, None)
    openid: ports.OpenIdUsers | None = port(ports.OpenIdUsers, None)
    logins: ports.LoginStore = port(ports.LoginStore, MemoryLogins)
    terms: Mapping[str, TermsDocument] = field(factory=dict, validator=_are_terms)
    signer: ports.ObjectSigner = field(validator=implements(ports.ObjectSigner), repr=False)
    public_keys: Mapping[str, str] = field(default=Factory(_keys_of, takes_self=True))
    verifier: ports.RequestVerifier | None = port(ports.RequestVerifier, None)
    associations: ports.AssociationStore = port(ports.AssociationStore, MemoryAssociations)
    invitation_keys: ports.InvitationKeys | None = port(ports.InvitationKeys, None)
    onbind: ports.OnbindClient | None = port(ports.OnbindClient, None)
    invitations: ports.InvitationStore = port(ports.InvitationStore, MemoryInvitations)
    serve_v1: bool = field(default=False, validator=flag())
    signed_once: bool = field(default=False, validator=flag())
    policy: Policy = field(factory=Policy, converter=_server_policy)

    def __attrs_post_init__(self) -> None:
        """Check that there is one source of access tokens, beside what ``Role`` checks."""
        if (self.openid is None) is (self.callers is None):
            raise ConfigurationError(
                "openid: give OpenIdLookup(...) for access tokens of this server, or callers for those of your own"
            )
        super().__attrs_post_init__()

    async def identify(self, request: Request) -> Caller | None:
        """Return the caller of a request, by the access tokens of this server or as ``callers`` answers."""
        if self.callers is not None:
            return await super().identify(request)
        return await own_logins.caller_of(self, request)

    async def check_terms(self, caller: Caller) -> None:
        """Raise ``TermsNotSigned`` for a user who has not accepted every document in force."""
        if self.terms and missing(self.terms, await self.logins.accepted(caller.user_id)):
            raise TermsNotSigned
