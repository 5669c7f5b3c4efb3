"""The table of rules and tests is whole: every rule has its row, every test named there exists."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
TABLE = TESTS.parent / "docs" / "traceability.md"
RANGES = json.loads((TESTS / "data" / "traceability.json").read_text("utf-8"))
RULES = [f"{each['rules']}-{number}" for each in RANGES for number in range(each["from"], each["to"] + 1)]
LATER = "not in this release: "


def rows() -> dict[str, str]:
    """Return what the table says about each rule; a rule with two rows is an error."""
    found: dict[str, str] = {}
    for rule, shown in re.findall(r"^\| ((?:REQ|SEC)-\S+) \|[^|]*\| (.*) \|$", TABLE.read_text("utf-8"), re.MULTILINE):
        assert rule not in found, f"{rule} has two rows"
        found[rule] = shown
    return found


def names_in(path: Path) -> set[str]:
    """Return the names of the tests in a file."""
    tree = ast.parse(path.read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


ROWS = rows()


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_has_its_row(rule: str) -> None:
    """Every rule is shown by a test, or the table says why not yet."""
    shown = ROWS.get(rule, "")
    assert "::" in shown or shown.startswith(LATER), f"{rule} has no row that says something"


@pytest.mark.parametrize("rule", ROWS)
def test_a_row_names_tests_that_exist(rule: str) -> None:
    """No row points at a test that is gone."""
    for file, name in re.findall(r"`([^`]+)::([^`]+)`", ROWS[rule]):
        path = TESTS / file
        assert path.is_file(), f"{rule}: {file} is gone"
        assert name.startswith("test_"), f"{rule}: {name} is no test"
        assert name in names_in(path), f"{rule}: {file}::{name} is gone"


def test_the_table_has_no_other_rules() -> None:
    """A row for a rule that is not on the list is a slip of the pen, or the list was not extended."""
    assert set(ROWS) == set(RULES)
