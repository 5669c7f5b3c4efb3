"""The rules of ``docs/rules`` are whole, and every one is shown by a test or says why not."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from tools.rules import (
    ID,
    PAGES,
    ROOT,
    TESTS,
    all_markers,
    all_rules,
    faults,
    markers_of,
    rules_of,
    shown_by,
    with_links,
    with_tests,
)

import matrix_threepid

RULES, MARKERS = all_rules(), all_markers()
BY_ID = {rule.id: rule for rule in RULES}
DECISIONS = set(re.findall(r"^\(decision-(\d+)\)=", (PAGES / "decisions.md").read_text("utf-8"), re.MULTILINE))
ENTRY = "(REQ-ADD-1)=\n### REQ-ADD-1: A title\n\nThe rule.\n\nWhy: a reason.\n\nSource: [MSC1](https://a.example/1)\n"


def texts() -> dict[str, str]:
    """Return every file that may name a rule: sources, tests, examples, docs."""
    folders = (Path(matrix_threepid.__file__).parent, TESTS, ROOT / "examples", ROOT / "docs")
    paths = [path for folder in folders for path in folder.rglob("*") if path.suffix in (".py", ".md", ".json")]
    paths += ROOT.glob("*.md")
    return {path.as_posix(): path.read_text("utf-8") for path in paths}


def test_entries_have_their_form() -> None:
    """Every entry has target, heading, text and source."""
    wrong = {path.name: faults(path.read_text("utf-8")) for path in sorted(PAGES.glob("*.md"))}
    assert {name: found for name, found in wrong.items() if found} == {}


def test_a_rule_stands_once() -> None:
    """No two entries have one id."""
    assert [rule for rule, count in Counter(rule.id for rule in RULES).items() if count > 1] == []


def test_a_rule_is_shown_or_says_why_not() -> None:
    """Every rule has a test, or a line that says why not; never both."""
    shown = shown_by(MARKERS)
    wrong = [rule.id for rule in RULES if (rule.id in shown) is (rule.unshown is not None)]
    assert wrong == []


def test_markers_name_rules() -> None:
    """A marker stands at a test and names rules that have an entry."""
    assert [marker.name for marker in MARKERS if not marker.ids or not marker.is_at_a_test] == []
    assert [(marker.name, each) for marker in MARKERS for each in marker.ids if each not in BY_ID] == []


def test_every_id_leads_somewhere() -> None:
    """A rule or decision named in sources, tests, examples or docs has its entry."""
    for name, text in texts().items():
        assert set(re.findall(rf"\b{ID}\b", text)) <= BY_ID.keys(), name
        assert set(re.findall(r"\b[Dd]ecision[ -](\d+)\b", text)) <= DECISIONS, name


@pytest.mark.parametrize(
    "entry",
    [
        ENTRY.replace("### REQ-ADD-1", "### REQ-ADD-2"),
        ENTRY.replace("(REQ-ADD-1)=\n", ""),
        ENTRY.replace("The rule.", ""),
        ENTRY.replace("Source: [MSC1](https://a.example/1)", ""),
        ENTRY.replace("[MSC1](https://a.example/1)", "hearsay"),
        ENTRY.replace("Why:", "Source: this project\n\nWhy:"),
    ],
    ids=["two ids", "no target", "no text", "no source", "no link", "out of order"],
)
def test_a_malformed_entry_is_found(entry: str) -> None:
    """An entry that lacks something, or has it elsewhere, is named."""
    assert faults(ENTRY) == []
    assert faults(entry) != []


def test_an_entry_is_read_and_shown_with_its_tests() -> None:
    """Title, text and notes are read, and the built page names the tests below the source."""
    (rule,) = rules_of(ENTRY)
    assert (rule.title, rule.text, rule.notes["Why"], rule.unshown) == ("A title", "The rule.", "a reason.", None)
    assert rules_of(ENTRY.replace("Why:", "No test:"))[0].unshown == "a reason."
    page = with_tests(f"{ENTRY}\n{ENTRY.replace('ADD-1', 'ADD-2')}", {"REQ-ADD-1": ["tests/test_a.py::test_b"]})
    assert page.startswith(ENTRY)
    assert page[len(ENTRY) :].split("(REQ-ADD-2)=")[0].strip() == "Shown by:\n\n* `tests/test_a.py::test_b`"


def test_what_running_text_names_becomes_a_link() -> None:
    """Rules and decisions in running text lead to their entries; code, headings and links stay as they are."""
    kept = "### SEC-1: a title\n\n`SEC-1` and [SEC-1](a.md#sec-1)\n\n```\nSEC-1\n```\n"
    assert with_links(kept) == kept
    assert with_links("As SEC-1 says (decision 2).") == "As [SEC-1](#SEC-1) says ([decision 2](#decision-2))."


def test_markers_are_read_at_modules_classes_and_functions() -> None:
    """A marker is found where pytest finds one, and one that stands at no test is told apart."""
    mark = '@pytest.mark.rule("SEC-1", "SEC-2")\n'
    source = (
        f'pytestmark = [pytest.mark.slow, pytest.mark.rule("SEC-3")]\n{mark}async def test_a(): ...\n'
        f"{mark}class TestB:\n    @pytest.mark.rule('SEC-4')\n    def test_c(self): ...\n{mark}def helper(): ...\n"
    )
    *found, last = markers_of(source, "tests/test_x.py")
    assert [(marker.name, marker.ids) for marker in found] == [
        ("tests/test_x.py", ("SEC-3",)),
        ("tests/test_x.py::test_a", ("SEC-1", "SEC-2")),
        ("tests/test_x.py::TestB", ("SEC-1", "SEC-2")),
        ("tests/test_x.py::TestB::test_c", ("SEC-4",)),
    ]
    assert all(marker.is_at_a_test for marker in found)
    assert not last.is_at_a_test
    with pytest.raises(ValueError, match="malformed"):
        markers_of("@pytest.mark.rule(NAME)\ndef test_a(): ...\n", "tests/test_x.py")
