"""The page with Synapse's settings: each row is shown by a test that exists, or has a reason."""

from __future__ import annotations

import re
from pathlib import Path

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
