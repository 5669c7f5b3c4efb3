"""A homeserver, an identity server and a client as processes, and somebody who uses them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from ..site import Site
from .directory import Directory
from .parts import Mailbox, Phone, free_ports
from .person import Person, Scene
from .program import Client
from .targets import TARGETS

_numbers = count(1)


@pytest.fixture(scope="session")
def mailbox() -> Iterator[Mailbox]:
    """Where mails arrive."""
    mailbox = Mailbox()
    with mailbox.receiving():
        yield mailbox


@pytest.fixture(scope="session")
def phone() -> Iterator[Phone]:
    """Where text messages arrive."""
    phone = Phone()
    with phone.receiving():
        yield phone


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory, files: Mapping[str, Path]) -> Iterator[Client]:
    """A Matrix client."""
    with Client.running(tmp_path_factory.mktemp("client"), files["authority"]) as client:
        yield client


@pytest.fixture(scope="session")
def site(
    tmp_path_factory: pytest.TempPathFactory, files: Mapping[str, Path], mailbox: Mailbox, phone: Phone
) -> Callable[[str], Site]:
    """Sites for the identity server and the targets, by name."""
    names = ("directory", *TARGETS)
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    shared: dict[str, Any] = {"files": files, "mailbox": mailbox, "phone": phone, "peers": tuple(ports.values())}
    return lambda name: Site(folder=tmp_path_factory.mktemp(name), port=ports[name], **shared)


@pytest.fixture(scope="session")
def directory(site: Callable[[str], Site]) -> Iterator[Directory]:
    """An identity server."""
    with Directory.running(site("directory")) as directory:
        yield directory


@pytest.fixture(scope="session", params=TARGETS)
def homeserver(request: pytest.FixtureRequest, site: Callable[[str], Site]) -> Iterator[str]:
    """A homeserver; the fixture is its base URL."""
    with TARGETS[request.param](site(request.param)) as url:
        yield url


@pytest.fixture
def person(client: Client, homeserver: str, directory: Directory, mailbox: Mailbox, phone: Phone) -> Person:
    """Somebody without an account."""
    return Person(Scene(client, homeserver, directory, mailbox, phone), f"person{next(_numbers)}")


@pytest.fixture
def number() -> str:
    """A number nobody else has, of Great Britain, without country code and leading zero."""
    return f"7700900{next(_numbers):03}"
