"""Everything public says what it is."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from typing import Any

from test_static import trees

Documented = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@cache
def classes() -> dict[str, ast.ClassDef]:
    """Return all classes by their names."""
    return {node.name: node for tree in trees().values() for node in tree.body if isinstance(node, ast.ClassDef)}


def bases(node: ast.ClassDef) -> set[str]:
    return {getattr(base, "attr", getattr(base, "id", "")) for base in node.bases}


def methods(node: ast.ClassDef) -> Iterator[Any]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return (each for each in node.body if isinstance(each, kinds) and not each.name.startswith("_"))


@cache
def said_by_a_protocol() -> set[str]:
    """Return the names of the methods that a port explains."""
    return {each.name for node in classes().values() if "Protocol" in bases(node) for each in methods(node)}


def extends_another_library(node: ast.ClassDef) -> bool:
    """Return whether a class overrides what the docs of another library explain."""
    return bool(bases(node) - set(classes()) - {"Enum", "Exception", "Protocol", "str"})


def inherited(node: ast.ClassDef) -> set[str]:
    """Return the names of the methods of the classes of ours that a class extends."""
    ours = [classes()[base] for base in bases(node) if base in classes()]
    return {each.name for base in ours for each in methods(base)}.union(*map(inherited, ours))


def public(name: str) -> Iterator[tuple[str, Documented]]:
    """Yield what is public in a module: its functions, classes, and their methods that nothing else explains."""
    for node in trees()[name].body:
        if not isinstance(node, Documented) or node.name.startswith("_"):
            continue
        yield node.name, node
        if isinstance(node, ast.ClassDef) and "Protocol" not in bases(node) and not extends_another_library(node):
            said = said_by_a_protocol() | inherited(node)
            yield from ((f"{node.name}.{each.name}", each) for each in methods(node) if each.name not in said)


def test_what_is_public_says_what_it_is() -> None:
    """Modules, classes, functions and methods have a docstring; a method of a port is explained by the port."""
    written = {name: tree for name, tree in trees().items() if tree.body and name != "_version.py"}
    assert [name for name, tree in written.items() if not ast.get_docstring(tree)] == []
    assert [(name, where) for name in trees() for where, node in public(name) if not ast.get_docstring(node)] == []


def test_every_port_explains_its_methods() -> None:
    """What a host implements has a sentence for every method."""
    modules = [tree for name, tree in trees().items() if name.startswith("ports/")]
    classes = [node for tree in modules for node in tree.body if isinstance(node, ast.ClassDef)]
    ports = [node for node in classes if "Protocol" in bases(node)]
    assert len(ports) > 5
    assert not [each.name for port in ports for each in methods(port) if not ast.get_docstring(each)]
