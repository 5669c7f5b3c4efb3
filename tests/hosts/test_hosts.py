"""Every host we have keeps the contract of hosts, as the root of a server and below a prefix."""

# ruff: noqa: D101  their names say which they are
from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from attrs import frozen
from twisted.web.resource import Resource

from matrix_threepid.hosts.asgi import Asgi, Receive, Scope, Send
from matrix_threepid.hosts.twisted import ThreepidResource
from matrix_threepid.hosts.wsgi import Wsgi
from matrix_threepid.service import Service
from matrix_threepid.testing import HostContract

from .serving import twisted_serving, uvicorn_serving, werkzeug_serving, wsgiref_serving

PREFIX = "/below/här"
ENCODED = "/below/h%C3%A4r"


@contextmanager
def below(serving: Any) -> Any:
    """Add the prefix to the base URL of a server."""
    with serving as url:
        yield url + ENCODED


class TestAsgi(HostContract):
    @pytest.fixture
    def serve(self) -> Any:
        return lambda service, header=None: uvicorn_serving(Asgi(service, client_header=header))


@frozen
class Mounted:
    """An ASGI application below the prefix, as a framework mounts it."""

    app: Asgi

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app({**scope, "root_path": PREFIX}, receive, send)


class TestAsgiBelow(HostContract):
    @pytest.fixture
    def serve(self) -> Any:
        return lambda service, header=None: below(uvicorn_serving(Mounted(Asgi(service, client_header=header))))


class TestWsgiref(HostContract):
    unsupported: Mapping[str, str] = {
        "chunks": "wsgiref does not decode them",
        "encoded slash": "wsgiref does not tell paths as they were sent",
    }

    @pytest.fixture
    def serve(self) -> Any:
        return lambda service, header=None: wsgiref_serving(Wsgi(service, client_header=header))


class TestWerkzeug(HostContract):
    @pytest.fixture
    def serve(self) -> Any:
        return lambda service, header=None: werkzeug_serving(Wsgi(service, client_header=header))


def mounted(app: Wsgi) -> Any:
    """Return a WSGI application below the prefix, as a framework mounts it."""
    cut = PREFIX.encode().decode("latin-1")

    def mount(environ: dict[str, Any], start_response: Any) -> Any:
        shifted = {"SCRIPT_NAME": cut, "PATH_INFO": environ["PATH_INFO"].removeprefix(cut)}
        return app({**environ, **shifted}, start_response)

    return mount


class TestWerkzeugBelow(HostContract):
    @pytest.fixture
    def serve(self) -> Any:
        return lambda service, header=None: below(werkzeug_serving(mounted(Wsgi(service, client_header=header))))


class TestTwisted(HostContract):
    @pytest.fixture
    def serve(self) -> Any:
        return lambda service, header=None: twisted_serving(resource_of(service, header), max_body_of(service))


class TestTwistedBelow(HostContract):
    @pytest.fixture
    def serve(self) -> Any:
        def served(service: Service, header: str | None = None) -> Any:
            root, step = Resource(), Resource()
            root.putChild(b"below", step)
            step.putChild("här".encode(), resource_of(service, header))
            return below(twisted_serving(root, max_body_of(service)))

        return served


def resource_of(service: Service, header: str | None) -> ThreepidResource:
    return ThreepidResource(service, client_header=header)


def max_body_of(service: Service) -> int:
    return service.max_body
