"""Read the rules of ``docs/rules`` and the tests that show them.

A rule is an entry on a page: a target, a heading of the third level, and paragraphs, in this form::

    (REQ-ADD-1)=
    ### REQ-ADD-1: Authentication on `/add`, and only there

    What the rule says, in one to three sentences.

    Why: the reason, where it is not obvious.

    Not built yet: a part of the rule that the code does not do.

    Source: [MSC2290](https://…), or ``this project`` for a rule of our own.

A test shows rules with ``@pytest.mark.rule("REQ-ADD-1")`` at its function or class, or with the ``pytestmark`` of its
module. A rule that no test shows has one more paragraph: ``Not in this release: …`` if the code does not do what it
says, or ``No test: …`` if no test could show it. The docs put the tests below each rule when they are built.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent
PAGES = ROOT / "docs" / "rules"
ID = r"(?:REQ-[A-Z]+|SEC)-[0-9]+[a-z]?"
UNSHOWN = ("Not in this release", "No test")
_LABELS = ("Why", "Not built yet", *UNSHOWN, "Source")
_ENTRY = re.compile(
    rf"^\((?P<id>{ID})\)=\n### (?P=id): (?P<title>.+)\n(?P<body>(?:.*\n)*?)(?=\({ID}\)=|##? |\Z)", re.MULTILINE
)
_LABEL = re.compile(rf"({'|'.join(_LABELS)}): (.+)", re.DOTALL)
_SOURCE = re.compile(r"(?:\[[^\]]+\]\([^)\s]+\)|this project)(?:, (?:\[[^\]]+\]\([^)\s]+\)|this project))*")
_NAMED = re.compile(
    rf"^```.*?^```|^#.*?$|^\(.*?\)=$|`[^`]*`|\[[^\]]*\]\([^)]*\)|\b(?P<name>{ID}|decision [0-9]+)\b",
    re.MULTILINE | re.DOTALL,
)
"""A rule or decision in running text; code, headings, targets and links come first and have no name."""
_HEADING = re.compile(rf"^\({ID}\)=|^#+ {ID}", re.MULTILINE)


@dataclass(frozen=True)
class Rule:
    """One entry.

    ``text``: the paragraphs that say the rule.
    ``notes``: its labelled paragraphs by label: ``Why``, ``Source`` and so on.
    """

    id: str
    title: str
    text: str
    notes: Mapping[str, str]

    @property
    def unshown(self) -> str | None:
        """Why no test shows the rule, or ``None`` if tests have to."""
        return next((self.notes[label] for label in UNSHOWN if label in self.notes), None)


@dataclass(frozen=True)
class Marker:
    """The rules that one test, class or module shows; ``name``: as pytest names it, ``path::Class::test``."""

    name: str
    ids: tuple[str, ...]

    @property
    def is_at_a_test(self) -> bool:
        """Whether pytest runs what the marker stands at: ``test_…``, a class ``Test…``, or a module of tests."""
        last = self.name.rsplit("::", 1)[-1].rsplit("/", 1)[-1]
        return last.startswith(("test_", "Test"))


def rules_of(page: str) -> list[Rule]:
    """Return the rules of a page, in order."""
    return [_rule(entry) for entry in _ENTRY.finditer(page)]


def all_rules() -> list[Rule]:
    """Return the rules of all pages."""
    return [rule for path in sorted(PAGES.glob("*.md")) for rule in rules_of(path.read_text("utf-8"))]


def faults(page: str) -> list[str]:
    """Return what is wrong with the form of a page's entries."""
    rules = rules_of(page)
    found = (
        [] if 2 * len(rules) == len(_HEADING.findall(page)) else ["an entry is not a target and a heading with one id"]
    )
    for rule in rules:
        if not rule.text:
            found.append(f"{rule.id} says nothing")
        if not _SOURCE.fullmatch(rule.notes.get("Source", "")):
            found.append(f"{rule.id} has no source")
        if list(rule.notes) != [label for label in _LABELS if label in rule.notes]:
            found.append(f"{rule.id} has its notes out of order")
    return found


def markers_of(source: str, path: str) -> list[Marker]:
    """Return the markers of a module. Raises ``ValueError`` for a rule that is not written out as text."""
    tree = ast.parse(source)
    module = [node.value for node in tree.body if isinstance(node, ast.Assign) and _assigns(node, "pytestmark")]
    return [Marker(path, ids) for ids in [_ids(module)] if ids] + list(_inside(tree, path))


def all_markers() -> list[Marker]:
    """Return the markers of all tests."""
    sources = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in sorted(TESTS.rglob("*.py"))}
    return [marker for name, source in sources.items() if "mark.rule" in source for marker in markers_of(source, name)]


def shown_by(markers: Sequence[Marker]) -> dict[str, list[str]]:
    """Return the names of the tests that show each rule."""
    found: dict[str, list[str]] = {}
    for marker in markers:
        for rule in marker.ids:
            found.setdefault(rule, []).append(marker.name)
    return found


def with_tests(page: str, shown: Mapping[str, Sequence[str]]) -> str:
    """Return a page with the tests below each of its rules."""

    def completed(entry: re.Match[str]) -> str:
        names = "".join(f"* `{name}`\n" for name in shown.get(entry["id"], ()))
        return f"{entry[0].rstrip()}\n\nShown by:\n\n{names}\n" if names else entry[0]

    return _ENTRY.sub(completed, page)


def with_links(page: str) -> str:
    """Return a page on which every rule and decision that is named in running text is a link to its entry."""
    return _NAMED.sub(_link, page)


def _link(found: re.Match[str]) -> str:
    name = found["name"]
    return f"[{name}](#{name.replace(' ', '-')})" if name else found[0]


def _rule(entry: re.Match[str]) -> Rule:
    paragraphs = [" ".join(each.split()) for each in entry["body"].split("\n\n") if each.strip()]
    labelled = {match[1]: match[2] for each in paragraphs if (match := _LABEL.fullmatch(each))}
    text = "\n\n".join(each for each in paragraphs if not _LABEL.fullmatch(each))
    return Rule(entry["id"], entry["title"], text, labelled)


def _inside(node: ast.Module | ast.ClassDef, name: str) -> Iterator[Marker]:
    for inner in node.body:
        if isinstance(inner, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            ids = _ids(inner.decorator_list)
            if ids:
                yield Marker(f"{name}::{inner.name}", ids)
            if isinstance(inner, ast.ClassDef):
                yield from _inside(inner, f"{name}::{inner.name}")


def _assigns(node: ast.Assign, name: str) -> bool:
    return any(isinstance(target, ast.Name) and target.id == name for target in node.targets)


def _ids(expressions: Sequence[ast.expr]) -> tuple[str, ...]:
    calls = [node for expression in expressions for node in ast.walk(expression) if _is_marker(node)]
    return tuple(ast.literal_eval(each) for call in calls if isinstance(call, ast.Call) for each in call.args)


def _is_marker(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.rule"
