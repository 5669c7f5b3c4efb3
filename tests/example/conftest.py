"""The example as its users run it: a process of its own, a mail server on loopback, a person with a client."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parents[2]))  # at the end: an installed matrix_threepid comes first

from neighbours import Pair
from serving import Example, smtp_settings

from examples.homeserver.demo.person import Person
from matrix_threepid.testing.parts import Mailbox

GENEROUS = {"burst": 1000, "per_second": 1000}


@pytest.fixture(scope="session")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop in a thread."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()
    yield loop
    asyncio.run_coroutine_threadsafe(_end_tasks(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture(scope="session")
def mail() -> Iterator[tuple[Mailbox, int]]:
    """A mail server, and its port."""
    mailbox = Mailbox()
    with mailbox.receiving() as port:
        yield mailbox, port


async def _end_tasks() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture(scope="session")
def mailbox(mail: tuple[Mailbox, int]) -> Mailbox:
    """The mailboxes."""
    return mail[0]


@pytest.fixture
def settings(mail: tuple[Mailbox, int], tmp_path: Path) -> dict[str, Any]:
    """A configuration with a file of its own."""
    return {**base_settings(mail[1]), "database": f"sqlite:///{tmp_path / 'example.db'}"}


@pytest.fixture(scope="session")
def server(mail: tuple[Mailbox, int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Example]:
    """A server in memory that many tests share."""
    denied = {"denied_email_domains": ["Denied.example.com"]}
    with Example({**base_settings(mail[1]), **denied}, tmp_path_factory.mktemp("example")) as example:
        yield example


@pytest.fixture
def person(server: Example) -> Person:
    """Somebody without an account."""
    return Person(server.url)


def base_settings(smtp_port: int) -> dict[str, Any]:
    return {
        "listen": "127.0.0.1:0",
        "server_name": "hs.example.org",
        "smtp": smtp_settings(smtp_port),
        "limits": {"per_address": GENEROUS, "per_client": GENEROUS},
    }


@pytest.fixture(scope="session")
def pair(
    mail: tuple[Mailbox, int], loop: asyncio.AbstractEventLoop, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    """A homeserver and an identity server, two processes behind TLS that many tests share, each with its own users."""
    with ExitStack() as stack:
        yield Pair.started(stack, loop, base_settings(mail[1]), tmp_path_factory.mktemp("pair"))


@pytest.fixture
def own_pair(mail: tuple[Mailbox, int], loop: asyncio.AbstractEventLoop, tmp_path: Path) -> Iterator[Pair]:
    """Two more, to stop and to start again."""
    with ExitStack() as stack:
        yield Pair.started(stack, loop, base_settings(mail[1]), tmp_path)


@pytest.fixture(scope="session")
def secure_pair(
    mail: tuple[Mailbox, int], loop: asyncio.AbstractEventLoop, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    """Two more, whose links and keys are at https URLs, as invitations of addresses need."""
    with ExitStack() as stack:
        yield Pair.started(stack, loop, base_settings(mail[1]), tmp_path_factory.mktemp("secure"), secure=True)
