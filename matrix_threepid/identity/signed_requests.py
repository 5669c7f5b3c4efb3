"""Requests that homeservers sign for identity servers: how to sign one, and how to find out who signed it.

Source: https://github.com/matrix-org/matrix-spec-proposals/pull/1915,
https://spec.matrix.org/latest/server-server-api/#request-authentication
"""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Iterable, Iterator, Mapping
from typing import Any, Protocol
from urllib.parse import quote

from attrs import field, frozen

from ..protocol.errors import Forbidden, Unauthorized
from ..protocol.wire import Request
from .signing import ALGORITHM, SigningKey, set_of, verifies
from .x_matrix import XMatrixHeader, header, read_headers

_LEGACY = "/_matrix/identity/api/v1/"


class Signer(Protocol):
    """Signs requests to identity servers with the homeserver's key."""

    def sign(self, method: str, uri: str, destination_is: str, content: Mapping[str, Any]) -> str:
        """Return the value of an ``Authorization`` header.

        * ``method``: the HTTP method.
        * ``uri``: the path from ``/_matrix`` on, without a path of the identity server's own before it.
        * ``destination_is``: the identity server, ``host[:port]``.
        * ``content``: the parsed body.
        """


class ServerKeys(Protocol):
    """Finds the keys that homeservers publish; ``KeyLookup`` does so over HTTPS."""

    def find(self, server_name: str, key_id: str) -> Awaitable[str | None]:
        """Return a verify key (unpadded base64) if it is valid, else ``None``; raise ``Unavailable`` in an outage."""


@frozen
class SignedRequest:
    """The parts of a request that its signature covers.

    * ``method``: the HTTP method.
    * ``uri``: path and query.
    * ``content``: the parsed body.
    * ``uris``: other spellings of ``uri``, one of which may have been signed; default none.
    """

    method: str
    uri: str
    content: Mapping[str, Any]
    uris: tuple[str, ...] = ()

    def signed(self, origin: str, **destination: str) -> dict[str, Any]:
        """Return the object that is signed.

        * ``origin``: the homeserver that signs.
        * ``destination``: ``destination_is`` for an identity server (MSC1915), or ``destination`` for a homeserver.
        """
        members = {"method": self.method, "uri": self.uri, "content": self.content}
        return {**members, "origin": origin, **destination}


@frozen
class RequestSigner:
    """The ``Signer`` that has the key in this process.

    * ``server_name``: the name of the homeserver.
    * ``key``: its signing key.
    """

    server_name: str
    key: SigningKey

    def sign(self, method: str, uri: str, destination_is: str, content: Mapping[str, Any]) -> str:
        signed = SignedRequest(method, uri, content).signed(self.server_name, destination_is=destination_is)
        # Servers that have v1 only cannot read a header with the parameter `destination`; the member is signed anyway.
        destination = None if uri.startswith(_LEGACY) else destination_is
        signature = self.key.signature(signed, self.server_name)
        return header(XMatrixHeader(self.server_name, self.key.id, signature, destination))

    def for_homeserver(self, method: str, uri: str, destination: str, content: Mapping[str, Any]) -> str:
        """Return the value of an ``Authorization`` header of a request to another homeserver.

        * ``method``, ``uri``, ``content``: as in ``sign``; ``uri`` as it is sent, encoded.
        * ``destination``: the name of that homeserver.

        See https://spec.matrix.org/latest/server-server-api/#request-authentication.
        """
        signed = SignedRequest(method, uri, content).signed(self.server_name, destination=destination)
        signature = self.key.signature(signed, self.server_name)
        return header(XMatrixHeader(self.server_name, self.key.id, signature, destination))


async def authenticate(
    request: SignedRequest, headers: Collection[str], own_names: Collection[str], keys: ServerKeys
) -> str:
    """Return the name of the server that signed a request; one valid signature is enough.

    * ``request``: the request.
    * ``headers``: all values of ``Authorization``.
    * ``own_names``: the names of this identity server.
    * ``keys``: finds the signer's key.

    Raises ``Unauthorized`` without credentials and for those with the name of another server, ``Forbidden`` for
    credentials of another scheme and for wrong signatures, ``Unavailable`` if the signer's key cannot be fetched now.
    """
    credentials = read_headers(headers)
    if headers and not credentials:
        raise Forbidden("This needs the signature of a homeserver")
    # A header without a destination is checked too: the signed object has to name one of ours (SEC-125).
    ours = [each for each in credentials if each.destination is None or each.destination in own_names]
    if not ours:
        raise Unauthorized("This request is not signed, or for another server")
    for each in ours:
        if await _signed(request, each, own_names, keys):
            return each.origin
    raise Forbidden("The signature does not fit the request")


@frozen
class XMatrixVerifier:
    """The ``RequestVerifier`` for ``X-Matrix`` headers.

    * ``own_names``: the names of this identity server, any collection of them.
    * ``keys``: finds the keys of homeservers, such as a ``KeyLookup``.
    """

    own_names: frozenset[str] = field(converter=set_of)
    keys: ServerKeys = field(repr=False)

    async def origin(self, request: Request, body: Mapping[str, Any]) -> str:
        query = f"?{request.query}" if request.query else ""
        uri, *others = (f"{path}{query}" for path in _encodings(request.path))
        header_value = request.headers.get("authorization")
        signed = SignedRequest(request.method, uri, body, tuple(others))
        values = () if header_value is None else (header_value,)
        return await authenticate(signed, values, _spellings(self.own_names), self.keys)


def _encodings(path: str) -> Iterator[str]:
    """Yield the spellings of a path, which web servers hand on decoded, in which homeservers sign it.

    Some encode all they may, such as the ``!`` and ``:`` of a room id, others only what they must.
    """
    yield from dict.fromkeys((path, quote(path, safe="/"), quote(path, safe="/!$&'()*+,;=:@~")))


def _spellings(names: Iterable[str]) -> frozenset[str]:
    """Return server names with and without the usual port of HTTPS: homeservers sign what their users wrote."""
    return frozenset(spelling for name in names for spelling in (name.removesuffix(":443"), name, _with_port(name)))


def _with_port(name: str) -> str:
    after_ipv6 = name.rpartition("]")[2]
    return name if ":" in after_ipv6 else f"{name}:443"


async def _signed(request: SignedRequest, credentials: XMatrixHeader, names: Iterable[str], keys: ServerKeys) -> bool:
    # Before the look-up, which costs a request to the server that the credentials name.
    if not credentials.key.startswith(f"{ALGORITHM}:"):
        return False
    public = await keys.find(credentials.origin, credentials.key)
    return public is not None and any(_verifies(request, credentials, public, name) for name in names)


def _verifies(request: SignedRequest, credentials: XMatrixHeader, public: str, name: str) -> bool:
    origin, key_id = credentials.origin, credentials.key
    signatures = {"signatures": {origin: {key_id: credentials.sig}}}
    # Homeservers whose code for federation signs this too write `destination` in place of MSC1915's `destination_is`.
    return any(
        verifies({**request.signed(origin, **{member: name}), "uri": uri, **signatures}, origin, key_id, public)
        for member in ("destination_is", "destination")
        for uri in (request.uri, *request.uris)
    )
