"""What the source itself must be like: where chance comes from, how secrets are compared, how long things are."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import matrix_threepid

ROOT = Path(matrix_threepid.__file__).parent
SOURCES = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in sorted(ROOT.rglob("*.py"))}
TREES = {name: ast.parse(source) for name, source in SOURCES.items()}
FOR_DEVELOPERS = ("testing/",)
"""What no server runs: it may draw numbers and assert."""
SECRETS = {"token", "secret", "code", "mac", "password", "pepper"}
PREDICTABLE = {"random", "uuid", "uuid1", "uuid3", "uuid5"}
LOGGING = {"debug", "info", "warning", "error", "exception", "critical", "log"}
MATCHING = {"compile", "match", "search", "fullmatch", "Text"}
LONGEST, USUAL, MODULE = 40, 20, 200

every_module = pytest.mark.parametrize("name", list(TREES))
served_modules = pytest.mark.parametrize("name", [name for name in TREES if not name.startswith(FOR_DEVELOPERS)])


def found(name: str, *kinds: type[ast.AST]) -> Iterator[Any]:
    """Return the nodes of some kinds in a module."""
    return (node for node in ast.walk(TREES[name]) if isinstance(node, kinds))


def called(call: ast.Call) -> str:
    """Return the last name of what a call calls."""
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def words(node: ast.AST) -> set[str]:
    """Return the words of the name a value goes by."""
    return set(getattr(node, "attr", getattr(node, "id", "")).lower().split("_"))


def code_lines(name: str, node: ast.AST) -> int:
    """Return how many lines of code there are in a node: no docstrings, comments or blank lines."""
    lines = SOURCES[name].splitlines()
    start, end = getattr(node, "lineno", 1), getattr(node, "end_lineno", len(lines))
    docs = {
        number
        for inner in ast.walk(node)
        if isinstance(inner, ast.Expr) and isinstance(getattr(inner.value, "value", None), str)
        for number in range(inner.lineno, (inner.end_lineno or inner.lineno) + 1)
    }
    return sum(
        bool(lines[number - 1].strip()) and not lines[number - 1].strip().startswith("#")
        for number in range(start, end + 1)
        if number not in docs
    )


@pytest.mark.rule("SEC-21", "SEC-260")
@served_modules
def test_chance_comes_from_one_place(name: str) -> None:
    """Nothing predictable is imported: random numbers come from ``secrets`` (SEC-21)."""
    for node in found(name, ast.Import, ast.ImportFrom):
        taken = {getattr(node, "module", None), *(alias.name for alias in node.names)}
        assert not taken & PREDICTABLE, f"line {node.lineno}"


@pytest.mark.rule("SEC-22", "SEC-260")
@served_modules
def test_secrets_are_compared_by_one_helper(name: str) -> None:
    """No ``==`` between two values one of which goes by the name of a secret (SEC-22)."""
    for compare in found(name, ast.Compare):
        sides = [compare.left, *compare.comparators]
        plain = any(isinstance(side, ast.Constant) for side in sides)
        equal = any(isinstance(how, ast.Eq | ast.NotEq) for how in compare.ops)
        secret = SECRETS - {"code"} if name.startswith("senders/") else SECRETS  # SMTP calls its replies codes
        assert plain or not equal or not any(words(side) & secret for side in sides), f"line {compare.lineno}"


@pytest.mark.rule("SEC-39", "SEC-260")
@every_module
def test_no_pattern_ends_in_a_dollar(name: str) -> None:
    """``$`` lets a line end through; patterns match in full instead (SEC-39)."""
    for call in found(name, ast.Call):
        if called(call) in MATCHING and call.args and isinstance(call.args[0], ast.Constant):
            pattern = call.args[0].value
            text = pattern.decode("latin-1") if isinstance(pattern, bytes) else pattern
            assert not isinstance(text, str) or not re.search(r"(?<!\\)\$\Z", text), f"line {call.lineno}"


@pytest.mark.rule("SEC-260")
@served_modules
def test_nothing_is_printed_and_nothing_asserted(name: str) -> None:
    """A library does not print, and its checks hold under ``python -O`` (SEC-260)."""
    assert not [call.lineno for call in found(name, ast.Call) if called(call) == "print"]
    assert not [node.lineno for node in found(name, ast.Assert)]


@every_module
def test_log_lines_are_written_by_the_logger(name: str) -> None:
    """What is logged is a constant with arguments, so that nothing is put into it unseen."""
    for call in found(name, ast.Call):
        if called(call) in LOGGING and "log" in words(getattr(call.func, "value", call)):
            assert isinstance(call.args[0], ast.Constant), f"line {call.lineno}"


@every_module
def test_no_module_needs_a_map(name: str) -> None:
    """A module has at most 200 lines of code."""
    assert code_lines(name, TREES[name]) <= MODULE


@every_module
def test_no_function_needs_scrolling(name: str) -> None:
    """A function has at most 40 lines of code."""
    long = {
        node.name: code_lines(name, node)
        for node in found(name, ast.FunctionDef, ast.AsyncFunctionDef)
        if code_lines(name, node) > LONGEST
    }
    assert not long


def test_most_functions_are_seen_at_a_glance() -> None:
    """Nine functions out of ten have at most 20 lines of code."""
    lengths = [code_lines(name, node) for name in TREES for node in found(name, ast.FunctionDef, ast.AsyncFunctionDef)]
    assert sum(length <= USUAL for length in lengths) >= 0.9 * len(lengths)
