"""What the README and the docs name is there: modules, classes and their members, files, commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import attrs

import matrix_threepid
from matrix_threepid import ports
from matrix_threepid.__main__ import COMMANDS
from matrix_threepid.testing import World

ROOT = Path(__file__).parents[1]
PACKAGE = Path(matrix_threepid.__file__).parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
_WORLD = World()
PARTS = {
    **{name: getattr(ports, name) for name in ports.__all__},
    **{name: getattr(matrix_threepid, name) for name in matrix_threepid.__all__},
    "Service": _WORLD.service,
    "service": _WORLD.service,
    "Homeserver": _WORLD.homeserver,
}
"""What a page may call by one name; where members are made with an instance, an instance stands for its class."""
_FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_DOTTED = re.compile(r"([A-Za-z_]\w*(?:\.\w+)+)(\(.*\))?")
_OURS = ("matrix_threepid", "hosts", "senders", "stores", "testing")
_FILE = re.compile(r"(?:docs|examples|matrix_threepid|tests)/[\w./-]*\w")
_LINK = re.compile(r"\]\(((?:docs|examples)/[^)#]*)")
_COMMAND = re.compile(r"python -m matrix_threepid ([a-z][a-z-]*)")


def codes(page: Path) -> Iterator[str]:
    """Yield what stands between single backticks, outside of snippets."""
    return (found[1] for found in _CODE.finditer(_FENCED.sub("", page.read_text("utf-8"))))


def is_there(name: str) -> bool:
    """Return whether a dotted name leads to something; names that are not ours do."""
    first, *members = name.split(".")
    if first in _OURS:
        return _resolves(name if first == "matrix_threepid" else f"matrix_threepid.{name}")
    return first not in PARTS or _has(PARTS[first], members)


def _resolves(name: str) -> bool:
    try:
        resolve_name(name)
    except (AttributeError, ImportError):
        return False
    return True


def _has(part: Any, members: list[str]) -> bool:
    for member in members:
        declared = isinstance(part, type) and attrs.has(part) and hasattr(attrs.fields(part), member)
        if not declared and not hasattr(part, member):
            return False
        part = getattr(part, member, None)
    return True


def test_the_names_on_the_pages_are_there() -> None:
    """A name of ours with a dot in it resolves, such as ``matrix_threepid.limits``, ``Policy.code_digits``."""
    names = {(page.name, match[1]) for page in PAGES for code in codes(page) if (match := _DOTTED.fullmatch(code))}
    assert len(names) > 100
    assert sorted(each for each in names if not is_there(each[1])) == []


def test_the_files_on_the_pages_are_there() -> None:
    """A file or folder of the repository is where the page says, and so is what the README links to."""
    files = {(page.name, code) for page in PAGES for code in codes(page) if _FILE.fullmatch(code)}
    files |= {("README.md", link) for link in _LINK.findall((ROOT / "README.md").read_text("utf-8"))}
    assert len(files) > 20
    assert sorted(each for each in files if not any((at / each[1]).exists() for at in (ROOT, PACKAGE.parent))) == []


def test_the_commands_on_the_pages_are_there() -> None:
    """``python -m matrix_threepid`` knows every command that a page shows."""
    shown = {(page.name, command) for page in PAGES for command in _COMMAND.findall(page.read_text("utf-8"))}
    assert sorted(each for each in shown if each[1] not in COMMANDS) == []


def test_a_name_that_is_gone_is_found_out() -> None:
    """The look at names can fail: one that was renamed does not resolve."""
    gone = ["matrix_threepid.nothing.sms_left", "SessionStore.due", "Policy.nothing_of_ours", "stores.sqlite.Nothing"]
    assert [name for name in gone if is_there(name)] == []
