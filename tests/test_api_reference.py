"""The API reference has an entry for every public name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tools import api

PAGE = {package: api.PAGES / f"{package.partition('.')[2] or 'core'}.md" for package in api.PACKAGES}
_ENTRY = re.compile(r"^\.\. (?:auto|py:)\w+:: (\S+)$", re.MULTILINE)


def test_every_public_name_has_an_entry() -> None:
    """The page of each package, as built, has one entry for each name of its ``__all__``, and no other."""
    built = {package: api.with_entries(page.read_text("utf-8")) for package, page in PAGE.items()}
    listed = {package: [f"{package}.{name}" for name in api.public(package)] for package in PAGE}
    assert {package: sorted(_ENTRY.findall(text)) for package, text in built.items()} == {
        package: sorted(names) for package, names in listed.items()
    }


def test_the_index_leads_to_every_page() -> None:
    """The first page of the reference links to the page of each package, and there are no further pages."""
    index = (api.PAGES / "index.md").read_text("utf-8")
    assert {(f"`{package}`", page.name) for package, page in PAGE.items()} == set(
        re.findall(r"\| \[(`\S+`)\]\((\S+)\) \|", index)
    )
    assert {page.name for page in api.PAGES.glob("*.md")} == {"index.md", *(page.name for page in PAGE.values())}


def test_a_value_says_what_it_is_below_its_assignment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The text is found through imports; a value without one has no entry, so the docs are not built."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "some_values.py").write_text('DAY = 86_400_000\n"""A day, in ms."""\nHOUR = 3_600_000\n')
    (tmp_path / "other_values.py").write_text("from some_values import DAY, HOUR\n")
    assert api.said_of("other_values", "DAY") == "A day, in ms."
    with pytest.raises(LookupError, match=r"some_values\.HOUR has no text"):
        api.said_of("other_values", "HOUR")
