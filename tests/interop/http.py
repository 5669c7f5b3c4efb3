"""HTTP as a Matrix client speaks it: JSON out, JSON back."""

from __future__ import annotations

import json
import ssl
from http.client import HTTPConnection, HTTPSConnection
from typing import Any
from urllib.parse import urlencode

from attrs import frozen

from matrix_threepid.testing.rogue import authority

PATIENCE = 30.0
"""The s an answer may take."""


@frozen
class Answer:
    """A status and a JSON body."""

    status: int
    body: Any

    @property
    def refusal(self) -> tuple[int, str]:
        return self.status, self.body["errcode"]


@frozen
class Client:
    """Talks to a server at a port of this machine, below a base path."""

    port: int
    base: str = ""
    tls: bool = False

    def call(self, method: str, path: str, body: Any = None, token: str | None = None, **more: Any) -> Answer:
        """Make a request; its answer must be JSON. ``query``, ``headers``: more to send."""
        connection = self._connection()
        bearer = {"Authorization": f"Bearer {token}"} if token else {}
        headers = {"Content-Type": "application/json", **bearer, **more.get("headers", {})}
        target = f"{self.base}{path}?{urlencode(more.get('query', {}))}".rstrip("?")
        try:
            connection.request(method, target, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            return Answer(response.status, json.loads(response.read()))
        finally:
            connection.close()

    def _connection(self) -> HTTPConnection:
        if not self.tls:
            return HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        context = ssl.create_default_context()
        authority().configure_trust(context)
        return HTTPSConnection("localhost", self.port, timeout=PATIENCE, context=context)

    def post(self, path: str, body: Any, token: str | None = None) -> Answer:
        return self.call("POST", path, body, token)

    def get(self, path: str, token: str | None = None, **query: str) -> Answer:
        return self.call("GET", path, None, token, query=query)

    def status(self, method: str, path: str) -> int:
        """Make a request whose answer may be anything; return its status."""
        connection = self._connection()
        try:
            connection.request(method, f"{self.base}{path}")
            return connection.getresponse().status
        finally:
            connection.close()
