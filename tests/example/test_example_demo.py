"""The demo: what it shows, and the page it stays up with."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from neighbours import lonely
from serving import PATIENCE, Example, ended, finished, started

from examples.homeserver.demo.person import Person
from examples.homeserver.demo.story import STEPS, tell
from matrix_threepid.testing.parts import Failed, Mailbox, fetch, press


def test_the_demo_shows_every_step_and_ends_well() -> None:
    """``demo`` prints the title of each step, and its exit status is 0."""
    status, output, errors = finished("demo")
    assert (status, errors) == (0, "")
    assert [title for title, _ in STEPS if title not in output] == []


def test_a_step_that_fails_is_named(server: Example, tmp_path: Path) -> None:
    """A story that cannot go on says at which step, and what the server answered."""
    Person(server.url).register("alice")
    story = lonely(server.url, tmp_path, Mailbox())
    with pytest.raises(Failed, match=r"step 1, Register alice: POST /register answered 400: .*M_USER_IN_USE"):
        tell(story)


def test_the_page_leads_from_an_address_to_the_account() -> None:
    """``demo --serve`` prints the address of a page whose buttons and mails add an address."""
    with ended(started("demo", "--serve")) as demo:
        assert demo.stdout is not None
        url = next(word for word in demo.stdout.readline().split() if word.startswith("http"))
        asked = press(fetch("GET", url))
        assert b"A mail is on its way to alice@example.org." in asked.body
        link = asked.body.decode().partition('<a href="')[2].partition('"')[0].replace("&amp;", "&")
        confirmed = press(fetch("GET", link))
        assert confirmed.url.startswith(url), "the link leads back to the page"
        assert b"alice@example.org is on the account." in press(confirmed).body
        demo.send_signal(signal.SIGINT)
        assert demo.wait(timeout=PATIENCE) == 0
