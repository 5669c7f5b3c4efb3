"""What the source itself must be like where no rule of ruff says it: secrets, patterns, logs, lengths."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import matrix_threepid

ROOT = Path(matrix_threepid.__file__).parent
FOR_DEVELOPERS = ("testing/",)
"""What no server runs: it may compare as it likes."""
SECRETS = {"token", "secret", "code", "mac", "password", "pepper"}
LOGGING = {"debug", "info", "warning", "error", "exception", "critical", "log"}
MATCHING = {"compile", "match", "search", "fullmatch", "Text"}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
LONGEST, USUAL, MODULE = 60, 20, 200


@cache
def sources() -> dict[str, str]:
    """Return the texts of all modules by their names."""
    return {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in sorted(ROOT.rglob("*.py"))}


@cache
def trees() -> dict[str, ast.Module]:
    """Return the syntax trees of all modules by their names."""
    # Parsed when a test asks: not by every process that collects the tests.
    return {name: ast.parse(source) for name, source in sources().items()}


def found(*kinds: type[ast.AST]) -> Iterator[tuple[str, Any]]:
    """Yield the nodes of some kinds in all modules, each with the name of its module."""
    return ((name, node) for name, tree in trees().items() for node in ast.walk(tree) if isinstance(node, kinds))


def called(call: ast.Call) -> str:
    """Return the last name of what a call calls."""
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def words(node: ast.AST) -> set[str]:
    """Return the words of the name a value goes by."""
    return set(getattr(node, "attr", getattr(node, "id", "")).lower().split("_"))


def code_lines(name: str, node: ast.AST) -> int:
    """Return how many lines of code there are in a node: no docstrings, comments or blank lines."""
    lines = sources()[name].splitlines()
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


def own_lines(name: str, function: ast.AST) -> int:
    """Return how many lines of code a function has beside those of the functions defined in it."""
    inner = [node for node in ast.walk(function) if isinstance(node, FUNCTIONS) and node is not function]
    return code_lines(name, function) - sum(code_lines(name, node) for node in inner)


def compares_a_secret(name: str, compare: ast.Compare) -> bool:
    """Return whether two values are compared, one of which goes by the name of a secret."""
    sides = [compare.left, *compare.comparators]
    plain = any(isinstance(side, ast.Constant) for side in sides)
    equal = any(isinstance(how, ast.Eq | ast.NotEq) for how in compare.ops)
    secret = SECRETS - {"code"} if name.startswith("senders/") else SECRETS  # SMTP calls its replies codes
    return equal and not plain and any(words(side) & secret for side in sides)


def ends_in_a_dollar(call: ast.Call) -> bool:
    """Return whether a call is given a pattern that ends in ``$``."""
    if called(call) not in MATCHING or not call.args or not isinstance(call.args[0], ast.Constant):
        return False
    pattern = call.args[0].value
    text = pattern.decode("latin-1") if isinstance(pattern, bytes) else pattern
    return isinstance(text, str) and re.search(r"(?<!\\)\$\Z", text) is not None


def logs_what_is_put_together(call: ast.Call) -> bool:
    """Return whether a call writes a log line that is no constant."""
    logs = called(call) in LOGGING and "log" in words(getattr(call.func, "value", call))
    return logs and not isinstance(call.args[0], ast.Constant)


@pytest.mark.rule("SEC-22", "SEC-260")
def test_secrets_are_compared_by_one_helper() -> None:
    """No ``==`` between two values one of which goes by the name of a secret (SEC-22)."""
    compared = [(name, node.lineno) for name, node in found(ast.Compare) if compares_a_secret(name, node)]
    assert [place for place in compared if not place[0].startswith(FOR_DEVELOPERS)] == []


@pytest.mark.rule("SEC-39", "SEC-260")
def test_no_pattern_ends_in_a_dollar() -> None:
    """``$`` lets a line end through; patterns match in full instead (SEC-39)."""
    assert [(name, call.lineno) for name, call in found(ast.Call) if ends_in_a_dollar(call)] == []


def test_log_lines_are_written_by_the_logger() -> None:
    """What is logged is a constant with arguments, so that nothing is put into it unseen."""
    assert [(name, call.lineno) for name, call in found(ast.Call) if logs_what_is_put_together(call)] == []


def test_no_module_needs_a_map() -> None:
    """A module has at most 200 lines of code."""
    assert {name: lines for name, tree in trees().items() if (lines := code_lines(name, tree)) > MODULE} == {}


def test_functions_need_no_scrolling() -> None:
    """A function has at most 60 lines of code of its own, and nine out of ten have at most 20."""
    lengths = {(name, node.name, node.lineno): own_lines(name, node) for name, node in found(*FUNCTIONS)}
    assert {function: length for function, length in lengths.items() if length > LONGEST} == {}
    assert sum(length <= USUAL for length in lengths.values()) >= 0.9 * len(lengths)
