"""Which language a person gets, and what the sentences are made of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from matrix_threepid import Request
from matrix_threepid.testing import World
from matrix_threepid.texts.catalogue import BUILT_IN, Texts
from matrix_threepid.texts.pages import BuiltInPages

PAGES = ("confirm", "refuse", "already", "confirmed", "disowned", "failed", "expired", "foreign")


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("DE-at", "de"),
        ("fr, de;q=0.3", "de"),
        ("en;q=0.2, de;q=0.9", "de"),
        ("de, en", "de"),
        ("en, de", "en"),
        ("de;q=0", "en"),
        ("de;q=nan, en", "en"),
        (",;q=,;;q=x", "en"),
        ("x" * 10_000, "en"),
    ],
)
def test_the_language_liked_best_is_taken(accepted: str, language: str) -> None:
    """Quality first, then the order written; what is not acceptable or not offered falls back to the first offered."""
    request = Request("GET", "/", {"accept-language": accepted})
    assert request.best_language(("en", "de")) == language


@pytest.mark.parametrize("language", ["en", "de"])
def test_every_language_has_every_sentence(language: str) -> None:
    """A catalogue has the entries of the English one, so nobody reads two languages on a page."""
    texts, english = Texts()._read_catalogue(language), Texts()._read_catalogue("en")
    assert _shape(texts) == _shape(english)


def _shape(entry: object) -> object:
    return {name: _shape(value) for name, value in entry.items()} if isinstance(entry, dict) else None


@pytest.mark.parametrize("page", PAGES)
def test_a_sentence_without_its_value_is_left_out(page: str) -> None:
    """What is not known is not mentioned: no page shows a placeholder."""
    shown = BuiltInPages().render(page, "en", {"server": "hs.example.org", "purpose": "add"})
    assert "$" not in shown
    assert "None" not in shown


def test_a_host_brings_its_own_texts(tmp_path: Path, make_world: Callable[..., World]) -> None:
    """A directory replaces the sentences it holds; values in them are escaped all the same."""
    (tmp_path / "en.json").write_text('{"page": {"confirm": {"add": ["<b>$server</b> asks about $address"]}}}', "utf-8")
    world = make_world(pages=BuiltInPages(tmp_path))
    world.ask()
    shown = world.open_link().body.decode()
    assert "&lt;b&gt;hs.example.org&lt;/b&gt; asks about a***@example.org" in shown


@pytest.mark.rule("SEC-16")
def test_no_template_switches_escaping_off() -> None:
    """The shipped layouts hold no script and no word that would let markup through."""
    for layout in BUILT_IN.glob("*.html"):
        text = layout.read_text("utf-8")
        assert "<script" not in text
        assert "|safe" not in text
