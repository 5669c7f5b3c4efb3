"""The account server in every framework: a client adds an address in each, and the framework serves the rest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from serving import FRAMEWORKS, ROOT, Framework

from matrix_threepid.testing.parts import Mailbox, Person, fetch, press

LONGEST = 60


@pytest.fixture(params=FRAMEWORKS)
def framework(request: pytest.FixtureRequest, settings: dict[str, Any], tmp_path: Path) -> Iterator[Framework]:
    with Framework(request.param, settings | {"listen": "127.0.0.1:1"}, tmp_path) as running:
        yield running


def test_the_account_server_runs_in_every_framework(framework: Framework, mailbox: Mailbox) -> None:
    """Registering, adding and listing an address work as they do alone; SIGTERM ends the process with status 0."""
    person = Person(framework.url)
    person.register("mover")
    session = person.ask("add", "mover@example.org")
    press(fetch("GET", mailbox.next("mover@example.org").link))
    person.add(session)
    assert person.addresses() == ["mover@example.org"]
    assert fetch("GET", f"{framework.url}/").status == 200
    assert fetch("GET", f"{framework.url}/_matrix/key/v2/server").status == 200
    assert (framework.stop(), [line for line in framework.errors.splitlines() if " HTTP/1." not in line]) == (0, [])


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_an_example_is_short(name: str) -> None:
    """What a framework needs of its own fits on a page."""
    lines = (ROOT / "examples" / "hosts" / f"{name}_app.py").read_text("utf-8").splitlines()
    assert len(lines) < LONGEST
