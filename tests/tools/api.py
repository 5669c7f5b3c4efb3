"""The API reference: an entry for every public name, made from ``__all__`` when the docs are built.

A page of ``docs/api`` has a block of this form, which the entries of one package replace::

    ```{public-names} matrix_threepid.senders
    ```
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from importlib import import_module
from importlib.util import find_spec, resolve_name
from pathlib import Path
from typing import Any

PACKAGES = tuple(
    f"matrix_threepid{name}"
    for name in (
        "",
        ".commands",
        ".endpoints",
        ".errors",
        ".events",
        ".hosts",
        ".identity",
        ".observing",
        ".policy",
        ".ports",
        ".senders",
        ".settings",
        ".stores",
        ".testing",
    )
)
"""Where public names are, those most hosts need first."""
PAGES = Path(__file__).parents[2] / "docs" / "api"
_HEADINGS = {"class": "Classes", "exception": "Errors", "function": "Functions", "data": "Values and types"}
_BLOCK = re.compile(r"^```\{public-names\} (\S+)\n```$", re.MULTILINE)
_AUTODOC = re.compile(r"^\.\. auto(?:class|exception|function|module):: .*$", re.MULTILINE)


@dataclass(frozen=True)
class Entry:
    """What the reference says of one public name.

    ``name``: the name with its package, such as ``matrix_threepid.senders.SmtpSender``.
    ``kind``: ``class``, ``exception``, ``function`` or ``data``.
    ``text``: its lines of reStructuredText.
    """

    name: str
    kind: str
    text: str


def public(package: str) -> list[str]:
    """Return the public names of a package."""
    names: list[str] = import_module(package).__all__
    return names


def entries(package: str) -> Iterator[Entry]:
    """Yield an entry for each public name of a package, in the order of ``__all__``."""
    earlier = _first_homes(package)
    for name in public(package):
        value = getattr(import_module(package), name)
        full, kind = f"{package}.{name}", _kind(value)
        if kind != "data" and value in earlier:
            yield Entry(full, kind, f".. py:{kind}:: {full}\n\n   The same as :py:obj:`{earlier[value]}`.\n")
        elif kind == "data":
            yield Entry(full, kind, f".. py:data:: {full}\n\n{_indented(said_of(package, name))}\n")
        else:
            yield Entry(full, kind, f".. auto{kind}:: {full}\n{_options(value)}")


def with_entries(page: str) -> str:
    """Return a page of the reference with the entries of the packages that it names."""
    return _BLOCK.sub(lambda block: _reference(block[1]), page)


def without_index(page: str) -> str:
    """Return a page on which what autodoc shows is no target of links, since the reference has the targets."""
    return _AUTODOC.sub(lambda found: f"{found[0]}\n   :no-index:", page)


def said_of(module: str, name: str) -> str:
    """Return the text below the assignment of a name; imports are followed to the module that assigns it.

    Raises ``LookupError`` where there is no such text.
    """
    tree = ast.parse(Path(_origin(module)).read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and any((each.asname or each.name) == name for each in node.names):
            return said_of(resolve_name("." * node.level + (node.module or ""), _package(module)), name)
    for node, below in zip(tree.body, tree.body[1:], strict=False):
        if name in _assigned(node) and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            return inspect.cleandoc(str(below.value.value))
    raise LookupError(f"{module}.{name} has no text below its assignment")


def _first_homes(package: str) -> dict[Any, str]:
    """Return the full names of what packages before this one list as well."""
    found: dict[Any, str] = {}
    for each in PACKAGES[: PACKAGES.index(package)]:
        values = ((name, getattr(import_module(each), name)) for name in public(each))
        for name, value in values:
            if _kind(value) != "data":
                found.setdefault(value, f"{each}.{name}")
    return found


def _reference(package: str) -> str:
    found = list(entries(package))
    groups = {kind: [each for each in found if each.kind == kind] for kind in _HEADINGS}
    return "\n\n".join(
        f"## {_HEADINGS[kind]}\n\n```{{eval-rst}}\n{''.join(f'{each.text}{chr(10)}' for each in group)}```"
        for kind, group in groups.items()
        if group
    )


def _kind(value: Any) -> str:
    if isinstance(value, type):
        return "exception" if issubclass(value, BaseException) else "class"
    return "function" if callable(value) and inspect.isroutine(inspect.unwrap(value)) else "data"


def _options(value: Any) -> str:
    if not isinstance(value, type):
        return ""
    return "   :members:\n" + ("   :undoc-members:\n" if issubclass(value, Enum) else "")


def _indented(text: str) -> str:
    return "".join(f"   {line}".rstrip() + "\n" for line in text.splitlines())


def _origin(module: str) -> str:
    spec = find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    return spec.origin


def _package(module: str) -> str:
    return module if _origin(module).endswith("__init__.py") else module.rpartition(".")[0]


def _assigned(node: ast.stmt) -> set[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return {each.id for each in targets if isinstance(each, ast.Name)}
