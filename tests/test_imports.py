"""Imports point one way, and the core brings no event loop, framework or driver along."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

import matrix_threepid

CONFIGURATION = Path(__file__).parents[1] / "setup.cfg"
PACKAGE = Path(matrix_threepid.__file__).parent
CORE = "service, uia, accounts, deactivate, versions, openapi"
NOT_FOR_THE_CORE = {"asyncio", "http", "jsonschema", "phonenumbers", "smtplib", "socket", "sqlite3", "ssl", "twisted"}


def python(*arguments: str, where: Path) -> subprocess.CompletedProcess[str]:
    """Run Python in a directory whose modules come first."""
    return subprocess.run(  # noqa: S603  our own interpreter
        [sys.executable, *arguments], cwd=where, capture_output=True, text=True, timeout=120, check=False
    )


def lint(where: Path) -> str:
    """Return what import-linter says of the package in ``where``; nothing if every contract is kept."""
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(sys.argv[1], no_cache=True))"
    linted = python("-c", code, str(CONFIGURATION), where=where)
    return linted.stdout + linted.stderr if linted.returncode else ""


def test_imports_point_one_way() -> None:
    """The contracts in setup.cfg are kept; a new module needs its place among the layers."""
    assert lint(PACKAGE.parent) == ""


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("protocol/wire.py", "from ..model import threepid", "Imports point one way"),
        ("stores/extra.py", "from ..senders import console", "Imports point one way"),
        ("novelty.py", "", "Imports point one way"),
        ("limits/counting.py", "def late():\n    from . import guesses", "No module needs one that needs it"),
        ("flows/add.py", "def late():\n    import asyncio", "The core imports no event loop, framework or driver"),
        ("hosts/extra.py", "import starlette", "The core imports no event loop, framework or driver"),
    ],
)
def test_a_wrong_import_is_found(tmp_path: Path, module: str, line: str, contract: str) -> None:
    """The contracts catch what they are there for, lazy imports included."""
    copy = copytree(PACKAGE, tmp_path / "matrix_threepid", ignore=ignore_patterns("__pycache__"))
    with (copy / module).open("a") as file:
        file.write(f"\n{line}\n")
    assert f"{contract} BROKEN" in lint(tmp_path)


def test_the_core_loads_nothing_it_does_not_need() -> None:
    """Importing the core loads no event loop, no driver, and nothing heavy before it is used."""
    code = f"import sys; from matrix_threepid import {CORE}; print(*sys.modules)"
    loaded = set(python("-c", code, where=PACKAGE.parent).stdout.split())
    assert "matrix_threepid.service" in loaded
    assert loaded & NOT_FOR_THE_CORE == set()
