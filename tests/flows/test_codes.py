"""Codes that people type: short, short-lived, and few guesses."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any
from unicodedata import decimal

import pytest

from matrix_threepid.events import WrongToken
from matrix_threepid.testing import ALICE, World

from .acting import DAY, MINUTE, SUBMIT, ask_for, give, refusal, submit, token_of


@pytest.fixture
def coded(make_world: Callable[..., World]) -> World:
    """A world whose password resets go by code; Alice has her address."""
    world = make_world({"password_reset_by": "code"})
    give(world, "alice@example.org", ALICE)
    return world


def ask_code(world: World, secret: str = "secret", attempt: int = 1, **more: Any) -> tuple[str, str]:
    """Return session and code."""
    sid = world.ask(purpose="password", secret=secret, attempt=attempt, **more).json()["sid"]
    return sid, token_of(world.outbox.last)


def wrong(code: str) -> str:
    return str((int(code) + 1) % 10 ** len(code)).zfill(len(code))


@pytest.mark.rule("REQ-SUBMIT-7", "REQ-SUBMIT-8", "REQ-SUBMIT-9")
def test_a_mail_has_a_code_or_a_link(coded: World) -> None:
    """A reset by code sends no link at all, and only then the answer holds a ``submit_url``."""
    answer = coded.ask(purpose="password").json()
    assert answer["submit_url"] == f"https://hs.example.org{SUBMIT}"
    assert "/identity/" not in answer["submit_url"]
    assert coded.outbox.last.link is None
    assert len(coded.outbox.last.code or "") == 6
    assert "submit_url" not in coded.ask("new@example.org").json()
    assert coded.outbox.last.code is None


def test_a_code_opens_no_page(coded: World) -> None:
    """A session with a code has no page that a scanner or a passer-by could confirm."""
    sid, code = ask_code(coded)
    assert coded.call("GET", SUBMIT, query=f"sid={sid}&token={code}").status == 400
    assert submit(coded, sid, code).json() == {"success": True}


@pytest.mark.rule("REQ-SESS-3", "SEC-115")
@pytest.mark.parametrize(("age", "status"), [(10 * MINUTE - 1, 200), (10 * MINUTE, 400)])
def test_a_code_lives_ten_minutes(coded: World, age: int, status: int) -> None:
    """A code is short, so it is good for ten minutes only; the message says so."""
    sid, code = ask_code(coded)
    assert coded.outbox.last.lifetime == 10 * MINUTE
    coded.clock.advance(age)
    assert submit(coded, sid, code).status == status


@pytest.mark.rule("REQ-SESS-7", "SEC-24")
def test_a_code_dies_after_five_guesses(coded: World) -> None:
    """Five wrong codes answer M_TOKEN_INCORRECT; then even the right one is refused as expired."""
    sid, code = ask_code(coded)
    answers = [refusal(submit(coded, sid, wrong(code))) for _ in range(5)]
    assert answers == [(400, "M_TOKEN_INCORRECT")] * 5
    assert refusal(submit(coded, sid, code)) == (400, "M_SESSION_EXPIRED")
    assert len(coded.events.of(WrongToken)) == 5


@pytest.mark.rule("REQ-SESS-7")
def test_the_fifth_guess_counts(coded: World) -> None:
    """After four wrong codes the right one still validates."""
    sid, code = ask_code(coded)
    for _ in range(4):
        submit(coded, sid, wrong(code))
    assert submit(coded, sid, code).json() == {"success": True}


def test_a_new_code_replaces_the_old(coded: World) -> None:
    """After a second mail only its code fits, with five guesses of its own."""
    sid, first = ask_code(coded)
    for _ in range(5):
        submit(coded, sid, wrong(first))
    again, second = ask_code(coded, attempt=2)
    assert again == sid
    assert first != second
    assert refusal(submit(coded, sid, first)) == (400, "M_TOKEN_INCORRECT")
    assert submit(coded, sid, second).json() == {"success": True}


@pytest.mark.rule("SEC-24", "SEC-116")
def test_an_address_has_25_guesses_a_day(coded: World) -> None:
    """Over all sessions and clients an address takes 25 guesses a day; then the right code waits as well."""
    for count in range(5):
        sid, code = ask_code(coded, f"s{count}", client=f"198.51.100.{count}")
        for _ in range(5):
            submit(coded, sid, wrong(code), f"s{count}", client=f"192.0.2.{count}")
    sid, code = ask_code(coded, "mine")
    assert refusal(submit(coded, sid, code, "mine")) == (429, "M_LIMIT_EXCEEDED")
    coded.clock.advance(DAY)
    sid, code = ask_code(coded, "tomorrow")
    assert submit(coded, sid, code, "tomorrow").json() == {"success": True}


def test_links_are_not_counted_as_guesses(world: World) -> None:
    """A link's token cannot be guessed, so wrong ones neither count nor lock anybody out."""
    sid = ask_for(world, "add").json()["sid"]
    for _ in range(40):
        assert refusal(submit(world, sid, "wrong")) == (400, "M_TOKEN_INCORRECT")
    assert submit(world, sid, token_of(world.outbox.last)).status == 200


