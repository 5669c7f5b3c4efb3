"""What an SMS says: short, in its language, and fit for phones to fill in."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import pytest

from matrix_threepid import Purpose
from matrix_threepid.model.message import MessageKind
from matrix_threepid.senders._sms import segments, sms_text, wordings
from matrix_threepid.texts.catalogue import Texts

from .gateway import told

LANGUAGES = Texts().languages


@pytest.mark.rule("SEC-33")
def test_a_text_is_paid_as_one_segment() -> None:
    """In every language, for every purpose, with a host name of 25 characters, the whole sentence fits one segment."""
    texts, offenders = Texts(), []
    for language, purpose, digits in product(LANGUAGES, Purpose, (6, 8)):
        message = told(language=language, purpose=purpose, code="1" * digits, host="h" * 21 + ".org", server="s" * 25)
        text, sentence = sms_text(texts, message), wordings(texts, message)[-3]
        whole = digits == 8 or sentence.partition("\n")[0] in text
        if segments(text) != 1 or f"#{message.code}" not in text or not whole:
            offenders.append((language, purpose.value, text))
    assert offenders == []


def test_the_brand_is_named_where_there_is_room() -> None:
    """Where the whole text would cost a second SMS the brand is left out first, then the warning."""
    assert sms_text(Texts(), told()).startswith(
        "example.org: 123456 is your code to add this number to an account. Give"
    )
    longer = sms_text(Texts(), told(server="s" * 60))
    assert longer.startswith("123456 is your code to add this number to an account. Give it to nobody.")
    longest = sms_text(Texts(), told(server="s" * 60, host="h" * 80))
    assert longest.startswith("123456 is your code to add this number to an account.\n")


def test_the_last_line_belongs_to_one_site() -> None:
    """Phones offer the code to the site named, and to no other (origin-bound one-time codes)."""
    lines = sms_text(Texts(), told()).split("\n")
    assert lines[-2:] == ["", "@matrix.example.org #123456"]
    assert "123456" in lines[0]


def test_without_a_site_there_is_no_last_line() -> None:
    """A message without a host is one line."""
    assert sms_text(Texts(), told(host="")).count("\n") == 0


@pytest.mark.parametrize(
    ("changes", "first"),
    [
        ({"server": "a" * 120}, "123456 is your code to add this number to an account. Give it to nobody."),
        ({"server": "a" * 120, "host": "h" * 80}, "123456 is your code to add this number to an account."),
        ({"server": "a" * 120, "host": "h" * 140}, "123456"),
        ({"server": "пример.рф"}, "123456 is your code to add this number to an account. Give it to nobody."),
        ({"host": "h" * 160}, "123456"),
        (
            {"language": "tlh"},
            "example.org: 123456 is your code to add this number to an account. Give it to nobody.",
        ),
        (
            {"language": "../en"},
            "example.org: 123456 is your code to add this number to an account. Give it to nobody.",
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
    sentence = "%(code)s is your code to add this number to an account."
    (tmp_path / "en.po").write_text(f'msgid "{sentence}"\nmsgstr "Type %(code)s"\n')
    assert sms_text(Texts(tmp_path), told()).splitlines()[0] == "example.org: Type 123456 Give it to nobody."


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
