"""The public names: all there, listed once, cheap to have, and the only ones that docs and examples use."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import FunctionType

import pytest
from tools.api import PACKAGES, public

import matrix_threepid

ROOT = Path(__file__).parents[1]
MOST_MODULES = 13
HEAVY = (
    "jsonschema email_validator idna nacl signedjson asyncio twisted trio twilio sqlite3 psycopg smtplib phonenumbers"
)
LIST_LOADED = "import json, sys; print(json.dumps(sorted(sys.modules)))"
_SNIPPET = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


def modules_after(statement: str) -> set[str]:
    """Return the modules a fresh interpreter has loaded after a statement."""
    command = [sys.executable, "-c", f"{statement}; {LIST_LOADED}"]
    return set(json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout))  # noqa: S603


def shown_imports() -> Iterator[tuple[str, str, str]]:
    """Yield file, module and name of what README, docs and examples import of the library."""
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]
    snippets = [(page, snippet[1]) for page in pages for snippet in _SNIPPET.finditer(page.read_text("utf-8"))]
    programs = [(path, path.read_text("utf-8")) for path in (ROOT / "examples").rglob("*.py")]
    for path, code in [*snippets, *programs]:
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ImportFrom) and not node.level and node.module:
                if node.module.partition(".")[0] == "matrix_threepid":
                    yield from ((path.relative_to(ROOT).as_posix(), node.module, alias.name) for alias in node.names)
            elif isinstance(node, ast.Import):
                ours = [alias.name for alias in node.names if alias.name.startswith("matrix_threepid")]
                yield from ((path.relative_to(ROOT).as_posix(), name, "") for name in ours)


def test_every_public_name_is_there() -> None:
    """What ``__all__`` lists can be had, and has a docstring where it is a class or function of ours."""
    values = [
        (package, name, getattr(import_module(package), name)) for package in PACKAGES for name in public(package)
    ]
    assert [
        (package, name)
        for package, name, value in values
        if isinstance(value, type | FunctionType) and not value.__doc__
    ] == []


def test_the_names_are_listed_once() -> None:
    """``__all__`` repeats nothing, and ``dir()`` has all of it."""
    assert [package for package in PACKAGES if len(set(public(package))) < len(public(package))] == []
    assert [package for package in PACKAGES if not set(public(package)) <= set(dir(import_module(package)))] == []


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A name that is not public fails as in any module."""
    with pytest.raises(AttributeError, match="nothing_of_ours"):
        _ = matrix_threepid.nothing_of_ours  # type: ignore[attr-defined]


def test_a_star_import_gets_them_all() -> None:
    """``from matrix_threepid import *`` works in a fresh interpreter."""
    assert "matrix_threepid.service" in modules_after("from matrix_threepid import *")


def test_docs_and_examples_use_public_names_only() -> None:
    """README, docs and examples import what a public package lists, and nothing else of the library."""
    assert [
        (file, module, name)
        for file, module, name in shown_imports()
        if module not in PACKAGES or (name and name not in public(module) and f"{module}.{name}" not in PACKAGES)
    ] == []


def test_docs_and_examples_import_from_few_modules() -> None:
    """A reader of README, docs and examples meets at most 12 modules of the library."""
    assert len({module for _, module, _ in shown_imports()}) <= MOST_MODULES


@pytest.mark.parametrize(
    "statement",
    [
        "import matrix_threepid",
        "from matrix_threepid import Homeserver, Policy, Peppers, Service, Medium, Stages",
        *(
            f"import {package}"
            for package in ("matrix_threepid.hosts", "matrix_threepid.senders", "matrix_threepid.stores")
        ),
    ],
)
def test_nothing_heavy_is_imported_before_it_is_needed(statement: str) -> None:
    """Importing the library, or what wires it, loads no validator, loop, driver or provider."""
    assert not modules_after(statement) & set(HEAVY.split())
