"""The stories notice servers that break a rule: one that cannot fail says nothing about those it passes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
from attrs import evolve
from example.serving import written
from interop.serving import served

from examples.homeserver import passwords
from examples.homeserver.app import Parts as Wiring
from examples.homeserver.app import assemble, senders_of
from examples.homeserver.config import Config, read_config
from examples.homeserver.demo.front import free_ports
from examples.homeserver.endpoints import SERVER_ENDPOINTS, TABLE
from examples.homeserver.home import Home
from examples.homeserver.peers import Peers
from examples.homeserver.storage import secret_of
from examples.homeserver.tables import HOMESERVER, prepare
from matrix_threepid import Medium, Service
from matrix_threepid.hosts.asgi import Asgi
from matrix_threepid.protocol.endpoint import Table
from matrix_threepid.stores.sql import SqlLimits, SqlSessions
from matrix_threepid.stores.sqlite import Sqlite
from matrix_threepid.testing.journeys import JOURNEYS, Parts, Result, run

from .broken import BROKEN, Broken
from .settings import settings_for


@pytest.fixture(autouse=True)
def passwords_are_hashed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes take longer than all the rest, and are the same whatever is broken."""
    monkeypatch.setattr(passwords, "_COST", 2)


_STORIES = {journey.name: journey for journey in JOURNEYS}
WHOLE = Broken("whole", "", "")


@contextmanager
def serving(broken: Broken, parts: Parts, folder: Path) -> Iterator[str]:
    """Serve the example with one rule broken; yield its URL."""
    (port,) = free_ports(1)
    settings = {**settings_for(parts), "policy": {"mail_proof": broken.mail_proof}, "listen": f"127.0.0.1:{port}"}
    config = read_config(written(settings, folder))
    with ExitStack() as stack:
        db = stack.enter_context(closing(Sqlite(folder / "example.db")))
        asyncio.run(prepare(db, HOMESERVER))
        home = broken.wire(_assembled(config, db, port))
        stack.callback(home.senders[Medium.EMAIL].close)  # type: ignore[attr-defined]
        beside = Asgi(Service(home, Table("", SERVER_ENDPOINTS)))
        with served(broken.front(Asgi(Service(home, TABLE), beside)), port=port):
            yield f"http://127.0.0.1:{port}"


def _assembled(config: Config, db: Sqlite, port: int) -> Home:
    secret = secret_of(config)
    stores = SqlSessions(db), SqlLimits(db)
    parts = Wiring(config, db, *stores, secret, Peers.of(config, secret), senders_of(config))
    return assemble(parts, config.base_url(port))


def told(broken: Broken, names: list[str], parts: Parts, folder: Path) -> list[Result]:
    """Return what comes of some stories on a server."""
    with serving(broken, parts, folder) as url:
        return list(run([_STORIES[name] for name in names], parts.around(url)))


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: f"{broken.name}-{broken.story}")
def test_a_broken_server_is_caught(broken: Broken, parts: Parts, tmp_path: Path) -> None:
    """Each fails the story about what it does wrong, at the step where it does."""
    (result,) = told(broken, [broken.story], parts, tmp_path)
    assert (result.outcome, result.why.startswith(broken.step)) == ("failed", True), result


@pytest.mark.parametrize("mail_proof", ["link", "code"])
def test_the_same_server_unbroken_is_not_caught(parts: Parts, tmp_path: Path, mail_proof: str) -> None:
    """Nothing but the rule that is broken makes the stories fail."""
    names = list(dict.fromkeys(broken.story for broken in BROKEN if broken.mail_proof == mail_proof))
    results = told(evolve(WHOLE, mail_proof=mail_proof), names, parts, tmp_path)
    assert [str(result) for result in results if result.outcome != "ok"] == []
