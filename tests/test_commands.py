"""``python -m matrix_threepid``: every command answers, and costs only what it needs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from matrix_threepid.__main__ import COMMANDS, main
from matrix_threepid.endpoints import HOMESERVER
from matrix_threepid.openapi import document, endpoints_page


def test_openapi_prints_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    """``openapi`` prints the document of the homeserver's endpoints as JSON."""
    assert main(["openapi"]) == 0
    assert json.loads(capsys.readouterr().out) == document(HOMESERVER)


def test_endpoints_prints_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    """``endpoints`` prints the page of the docs."""
    assert main(["endpoints", "--role", "homeserver"]) == 0
    assert capsys.readouterr().out == endpoints_page(HOMESERVER)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_takes(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """``--help`` of a command names it and leaves."""
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    assert f"python -m matrix_threepid {command}" in capsys.readouterr().out


def test_help_lists_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    """``--help`` lists every command with what it does."""
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    shown = capsys.readouterr().out
    assert all(f"  {name} " in shown and about in shown for name, (_, about) in COMMANDS.items())


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["openapi", "--role", "nobody"]])
def test_what_is_no_command_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A missing or unknown command or role ends with status 2 and the choices."""
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert "usage: python -m matrix_threepid" in capsys.readouterr().err


def test_the_module_runs_as_a_program() -> None:
    """``python -m matrix_threepid openapi`` works as a process of its own."""
    ran = subprocess.run(
        [sys.executable, "-m", "matrix_threepid", "openapi"], capture_output=True, check=True, timeout=60
    )
    assert json.loads(ran.stdout)["openapi"] == "3.1.0"


def test_the_docs_name_every_command() -> None:
    """The page about the command line has each command in its table, and no other."""
    page = (Path(__file__).parents[1] / "docs" / "command-line.md").read_text("utf-8")
    assert set(re.findall(r"^\| \[`([a-z-]+)`\]", page, re.MULTILINE)) == set(COMMANDS)