PASTED = {
    "blank in the middle": "{0} {1}",
    "blank behind": "{0}{1} ",
    "line end": "{0}{1}\r\n",
    "hash of the last line": "#{0}{1}",
    "hyphen": "{0}-{1}",
    "no-break blank": "{0}\u00a0{1}",
    "narrow blank": "{0}\u202f{1}",
    "marks of direction": "\u202a{0}{1}\u202c",
    "invisible mark": "{0}\u200b{1}",
    "byte order mark": "\ufeff{0}{1}",
    "joiner of letters": "{0}\u034f{1}",
    "filler": "{0}\u3164{1}",
    "en dash": "{0}\u2013{1}",
    "em dash": "{0}\u2014{1}",
    "minus sign": "{0}\u2212{1}",
    "full-width hyphen": "{0}\uff0d{1}",
    "full-width hash": "\uff03{0}{1}",
    "ideographic blank": "{0}\u3000{1}",
    "tab": "\t{0}{1}",
    "full stop of the sentence": "{0}{1}.",
    "quotation marks": "\u201c{0}{1}\u201d",
    "underscores": "{0}_{1}",
    "last line of an SMS": "@hs.example.org #{0}{1}",
    "last line with a frame": "@hs.example.org #{0}{1} @pay.example.org",
    "whole SMS": "99 is no code. Give it to nobody.\n\n@hs.example.org #{0}{1}",
}


@pytest.mark.rule("REQ-SUBMIT-4")
@pytest.mark.parametrize("form", PASTED.values(), ids=PASTED.keys())
def test_a_code_is_read_as_people_paste_it(coded: World, form: str) -> None:
    """What surrounds and separates the digits of a code changes nothing, and is no wrong guess."""
    sid, code = ask_code(coded)
    assert submit(coded, sid, form.format(code[:3], code[3:])).json() == {"success": True}
    assert coded.events.of(WrongToken) == []


@pytest.mark.rule("REQ-SUBMIT-4")
def test_digits_of_any_script_are_digits(coded: World) -> None:
    """A keyboard of another script types the same code: every script of Unicode, in one table."""
    zeros = [char for char in map(chr, range(sys.maxunicode + 1)) if decimal(char, None) == 0]
    sid, code = ask_code(coded)
    answers = {
        zero: submit(coded, sid, "".join(chr(ord(zero) + int(digit)) for digit in code)).json() for zero in zeros
    }
    assert {zero: answer for zero, answer in answers.items() if answer != {"success": True}} == {}
    assert len(zeros) > 60


@pytest.mark.rule("REQ-SUBMIT-4")
@pytest.mark.parametrize("form", ["a{0}", "{0}a", "code {0}", "{0}7", "@hs.example.org {0}0"])
def test_other_letters_and_digits_make_a_wrong_code(coded: World, form: str) -> None:
    """Nothing is searched for a code: a text with other words or digits in it is a wrong guess."""
    sid, code = ask_code(coded)
    assert refusal(submit(coded, sid, form.format(code))) == (400, "M_TOKEN_INCORRECT")
    assert len(coded.events.of(WrongToken)) == 1


def test_a_token_of_a_link_is_not_read_so(world: World) -> None:
    """A link's token is compared as it stands: nobody types it."""
    sid = world.ask().json()["sid"]
    assert refusal(submit(world, sid, f"{token_of(world.outbox.last)} ")) == (400, "M_TOKEN_INCORRECT")
