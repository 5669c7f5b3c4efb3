"""The table of names that moved leads to names that are there."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from pkgutil import resolve_name

import attrs
from tools.api import PACKAGES, public

CHANGES = (Path(__file__).parents[1] / "CHANGELOG.md").read_text("utf-8")
(TABLE,) = re.findall(r"^  \| old \| new \|\n  \|---\|---\|\n((?:  \|.*\n)+)", CHANGES, re.MULTILINE)
ROWS = [[cell.strip() for cell in line.strip().strip("|").split(" | ")] for line in TABLE.splitlines()]
_NAME = re.compile(r"`([\w.]+)(?:\((\w+)=…\))?`")


def is_there(name: str) -> bool:
    """Return whether a name of a package, or ``Class.member`` of a public class, leads to something."""
    first, _, member = name.partition(".")
    try:
        if first == "matrix_threepid":
            return resolve_name(name) is not None
        (cls, *_) = [getattr(import_module(each), first) for each in PACKAGES if first in public(each)]
    except (AttributeError, ImportError, ValueError):
        return False
    return hasattr(cls, member) or (attrs.has(cls) and hasattr(attrs.fields(cls), member))


def test_every_new_name_is_there() -> None:
    """What the right column names resolves, members and arguments included."""
    new = [".".join(filter(None, each)) for _, after in ROWS for each in _NAME.findall(after)]
    assert len(new) > 50
    assert [name for name in new if not is_there(name)] == []


def test_names_that_keep_their_spelling_are_public_where_they_went() -> None:
    """What the left column lists after a colon is listed by the package of the right column."""
    kept = [(after.strip("`"), _NAME.findall(before.partition(":")[2])) for before, after in ROWS if ":" in before]
    assert [
        (package, name)
        for package, names in kept
        for name, _ in names
        if package not in PACKAGES or name not in public(package)
    ] == []
