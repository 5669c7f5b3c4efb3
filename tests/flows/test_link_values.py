"""What a page shows: the circumstances, as text and nothing but text."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import pytest

from matrix_threepid.testing import ALICE, BOB, World

from .acting import PURPOSES, SUBMIT, ask_for, give
from .reading import query_of, read

HOSTILE = (
    "<img src=x onerror=alert(1)>",
    '"><script>alert(1)</script>',
    "</title>",
    "%VALIDATION_TOKEN%",
    "{{7*7}}",
    "$server",
    "${server}",
    "{token}",
    "\u202egpj.exe",
)


@pytest.mark.rule("REQ-LINK-1", "SEC-44", "SEC-132")
@pytest.mark.parametrize("purpose", PURPOSES)
def test_the_page_says_what_is_asked_and_by_whom(make_world: Callable[..., World], purpose: str) -> None:
    """The page names purpose, server, masked address, account where known, origin, time, and where it leads."""
    world = make_world(server_name="matrix.example.com")
    user = ALICE if purpose == "add" else None
    ask_for(world, purpose, user=user, body={"next_link": "https://app.example.org:8443/done"})
    text = read(world.open_link()).text
    for shown in (
        "matrix.example.com",
        "a***@example.org",
        "203.0.113.*",
        "2023-11-14 22:13 UTC",
        "app.example.org:8443",
    ):
        assert shown in text
    assert "alice@example.org" not in text
    assert (ALICE in text) is (purpose != "register")


@pytest.mark.rule("SEC-44")
def test_the_purposes_read_differently(world: World) -> None:
    """Nobody can take one purpose for another: the three pages share no sentence that names it."""
    texts = set()
    for purpose in PURPOSES:
        ask_for(world, purpose, f"{purpose}@example.org")
        texts.add(read(world.open_link()).text.replace(f"{purpose[0]}***@example.org", "").partition("Time")[0])
    assert len(texts) == len(PURPOSES)


@pytest.mark.parametrize("language", ["en", "de"])
def test_pages_come_in_the_readers_language(make_world: Callable[..., World], language: str) -> None:
    """A page is in the language its reader asks for, out of those the host offers."""
    world = make_world({"languages": ("en", "de")})
    world.ask()
    page = world.open_link(headers={"accept-language": f"fr, {language};q=0.5"})
    assert read(page).of("html") == [{"lang": language, "dir": "ltr"}]


@pytest.mark.rule("REQ-LINK-6", "SEC-16")
@pytest.mark.parametrize("hostile", HOSTILE)
def test_values_stay_values(make_world: Callable[..., World], hostile: str) -> None:
    """Whatever is shown on a page is shown as text: no element, attribute or placeholder comes out of it."""
    user = f"@{hostile.replace(' ', '/')}:hs.example.org"
    plain, world = make_world(), make_world()
    plain.ask(user=ALICE)
    world.ask(user=user)
    for more in ("", "&answer=refuse"):
        expected = read(plain.call("GET", SUBMIT, query=query_of(plain) + more))
        page = read(world.call("GET", SUBMIT, query=query_of(world) + more))
        assert [tag for tag, _ in page.found] == [tag for tag, _ in expected.found]
        assert [list(each) for _, each in page.found] == [list(each) for _, each in expected.found]
        shown = user.replace("\u202e", " ")  # which would turn the text around
        assert more or shown in page.text


@pytest.mark.rule("SEC-16")
@pytest.mark.parametrize("hostile", [f"{each}@example.org" for each in ("{{7*7}}", "$server", "{token}", "'--%s")])
def test_addresses_stay_addresses(world: World, hostile: str) -> None:
    """An address that looks like a template is masked and shown, not filled in."""
    world.ask(hostile)
    assert world.outbox.last.recipient == hostile
    assert f"{hostile[0]}***@example.org" in read(world.open_link()).text


@pytest.mark.rule("SEC-16")
@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_query_is_never_shown(world: World, hostile: str) -> None:
    """A link somebody made up shows a fixed page: nothing of its query appears."""
    world.ask()
    for query in (f"sid={quote(hostile)}&token=x", query_of(world) + f"&client_secret={quote(hostile)}"):
        page = world.call("GET", SUBMIT, query=query)
        assert page.status == 400
        assert page.body == world.call("GET", SUBMIT).body


def test_a_page_of_a_reset_names_the_account(world: World) -> None:
    """Whoever confirms a reset reads whose password it is, whoever asked for it."""
    give(world, "bob@example.org")
    world.ask("bob@example.org", purpose="password", user=ALICE)
    shown = read(world.open_link()).text
    assert BOB in shown
