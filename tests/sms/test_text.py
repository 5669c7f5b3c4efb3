"""What an SMS says: short, in its language, and fit for phones to fill in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from matrix_threepid import Purpose
from matrix_threepid.model.message import MessageKind
from matrix_threepid.senders.sms_text import segments, sms_text
from matrix_threepid.texts.catalogue import BUILT_IN, Texts

from .gateway import told

LANGUAGES = sorted(path.stem for path in BUILT_IN.glob("*.json"))


@pytest.mark.rule("SEC-33")
@pytest.mark.parametrize("purpose", Purpose, ids=lambda purpose: purpose.value)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("digits", [6, 8])
def test_a_text_is_paid_as_one_segment(language: str, purpose: Purpose, digits: int) -> None:
    """In every shipped language and for every purpose the text names the server and fits one segment."""
    text = sms_text(Texts(), told(language=language, purpose=purpose, code="1" * digits))
    assert segments(text) == 1
    assert len(text) > 70, "the alphabet of one-segment texts was left"
    assert "example.org" in text.splitlines()[0]


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_its_own_words(language: str) -> None:
    """No text falls back to English."""
    english, own = (sms_text(Texts(), told(language=name)) for name in ("en", language))
    assert (own == english) is (language == "en")


def test_the_last_line_belongs_to_one_site() -> None:
    """Phones offer the code to the site named, and to no other (origin-bound one-time codes)."""
    lines = sms_text(Texts(), told()).split("\n")
    assert lines[-2:] == ["", "@matrix.example.org #123456"]
    assert lines[0].startswith("123456 ")


def test_without_a_site_there_is_no_last_line() -> None:
    """A message without a host is one line."""
    assert sms_text(Texts(), told(host="")).count("\n") == 0


@pytest.mark.parametrize(
    ("changes", "first"),
    [
        ({"server": "a" * 120}, "123456 is your code. Give it to nobody."),
        ({"server": "a" * 120, "host": "h" * 100}, "123456 is your code. Give it to nobody."),
        ({"server": "a" * 120, "host": "h" * 140}, "123456"),
        ({"server": "пример.рф"}, "123456 is your code. Give it to nobody."),
        ({"host": "h" * 160}, "123456"),
        (
            {"language": "tlh"},
            "123456 is your code to add this number to an account on example.org. Give it to nobody.",
        ),
        (
            {"language": "../en"},
            "123456 is your code to add this number to an account on example.org. Give it to nobody.",
        ),
    ],
)
def test_long_names_shorten_the_text(changes: dict[str, Any], first: str) -> None:
    """Whatever the server is called, the code arrives in one segment."""
    text = sms_text(Texts(), told(**changes))
    assert text.splitlines()[0] == first
    assert segments(text) == 1


def test_an_operator_may_choose_the_words(tmp_path: Path) -> None:
    """A catalogue of the operator's own comes before the built-in one."""
    (tmp_path / "en.json").write_text('{"sms": {"add": "$server: $code, $minutes min"}}')
    assert sms_text(Texts(tmp_path), told()).splitlines()[0] == "example.org: 123456, 10 min"


@pytest.mark.parametrize("changes", [{"kind": MessageKind.IN_USE}, {"kind": MessageKind.SILENCE}, {"code": None}])
def test_only_codes_are_written(changes: dict[str, Any]) -> None:
    """A message without a code is no SMS."""
    with pytest.raises(ValueError, match="holds a code"):
        sms_text(Texts(), told(**changes))


@pytest.mark.parametrize(
    ("text", "paid"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("ä" * 160, 1),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("ж" * 70, 1),
        ("ж" * 71, 2),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        ("ж" * 135, 3),
    ],
)
def test_segments_are_counted_as_networks_do(text: str, paid: int) -> None:
    """160 characters of GSM 03.38 make one SMS, 70 of UTF-16; parts of longer ones hold 153 and 67."""
    assert segments(text) == paid
