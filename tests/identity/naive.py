"""A client that is not safe, under the contract; ``test_naive.py`` runs this file and expects failures."""

from __future__ import annotations

import socket
import ssl
from http.client import HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
from attrs import frozen

from matrix_threepid.net.fetch import HttpReply, HttpRequest
from matrix_threepid.testing.contracts.fetch import SafeFetchContract, Setting
from matrix_threepid.testing.contracts.fetch_cases import HERE


class Dialled(HTTPSConnection):
    """Connects without a look at the address; to loopback in any case, so that nobody else is called."""

    def connect(self) -> None:
        """Connect without a look at the name of the certificate either."""
        context = ssl._create_unverified_context()  # noqa: S323  it is the point
        self.sock = context.wrap_socket(socket.create_connection((HERE, self.port), 2))


@frozen
class Naive:
    """A ``Fetch`` that follows redirects and reads all there is."""

    setting: Setting

    async def fetch(self, request: HttpRequest, deadline: int) -> HttpReply:
        headers = {"Host": request.authority, "Cookie": "a=b", **dict(request.headers)}
        connection = Dialled(request.host, request.port)
        for _ in range(2):
            self.setting.resolve(request.host, request.port)
        connection.request(request.method, request.target, request.body, headers)
        response = connection.getresponse()
        location = response.getheader("Location")
        if location:
            connection.close()
            connection.request(request.method, urlsplit(location).path, request.body, headers)
            response = connection.getresponse()
        return HttpReply(response.status, response.read())


class TestNaive(SafeFetchContract):
    """Fails."""

    @pytest.fixture
    def make_fetch(self) -> Any:
        return Naive
