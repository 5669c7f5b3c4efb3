"""The identity server and the user's homeserver as the net reaches them, and the lies that they may tell."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from urllib.parse import parse_qs

from ...identity.signing import SigningKey, new_signing_key
from ...net.fetch import Failure, HttpFailure, HttpReply, HttpRequest
from ...ports import Clock
from ...protocol.wire import Request
from ...service import Service
from .faults import Part
from .net import Answer, Server, said

HOMESERVER, IDENTITY_SERVER = "hs.example.org", "id.example.org"
_DAY = 86_400_000
_HTML = HttpReply(200, b"<html><body>It works!</body></html>")
_LOST = HttpFailure(Failure.LOST)


@cache
def key_of(server: str) -> SigningKey:
    """Return the signing key of a server, made once."""
    return new_signing_key("a_1")


def identity_server(service: Callable[[], Service], turn: Callable[[], int]) -> Server:
    """Return an identity server.

    * ``service``: returns its endpoints.
    * ``turn``: returns a number; the lies take turns by it.
    """

    async def serve(request: HttpRequest) -> HttpReply:
        headers = {name.lower(): value for name, value in request.headers}
        asked = Request(request.method, request.path, headers, request.query, request.body or b"", "198.51.100.1")
        answer = await service().handle(asked)
        return HttpReply(answer.status, answer.body)

    def lie(request: HttpRequest, answer: HttpReply) -> Answer:
        if request.path.endswith("/unbind"):
            # A false "it is done" could not be told from a true one, so this server denies what it has done.
            return (_LOST, said(403, {"errcode": "M_FORBIDDEN", "error": "No"}))[turn() % 2]
        other = {"medium": "email", "address": "somebody@example.com", "mxid": "@somebody:example.com"}
        return (_LOST, _HTML, said(200, {}), said(200, other))[turn() % 4]

    return Server(Part.IDENTITY, serve, lie)


def key_server(clock: Clock, turn: Callable[[], int]) -> Server:
    """Return a homeserver that publishes its key, and says whose an OpenID token is: the token is the user id."""

    async def serve(request: HttpRequest) -> HttpReply:
        if "/openid/" in request.path:
            return said(200, {"sub": parse_qs(request.query)["access_token"][0]})
        key = key_of(HOMESERVER)
        keys = {"server_name": HOMESERVER, "verify_keys": {key.id: {"key": key.public}}, "old_verify_keys": {}}
        return said(200, key.sign({**keys, "valid_until_ts": clock() + _DAY}, HOMESERVER))

    def lie(request: HttpRequest, answer: HttpReply) -> Answer:
        if "/openid/" in request.path:
            return (_LOST, _HTML, said(200, {"sub": "@somebody:example.com"}))[turn() % 3]
        keys = json.loads(answer.body)
        return (_LOST, _HTML, said(200, {**keys, "server_name": "example.com"}))[turn() % 3]

    return Server(Part.KEYS, serve, lie)
