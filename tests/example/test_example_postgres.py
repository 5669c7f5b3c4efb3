"""Several processes of the example on one PostgreSQL behave as one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from serving import Example, finished, written
from stores.postgres import database

from examples.homeserver.demo.directory import Directory
from examples.homeserver.demo.person import Person
from matrix_threepid.testing.parts import Mailbox, fetch, press


@pytest.fixture(scope="module")
def own(postgres: str) -> Iterator[str]:
    """The URI of a database."""
    with database(postgres) as uri:
        yield uri


def test_any_process_takes_the_next_request(
    own: str, settings: dict[str, Any], tmp_path: Path, mailbox: Mailbox
) -> None:
    """What one process begins (session, authentication, link), another one finishes."""
    settings |= {"database": own, "signing_key_file": str(tmp_path / "signing.key")}
    with Example(settings, tmp_path) as first, Example(settings, tmp_path) as second:
        here, there = Person(first.url), Person(second.url)
        body = {"username": "traveller", "password": here.password}
        session = here.call("POST", "/register", body, expected=401)["session"]
        there.use(there.call("POST", "/register", {**body, "auth": {"type": "m.login.dummy", "session": session}}))
        there.password = here.password
        sid = there.ask("add", "traveller@example.org")
        link = mailbox.next("traveller@example.org").link.replace(second.url, first.url)
        press(fetch("GET", link))
        there.add(sid)
        here.log_in_by("traveller@example.org")
        assert here.addresses() == ["traveller@example.org"]
        assert here.deactivate() == "success"
        there.call("GET", "/account/whoami", expected=401)
        assert (first.stop(), second.stop()) == (0, 0)


def test_any_process_of_an_identity_server_takes_the_next_request(
    own: str, settings: dict[str, Any], tmp_path: Path, mailbox: Mailbox
) -> None:
    """What the identity server keeps is in a schema of its own: tokens, sessions and associations."""
    key = {"database": own, "signing_key_file": str(tmp_path / "signing.key")}
    settings |= {**key, "identity_server": True}
    with Example(settings, tmp_path) as first, Example(settings, tmp_path) as second:
        person = Person(first.url)
        person.register("publisher")
        directory = Directory(person, "hs.example.org", second.url)
        directory.join()
        directory.url = first.url
        directory.prove("publisher@example.org", mailbox)
        directory.url = second.url
        published = directory.call("POST", "/3pid/bind", {**directory.credentials, "mxid": person.user_id})
        assert (published["mxid"], published["address"]) == (person.user_id, "publisher@example.org")


def test_a_database_that_is_not_there_is_refused_by_name(settings: dict[str, Any], tmp_path: Path) -> None:
    """A PostgreSQL that does not answer stops the start, and the key is named."""
    settings |= {"database": "postgresql://127.0.0.1:1/nothing", "signing_key_file": str(tmp_path / "signing.key")}
    status, _, errors = finished("serve", "--config", str(written(settings, tmp_path)))
    assert status == 2
    assert errors.splitlines()[-1].startswith("examples.homeserver: database: ")
