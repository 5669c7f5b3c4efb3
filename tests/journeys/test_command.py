"""``python -m matrix_threepid journeys``: a line for each story, and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from socket import create_server
from typing import Any

import pytest
from example.serving import Example

from examples.homeserver.demo.front import free_ports
from matrix_threepid.__main__ import main
from matrix_threepid.testing.journeys import JOURNEYS, open_surroundings

from .settings import settings_for

NAMES = ["add-an-address", "add-a-number", "delete-takes-back"]
_OPTIONS = ("--mail", "--sms", "--identity-server")


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Where the command shall listen, and keep its authority."""
    places = (
        f"{host}:{port}" for host, port in zip(("127.0.0.1", "127.0.0.1", "localhost"), free_ports(3), strict=True)
    )
    authority = tmp_path_factory.mktemp("authority") / "authority.pem"
    return {**dict(zip(_OPTIONS, places, strict=True)), "--authority": str(authority)}


@pytest.fixture(scope="module")
def example(places: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Example]:
    """A server configured for these places before anything listens there."""
    with open_surroundings(*(places[option] for option in _OPTIONS), Path(places["--authority"])) as parts:
        settings: dict[str, Any] = settings_for(parts)
    with Example(settings, tmp_path_factory.mktemp("command")) as example:
        yield example


def journeys(example: Example, *arguments: str) -> int:
    return main(["journeys", "--base-url", example.url, *arguments])


def test_what_goes_well_is_said(example: Example, places: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """With every part named, stories are ``ok``, and the exit code is 0; the authority is the one of before."""
    named = [word for pair in places.items() for word in pair]
    assert journeys(example, *named, "--only", *NAMES) == 0
    assert capsys.readouterr().out == "".join(f"ok      {name}\n" for name in NAMES) + "\n3 ok, 0 failed, 0 skipped\n"


def test_what_is_not_named_is_skipped(example: Example, capsys: pytest.CaptureFixture[str]) -> None:
    """Stories that need a part nobody named are skipped, and say which."""
    assert journeys(example, "--only", "capabilities-allow-changes", *NAMES) == 0
    *lines, last = capsys.readouterr().out.splitlines()
    assert lines[0] == "ok      capabilities-allow-changes"
    assert "skipped delete-takes-back: needs identity and mail" in lines
    assert last == "1 ok, 0 failed, 3 skipped"


def test_what_fails_is_said(example: Example, capsys: pytest.CaptureFixture[str]) -> None:
    """A story that fails names its step, what was expected and what came, and the exit code is 1."""
    arguments = ["--mail", "127.0.0.1:0", "--registration-token", "no such flow", "--only", "add-an-address"]
    assert journeys(example, *arguments) == 1
    out = capsys.readouterr().out
    assert "failed  add-an-address: begin: POST /register answered 401: flows [['m.login.dummy'], " in out
    assert out.endswith("\n0 ok, 1 failed, 0 skipped\n")


def test_the_list_names_every_story(capsys: pytest.CaptureFixture[str]) -> None:
    """``--list`` has name, needs and sentence of each; with ``--spec-only`` of those the specification asks for."""
    assert main(["journeys", "--list"]) == 0
    shown = capsys.readouterr().out
    assert all(journey.name in shown and journey.story in shown for journey in JOURNEYS)
    assert main(["journeys", "--list", "--spec-only"]) == 0
    shown = capsys.readouterr().out
    assert {journey.name for journey in JOURNEYS if f"{journey.story}\n" not in shown} == {
        journey.name for journey in JOURNEYS if journey.promise
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--list", "--only", "nonsense"], "there is no journey nonsense"),
        (["--mail", "2525"], "argument --mail: invalid"),
        ([], "--base-url is required"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Unknown stories and places, and no server at all, end with code 2 and the reason."""
    with pytest.raises(SystemExit, match="2"):
        main(["journeys", *arguments])
    assert said in capsys.readouterr().err


def test_what_cannot_be_used_is_said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that does not answer, a port that is taken, and a package that is missing end with code 2."""
    (free,) = free_ports(1)
    url = ["journeys", "--base-url", f"http://127.0.0.1:{free}", "--wait", "0"]
    assert main(url) == 2
    assert capsys.readouterr().err == f"journeys: http://127.0.0.1:{free} does not answer\n"
    with create_server(("127.0.0.1", 0)) as taken:
        assert main([*url, "--sms", f"127.0.0.1:{taken.getsockname()[1]}"]) == 2
    assert "a port or file cannot be used" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "aiosmtpd.smtp", None)
    assert main([*url, "--mail", "127.0.0.1:0"]) == 2
    assert capsys.readouterr().err == "journeys: this needs the package aiosmtpd\n"
