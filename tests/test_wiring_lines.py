"""How much a host writes to have everything: counted, so that the docs tell the truth."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "everything-wired.md"
MOST = {"python": 40, "yaml": 15}


def block(language: str) -> str:
    """Return the snippet that wires everything."""
    page, heading = {"python": (PAGE, "# Everything wired"), "yaml": (DOCS / "hosts" / "synapse.md", "## Everything")}[
        language
    ]
    text = page.read_text("utf-8").partition(f"{heading}\n")[2]
    found = re.search(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("language", MOST)
def test_the_docs_say_how_many_lines_a_host_writes(language: str) -> None:
    """The number on the page is that of the snippet, and no more than a host should have to write."""
    lines = [line for line in block(language).splitlines() if line.strip()]
    assert f"<!-- lines: {language} -->{len(lines)}<!-- -->" in PAGE.read_text("utf-8")
    assert len(lines) <= MOST[language]
    assert max(map(len, lines)) <= 120
