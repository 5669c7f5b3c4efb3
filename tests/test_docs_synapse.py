"""The pages about Synapse: each row of settings is shown or explained, and the table of versions is what was run."""

from __future__ import annotations

import re
from pathlib import Path

from interop import versions

ROOT = Path(__file__).parents[1]
ROWS = re.findall(
    r"^\| (`.*?) \| (.*?) \| (.*?) \|$",
    (ROOT / "docs" / "hosts" / "synapse-settings.md").read_text("utf-8"),
    re.MULTILINE,
)


def test_every_row_is_shown_or_explained() -> None:
    """A test that a row names is there; a row without one says in words why it needs none."""
    tests = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    named = [name for *_, shown in ROWS for name in re.findall(r"`(test_\w+)`", shown)]
    assert [name for name in named if f"def {name}(" not in tests] == []
    assert [shown for *_, shown in ROWS if not shown.strip()] == []
    assert len(named) > 15


def test_the_table_of_versions_is_what_was_run() -> None:
    """The table is the one that ``python -m tests.interop.versions page`` makes from runs in which nothing failed."""
    recorded = versions.recorded()
    text = versions.PAGE.read_text("utf-8")
    assert versions.page(recorded, text) == text
    assert [each for each in recorded.values() if each.failed] == []
    assert {each.synapse for each in recorded.values() if each.refused and each.part == "sms"} == {"1.94.0"}
