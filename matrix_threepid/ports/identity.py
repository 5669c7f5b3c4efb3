"""The ports for the identity API: a client for identity servers, and making and checking signatures."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from enum import Enum
from typing import Protocol

from attrs import field, frozen

from ..model.identity import BindAnswer, InviteAnswer, KeyAnswer, LookUpAnswer, ProvedAnswer, UnbindAnswer
from ..model.room_invite import InviteRequest
from ..model.threepid import Medium, Threepid
from ..protocol.members import redacted
from ..protocol.wire import Request


@frozen
class Credentials:
    """A session of an identity server.

    * ``sid``: its id.
    * ``client_secret``: its client secret; its representation is redacted.
    """

    sid: str
    client_secret: str = field(repr=redacted)


class IdentityServerClient(Protocol):
    """Calls identity servers. Every failure of a server or of the network is an answer and never an exception.

    Arguments of the methods:

    * ``id_server``: the server in normal form, ``host[:port][/path]``.
    * ``access_token``: the user's token for that server, sent to no other server (SEC-40).
    * ``credentials``: the session at that server.
    * ``user_id``: the user for whom an address is published.
    * ``deadline``: the ms that one call may take from start to end.

    See MSC2290, https://github.com/matrix-org/matrix-spec-proposals/pull/2290, and
    MSC2140, https://github.com/matrix-org/matrix-spec-proposals/pull/2140.
    """

    def proved(
        self, id_server: str, access_token: str, credentials: Credentials, deadline: int
    ) -> Awaitable[ProvedAnswer]:
        """Return the address that a session has proved.

        See https://spec.matrix.org/latest/identity-service-api/#get_matrixidentityv23pidgetvalidated3pid.
        """

    def bind(
        self, id_server: str, access_token: str, credentials: Credentials, user_id: str, deadline: int
    ) -> Awaitable[BindAnswer]:
        """Publish the address of a session for a user.

        See https://spec.matrix.org/latest/identity-service-api/#post_matrixidentityv23pidbind.
        """

    def unbind(
        self, id_server: str, user_id: str, medium: Medium, address: str, deadline: int
    ) -> Awaitable[UnbindAnswer]:
        """End the publication of an address, by a request signed with the key of this homeserver (REQ-UNBIND-2).

        See https://spec.matrix.org/latest/identity-service-api/#post_matrixidentityv23pidunbind.
        """


class InvitationClient(Protocol):
    """Calls identity servers about invitations of addresses. Every failure is an answer and never an exception.

    Arguments of the methods:

    * ``id_server``: the server in normal form, ``host[:port][/path]``.
    * ``access_token``: the inviter's token for that server, sent to no other server (SEC-40).
    * ``deadline``: the ms that one call may take from start to end.

    See https://spec.matrix.org/latest/client-server-api/#third-party-invites.
    """

    def look_up(
        self, id_server: str, access_token: str, threepid: Threepid, user_id: str, deadline: int
    ) -> Awaitable[LookUpAnswer]:
        """Return the user whose address the server publishes.

        * ``threepid``: the address, hashed before it is sent if the server offers ``sha256``.
        * ``user_id``: the inviter, so that nobody takes more than a share of the calls; it is not sent.

        See https://spec.matrix.org/latest/identity-service-api/#post_matrixidentityv2lookup.
        """

    def store_invite(
        self, id_server: str, access_token: str, invite: InviteRequest, deadline: int
    ) -> Awaitable[InviteAnswer]:
        """Let the server keep an invitation and tell the address of it.

        * ``invite``: the invitation.

        See https://spec.matrix.org/latest/identity-service-api/#post_matrixidentityv2store-invite.
        """

    def key_is_valid(self, url: str, public_key: str, deadline: int) -> Awaitable[KeyAnswer]:
        """Return whether a key was revoked.

        * ``url``: the ``key_validity_url`` of an invitation, as a stranger wrote it.
        * ``public_key``: the key in base64.

        See https://spec.matrix.org/latest/identity-service-api/#get_matrixidentityv2pubkeyisvalid.
        """


class OpenIdUsers(Protocol):
    """Asks homeservers whose an OpenID token is."""

    def user_of(self, server_name: str, access_token: str, caller: str) -> Awaitable[str | None]:
        """Return the user id that a homeserver names; ``None`` if it does not know the token.

        * ``server_name``: the homeserver, as a stranger names it. Raises ``Unauthorized`` for what is no server name.
        * ``access_token``: the OpenID token.
        * ``caller``: the network for which is asked, so that nobody takes more than a share of the calls.

        Raises ``Unavailable`` if the homeserver does not answer. See
        https://spec.matrix.org/latest/server-server-api/#openid.
        """


class ObjectSigner(Protocol):
    """Signs JSON objects with the server's key.

    See https://spec.matrix.org/latest/appendices/#signing-json.
    """

    def sign(self, value: Mapping[str, object]) -> dict[str, object]:
        """Return ``value`` with the server's signature under ``signatures``."""


class InvitationKeys(Protocol):
    """Makes and uses the keys of single invitations; none of them is kept.

    See https://spec.matrix.org/latest/identity-service-api/#invitation-storage.
    """

    def public_of(self, seed: bytes) -> str:
        """Return the verify key of a signing key in unpadded base64; ``seed``: the signing key, 32 bytes."""

    def sign(self, seed: bytes, value: Mapping[str, object]) -> dict[str, object]:
        """Return ``value`` with a signature of this server by the key ``seed`` under ``signatures``.

        See https://spec.matrix.org/latest/identity-service-api/#post_matrixidentityv2sign-ed25519.
        """


class Told(Enum):
    """What a homeserver that was told of a bind has done.

    * ``TAKEN``: it took all invitations.
    * ``REFUSED``: it refused at least one of them, or has no such endpoint.
    * ``AWAY``: it did not answer, or is busy.
    """

    TAKEN = "taken"
    REFUSED = "refused"
    AWAY = "away"


class OnbindClient(Protocol):
    """Tells homeservers that an invited address was bound to one of their users."""

    def tell(self, server_name: str, body: Mapping[str, object], deadline: int) -> Awaitable[Told]:
        """Tell a homeserver; every failure of it or of the network is an answer and never an exception.

        * ``server_name``: the homeserver, as the user id names it.
        * ``body``: the request, with the signed invitations.
        * ``deadline``: the ms that the call may take.

        See https://spec.matrix.org/latest/server-server-api/#put_matrixfederationv13pidonbind.
        """


class RequestVerifier(Protocol):
    """Checks the signatures of homeservers on requests.

    See https://spec.matrix.org/latest/server-server-api/#request-authentication.
    """

    def origin(self, request: Request, body: Mapping[str, object]) -> Awaitable[str]:
        """Return the name of the server that signed a request to this server.

        Raises ``Unauthorized`` if a signature is missing, malformed or not valid.
        """
