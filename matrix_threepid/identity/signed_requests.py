"""Requests that homeservers sign for identity servers (MSC1915): signing them, and finding out who did."""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Iterable, Mapping
from typing import Any, Protocol

from attrs import field, frozen

from ..protocol.errors import Forbidden, Unauthorized
from ..protocol.wire import Request
from .signing import ALGORITHM, SigningKey, set_of, verifies
from .x_matrix import XMatrixHeader, header, read_headers

_LEGACY = "/_matrix/identity/api/v1/"


class Signer(Protocol):
    """Signs requests to identity servers with the homeserver's key."""

    def sign(self, method: str, uri: str, destination_is: str, content: Mapping[str, Any]) -> str:
        """Return an ``Authorization`` header. ``uri`` begins with ``/_matrix``; ``destination_is``: ``host[:port]``."""


class ServerKeys(Protocol):
    """Knows the keys homeservers publish."""

    def find(self, server_name: str, key_id: str) -> Awaitable[str | None]:
        """Return a key in unpadded base64 if it is valid now; raise ``Unavailable`` if nobody can tell right now."""


@frozen
class SignedRequest:
    """What a signature covers of a request: method, path with query, and the parsed body."""

    method: str
    uri: str
    content: Mapping[str, Any]

    def signed(self, origin: str, **destination: str) -> dict[str, Any]:
        """Return the object that is signed. Identity servers want ``destination_is``, homeservers ``destination``."""
        members = {"method": self.method, "uri": self.uri, "content": self.content}
        return {**members, "origin": origin, **destination}


@frozen
class RequestSigner:
    """The ``Signer`` that holds the key itself. ``server_name``: the homeserver's."""

    server_name: str
    key: SigningKey

    def sign(self, method: str, uri: str, destination_is: str, content: Mapping[str, Any]) -> str:
        signed = SignedRequest(method, uri, content).signed(self.server_name, destination_is=destination_is)
        # Servers that only know v1 refuse a header with this parameter; it is signed all the same.
        destination = None if uri.startswith(_LEGACY) else destination_is
        signature = self.key.signature(signed, self.server_name)
        return header(XMatrixHeader(self.server_name, self.key.id, signature, destination))


async def authenticate(
    request: SignedRequest, headers: Collection[str], own_names: Collection[str], keys: ServerKeys
) -> str:
    """Return the server that signed a request. ``headers``: all values of ``Authorization``.

    ``own_names``: what this identity server is called. One valid signature is enough. Raises ``Unauthorized`` without
    credentials, or with those for another server; ``Forbidden`` for other kinds of credentials and signatures that do
    not fit; ``Unavailable`` when the signer's key cannot be had right now.
    """
    given = read_headers(headers)
    if headers and not given:
        raise Forbidden("This needs the signature of a homeserver")
    ours = [each for each in given if each.destination is None or each.destination in own_names]
    if not ours:
        raise Unauthorized("This request is not signed, or for another server")
    for each in ours:
        if await _signed(request, each, own_names, keys):
            return each.origin
    raise Forbidden("The signature does not fit the request")


@frozen
class XMatrixVerifier:
    """A ``RequestVerifier``. ``own_names``: what this identity server is called; ``keys``: where keys are found."""

    own_names: frozenset[str] = field(converter=set_of)
    keys: ServerKeys = field(repr=False)

    async def origin(self, request: Request, body: Mapping[str, Any]) -> str:
        uri = f"{request.path}?{request.query}" if request.query else request.path
        given = request.headers.get("authorization")
        signed = SignedRequest(request.method, uri, body)
        return await authenticate(signed, () if given is None else (given,), _spellings(self.own_names), self.keys)


def _spellings(names: Iterable[str]) -> frozenset[str]:
    """Return server names with and without the usual port of HTTPS: homeservers sign what their users wrote."""
    return frozenset(spelling for name in names for spelling in (name.removesuffix(":443"), name, _with_port(name)))


def _with_port(name: str) -> str:
    bare = name.rpartition("]")[2]
    return name if ":" in bare else f"{name}:443"


async def _signed(request: SignedRequest, given: XMatrixHeader, names: Iterable[str], keys: ServerKeys) -> bool:
    if not given.key.startswith(f"{ALGORITHM}:"):
        return False
    public = await keys.find(given.origin, given.key)
    return public is not None and any(_fits(request, given, public, name) for name in names)


def _fits(request: SignedRequest, given: XMatrixHeader, public: str, name: str) -> bool:
    signatures = {"signatures": {given.origin: {given.key: given.sig}}}
    return any(
        verifies({**request.signed(given.origin, **{member: name}), **signatures}, given.origin, given.key, public)
        for member in ("destination_is", "destination")
    )
