"""Processes of the example that keep sessions and limits in a Valkey behave as one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from serving import Example, finished, written
from stores.valkey_server import server

from examples.homeserver.demo.person import Person
from matrix_threepid.testing.parts import Mailbox, fetch, press


def test_sessions_are_in_the_valkey_of_the_file(settings: dict[str, Any], tmp_path: Path, mailbox: Mailbox) -> None:
    """With ``sessions`` any process takes the next request, and one whose Valkey is gone does not start."""
    with server(tmp_path / "valkey") as url:
        settings["sessions"] = url
        with Example(settings, tmp_path) as first, Example(settings, tmp_path) as second:
            person = Person(first.url)
            person.register("keeper")
            sid = person.ask("add", "keeper@example.org")
            assert sid.sid.endswith(".0")
            press(fetch("GET", mailbox.next("keeper@example.org").link.replace(first.url, second.url)))
            person.add(sid)
            assert person.addresses() == ["keeper@example.org"]
    status, _, errors = finished("serve", "--config", str(written(settings, tmp_path)))
    assert status == 2
    assert errors.splitlines()[-1] == "examples.homeserver: valkey: no server answers"
