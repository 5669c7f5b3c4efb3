"""The servers of the demo: a homeserver and two identity servers, each behind TLS under a name of its own."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

from matrix_threepid.endpoints import Endpoint
from matrix_threepid.settings import read
from matrix_threepid.testing import Certificates

from ..config import Config
from ..server import running
from .front import free_ports, fronted

_HERE = "127.0.0.1"


@define
class Building:
    """A server that can be taken down and put up again where it was. Its methods are for other threads."""

    name: str
    config: Config
    context: ssl.SSLContext
    extra: tuple[Endpoint, ...] = ()
    url: str = field(init=False, default="")
    _loop: Any = field(init=False, default=None)
    _up: AsyncExitStack = field(init=False, factory=AsyncExitStack)

    async def open(self) -> None:
        """Serve: plainly at ``url``, and with TLS at ``name``."""
        self._loop, self._up = asyncio.get_running_loop(), AsyncExitStack()
        self.url = await self._up.enter_async_context(running(self.config, self.extra))
        await self._up.enter_async_context(fronted(self.name, self.url, self.context))

    async def close(self) -> None:
        """Stop serving; its database stays."""
        await self._up.aclose()

    def die(self) -> None:
        """Stop serving, from another thread."""
        self._run(self.close())

    def come_back(self) -> None:
        """Serve again, from another thread."""
        self._run(self.open())

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result()


@frozen
class Town:
    """All of them."""

    homeserver: Building
    first: Building
    second: Building

    @classmethod
    def planned(cls, folder: Path, smtp_port: int, *extra: Endpoint, **settings: Any) -> Town:
        """Return them, not yet open. ``extra``, ``settings``: endpoints and settings of the homeserver's."""
        certificates, ports = Certificates.at(folder / "ca.pem"), free_ports(3)
        shared = _shared(certificates.file, ports, smtp_port)

        def building(port: int, *extra: Endpoint, **settings: Any) -> Building:
            here = {"server_name": f"localhost:{port}", "database": f"sqlite:///{folder / f'{port}.db'}"}
            config = read(Config, {**shared, **here, **settings})
            return Building(config.server_name, config, certificates.context, extra)

        homeserver, *others = ports
        return cls(building(homeserver, *extra, **settings), *(building(port, identity_server=True) for port in others))

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Town]:
        """Open all inside the block."""
        async with AsyncExitStack() as stack:
            for building in (self.homeserver, self.first, self.second):
                await building.open()
                stack.push_async_callback(building.close)
            yield self


def _shared(authority: Path, ports: list[int], smtp_port: int) -> dict[str, Any]:
    """Return the settings that are the same for all, as a file would give them."""
    return {
        "listen": f"{_HERE}:0",
        # The people of the demo ask for a second mail at once, where others have to wait for half a minute.
        "limits": {"per_address": {"burst": 5, "per_second": 0.1}},
        "smtp": {"host": _HERE, "port": smtp_port, "starttls": False, "from": "Example <noreply@example.org>"},
        "identity_servers": {
            "ca_file": str(authority),
            "allow_addresses": ["127.0.0.0/8", "::1/128"],
            "ports": ports,
            "retry_s": 0.1,
        },
    }


def twilio_at(url: str) -> dict[str, Any]:
    """Return the settings that lead to a stand-in for Twilio."""
    account = {"account_sid": "AC" + "0" * 32, "auth_token": "a token of the demo", "from": "+15005550006"}
    return {"base_url": url, **account, "countries": ["GB"]}
