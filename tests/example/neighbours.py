"""Two processes of the example behind TLS, a homeserver and an identity server, and a person who uses both."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from attrs import define, field, frozen
from serving import Example

from examples.homeserver.demo.directory import Directory
from examples.homeserver.demo.front import free_ports, fronted
from examples.homeserver.demo.person import Person
from examples.homeserver.demo.scene import Story
from examples.homeserver.demo.town import Town
from matrix_threepid.testing.parts import Certificates, Mailbox, Phone


@define
class Neighbour:
    """One process and what is needed to start it again in the same place."""

    name: str
    settings: dict[str, Any]
    folder: Path
    example: Example = field(init=False)

    @property
    def url(self) -> str:
        """Where it listens without TLS."""
        return f"http://{self.settings['listen']}"

    def start(self, **settings: Any) -> None:
        """Start it, perhaps with other settings."""
        self.settings.update(settings)
        self.example = Example(self.settings, self.folder).__enter__()

    @contextmanager
    def running(self) -> Iterator[Neighbour]:
        """Start it in a folder of its own, and end whichever process it is by then."""
        self.folder.mkdir()
        self.start()
        try:
            yield self
        finally:
            self.example.__exit__()

    def stop(self) -> None:
        """End it; what it stored stays."""
        assert self.example.stop() == 0
        self.example.__exit__()


@frozen
class Pair:
    """Both."""

    homeserver: Neighbour
    identity: Neighbour

    @classmethod
    def started(
        cls,
        stack: ExitStack,
        loop: asyncio.AbstractEventLoop,
        settings: dict[str, Any],
        folder: Path,
        secure: bool = False,
    ) -> Pair:
        """Start both; ``stack`` ends them. ``secure``: links lead to where they are behind TLS, as invitations need."""
        certificates, ports = Certificates.at(folder / "ca.pem"), free_ports(4)
        shared = {**settings, "identity_servers": _servers(certificates, ports)}

        def neighbour(name: str, port: int, plain: int) -> Neighbour:
            here = {"server_name": f"localhost:{port}", "listen": f"127.0.0.1:{plain}"}
            here |= {"database": f"sqlite:///{folder / f'{name}.db'}", "identity_server": name == "identity"}
            here |= {"public_base_url": f"https://localhost:{port}"} if secure else {}
            made = Neighbour(f"localhost:{port}", {**shared, **here}, folder / name)
            stack.enter_context(_behind_tls(made, certificates, loop))
            return stack.enter_context(made.running())

        return cls(neighbour("homeserver", *ports[:2]), neighbour("identity", *ports[2:]))

    def resident(self, name: str) -> tuple[Person, Directory]:
        """Return a person with an account, and them at the identity server."""
        person = Person(self.homeserver.url)
        person.register(name)
        directory = Directory(person, self.identity.name, self.identity.url)
        directory.join()
        return person, directory

    def published(self, address: str) -> str | None:
        """Return whose address it is, as the identity server's database has it."""
        file = self.identity.folder.parent / "identity.db.identity_server"
        with closing(sqlite3.connect(file)) as db:
            rows = db.execute("SELECT mxid FROM matrix_threepid_associations WHERE address = ?", (address,)).fetchall()
        return rows[0][0] if rows else None

    def publish(self, name: str, mailbox: Mailbox) -> tuple[Person, Directory]:
        """Let a new person publish an address of that name."""
        person, directory = self.resident(name)
        directory.publish(f"{name}@example.org", mailbox)
        return person, directory


def lonely(url: str, folder: Path, mailbox: Mailbox) -> Story:
    """Return the demo's story at a server that has no others around it."""
    town = Town.planned(folder, 25)
    town.homeserver.url = url
    return Story.of(town, mailbox, Phone())


def _servers(certificates: Certificates, ports: list[int]) -> dict[str, Any]:
    """Return how identity servers are reached here."""
    here = ["127.0.0.0/8", "::1/128"]
    return {"ca_file": str(certificates.file), "allow_addresses": here, "ports": ports, "retry_s": 0.1}


@contextmanager
def _behind_tls(neighbour: Neighbour, certificates: Certificates, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Serve TLS at a neighbour's name, whether it runs or not."""
    front = fronted(neighbour.name, neighbour.url, certificates.context)
    asyncio.run_coroutine_threadsafe(front.__aenter__(), loop).result()
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(front.__aexit__(None, None, None), loop).result()
