"""Which language a person gets, and what the sentences are made of."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from matrix_threepid import Request
from matrix_threepid.model.brand import Brand
from matrix_threepid.testing import World
from matrix_threepid.texts.layouts import TEMPLATES
from matrix_threepid.texts.pages import PAGES, BuiltInPages

from .reading import read


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


@pytest.mark.parametrize(
    ("accepted", "offered", "language"),
    [
        ("pt-BR", ("en", "pt-BR"), "pt-BR"),
        ("pt-br, en;q=0.5", ("en", "pt-BR"), "pt-BR"),
        ("pt", ("en", "pt-BR"), "pt-BR"),
        ("pt-PT", ("pt-BR", "pt"), "pt"),
        ("de-CH-1996", ("en", "de", "de-CH"), "de-CH"),
        ("zh-TW", ("en", "zh-Hans", "zh-Hant"), "zh-Hant"),
        ("zh-Hant-HK", ("en", "zh-Hans", "zh-Hant"), "zh-Hant"),
        ("zh", ("en", "zh-Hant", "zh-Hans"), "zh-Hans"),
        ("zh-CN", ("en", "zh-Hans", "zh-Hant"), "zh-Hans"),
        ("zh-CN", ("en", "zh-Hant"), "zh-Hant"),
        ("iw", ("en", "he"), "he"),
        ("no", ("en", "nb"), "nb"),
        ("de-x-private, fr", ("en", "fr", "de"), "de"),
        ("*", ("en", "de"), "en"),
        ("-", ("en", "de"), "en"),
    ],
)
def test_regions_and_scripts_are_looked_up(accepted: str, offered: tuple[str, ...], language: str) -> None:
    """A wish is shortened until a language fits (RFC 4647); Chinese is looked up by its script."""
    assert Request("GET", "/", {"accept-language": accepted}).best_language(offered) == language


@pytest.mark.parametrize("page", PAGES)
def test_a_sentence_without_its_value_is_left_out(page: str) -> None:
    """What is not known is not mentioned: no page shows a placeholder."""
    shown = BuiltInPages().render(page, "en", {"server": "hs.example.org", "purpose": "add"})
    assert "%(" not in shown
    assert "None" not in shown


@pytest.mark.parametrize("language", ["ar", "he-IL"])
def test_what_is_written_from_right_to_left_is_marked(make_world: Callable[..., World], language: str) -> None:
    """``dir`` says how the page runs; values that run the other way are isolated, so that they stay in one piece."""
    world = make_world({"languages": ("en", language)})
    world.ask(user="@alice:hs.example.org")
    page = read(world.open_link(headers={"accept-language": language}))
    assert [(each["lang"], each["dir"]) for each in page.of("html")] == [(language.partition("-")[0], "rtl")]
    assert "\u2068@alice:hs.example.org\u2069" in page.text


def test_a_host_brings_its_own_texts(tmp_path: Path, make_world: Callable[..., World]) -> None:
    """A directory replaces the sentences it holds; values in them are escaped all the same."""
    (tmp_path / "en.po").write_text(
        'msgid "Someone asked to add this address to an account on %(server)s."\n'
        'msgstr "<b>%(server)s</b> asks for 100 %% of you"\n',
        "utf-8",
    )
    world = make_world(pages=BuiltInPages(tmp_path))
    world.ask()
    shown = world.open_link().body.decode()
    assert "&lt;b&gt;hs.example.org&lt;/b&gt; asks for 100 % of you" in shown
    assert "Confirm only if this was you." in shown


@pytest.mark.rule("SEC-131")
def test_a_host_brings_its_own_style_and_images(tmp_path: Path, make_world: Callable[..., World]) -> None:
    """The headers allow the host's style sheet by its hash and the place of its logo, and nothing else."""
    (tmp_path / "page.css").write_text("h1{color:#030}")
    world = make_world({"brand": Brand(logo="https://img.example.org/a/logo.png")}, pages=BuiltInPages(tmp_path))
    world.ask()
    page = world.open_link()
    style = b64encode(sha256(b"h1{color:#030}").digest()).decode()
    policy = page.header("Content-Security-Policy") or ""
    assert f"style-src 'sha256-{style}';" in policy
    assert "img-src 'self' https://img.example.org;" in policy
    assert "<style>h1{color:#030}</style>" in page.body.decode()
    assert [each["src"] for each in read(page).of("img")] == ["https://img.example.org/a/logo.png"]


@pytest.mark.rule("SEC-16")
def test_no_template_switches_escaping_off() -> None:
    """The shipped layouts hold no script and no word that would let markup through."""
    for layout in TEMPLATES.glob("*.html"):
        text = layout.read_text("utf-8")
        assert "<script" not in text
        assert "|safe" not in text
        assert "autoescape" not in text
