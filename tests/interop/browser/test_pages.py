"""The link page in a real browser: one button, with and without scripts, and the way on to ``next_link``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from matrix_threepid import AccountThreepid, Medium, Policy, run_sync
from matrix_threepid.hosts.asgi import Asgi
from matrix_threepid.testing import ALICE, GENEROUS, World

from ..serving import served
from .driver import chromium

_WAIT = 20


async def _app_of_a_client(scope: Any, receive: Any, send: Any) -> None:
    """Stand in for a web client at another origin."""
    headers = [(b"content-type", b"text/html; charset=utf-8")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"<title>the client</title>welcome back"})


@pytest.fixture(scope="module", params=["with scripts", "without scripts"])
def browser(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A fresh Chromium; half of the tests run with scripts switched off."""
    with chromium(tmp_path_factory.mktemp("profile"), scripts=request.param == "with scripts") as driver:
        yield driver


@pytest.fixture
def host() -> Iterator[World]:
    """A homeserver in memory, reached over real HTTP at the address its links name."""
    world = World()
    with served(_answers(world)) as port:
        world.rewire(policy=Policy(public_base_url=f"http://localhost:{port}", limits=GENEROUS))
        yield world


def _answers(world: World) -> Any:
    """Serve whatever service the world has now."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await Asgi(world.service)(scope, receive, send)

    return app


def _title(browser: Any) -> str:
    return str(browser.find_element(By.TAG_NAME, "h1").text)


def _wait_for(browser: Any, title: str) -> None:
    # A page that goes away is told by several errors, and not all of them have a class of their own.
    leaving = (WebDriverException,)
    WebDriverWait(browser, _WAIT, ignored_exceptions=leaving).until(lambda _: _title(browser) == title)


def _press(browser: Any) -> None:
    browser.find_element(By.TAG_NAME, "button").click()


@pytest.mark.rule("SEC-264")
def test_a_person_confirms_with_one_button(browser: Any, host: World) -> None:
    """The button leads to a page that says thank you, at an address without the token."""
    sid = host.ask().json()["sid"]
    browser.get(host.outbox.last.link)
    assert len(browser.find_elements(By.TAG_NAME, "button")) == 1
    _press(browser)
    _wait_for(browser, "Address confirmed")
    assert "token" not in browser.current_url.partition("?")[2]
    assert host.add(sid).status == 200


@pytest.mark.rule("SEC-264")
def test_a_person_goes_on_to_the_client(browser: Any, host: World) -> None:
    """The page's policy lets its form lead to the next_link it names, and the sid goes along."""
    with served(_app_of_a_client) as port:
        sid = host.ask(body={"next_link": f"http://localhost:{port}/#/done"}).json()["sid"]
        browser.get(host.outbox.last.link)
        assert f"localhost:{port}" in browser.find_element(By.TAG_NAME, "main").text
        _press(browser)
        WebDriverWait(browser, _WAIT).until(lambda _: browser.title == "the client")
        assert browser.current_url == f"http://localhost:{port}/#/done?sid={sid}"


@pytest.mark.rule("SEC-264")
def test_a_person_stops_what_was_not_theirs(browser: Any, host: World) -> None:
    """The way out is a second page with one button; afterwards the link is dead."""
    host.ask()
    link = host.outbox.last.link
    browser.get(link)
    browser.find_element(By.TAG_NAME, "a").click()
    _wait_for(browser, "Stop this request?")
    _press(browser)
    _wait_for(browser, "Request stopped")
    browser.get(link)
    assert _title(browser) == "Request stopped"


@pytest.mark.rule("REQ-LINK-7")
def test_a_person_who_is_late_gets_a_new_mail(browser: Any, host: World) -> None:
    """The page of an old link sends a new mail by one button, found by keyboard alone, whose link serves the client."""
    sid = host.ask().json()["sid"]
    first = host.outbox.last.link
    host.clock.advance(3_600_000)
    browser.get(first)
    assert _title(browser) == "This link has expired"
    _keys(browser, Keys.TAB)
    assert browser.switch_to.active_element.text == "Send a new mail"
    _keys(browser, Keys.ENTER)
    _wait_for(browser, "A new mail is on its way")
    assert not browser.find_elements(By.TAG_NAME, "button")
    assert len(host.outbox.messages) == 2
    browser.get(host.outbox.last.link)
    _press(browser)
    _wait_for(browser, "Address confirmed")
    assert host.add(sid).status == 200
    browser.get(first)
    assert _title(browser) == "Already confirmed"
    assert not browser.find_elements(By.TAG_NAME, "button")


def test_the_page_is_styled(browser: Any, host: World, tmp_path: Path) -> None:
    """The page's own style sheet passes its policy: the button has our colour."""
    host.ask()
    browser.get(host.outbox.last.link)
    colour = browser.find_element(By.TAG_NAME, "button").value_of_css_property("background-color")
    assert colour == "rgba(10, 95, 67, 1)"
    assert browser.save_screenshot(str(tmp_path / "page.png"))


def _keys(browser: Any, *keys: str) -> None:
    ActionChains(browser).send_keys(*keys).perform()


@pytest.mark.parametrize("purpose", ["add", "register", "password"])
def test_the_keyboard_alone_confirms(browser: Any, host: World, purpose: str) -> None:
    """The first stop of the Tab key is the button, with a visible frame, and Enter presses it."""
    if purpose == "password":
        held = AccountThreepid(medium=Medium.EMAIL, address="alice@example.org", validated_at=1, added_at=2)
        run_sync(host.accounts.add(ALICE, held))
    host.ask(purpose=purpose)
    browser.get(host.outbox.last.link)
    _keys(browser, Keys.TAB)
    focused = browser.switch_to.active_element
    assert (focused.tag_name, focused.value_of_css_property("outline-style")) == ("button", "solid")
    _keys(browser, Keys.ENTER)
    _wait_for(browser, "Address confirmed")


def test_the_keyboard_alone_stops(browser: Any, host: World) -> None:
    """The second stop of the Tab key leads to the page that stops the request, and its first stop is the button."""
    host.ask()
    browser.get(host.outbox.last.link)
    _keys(browser, Keys.TAB, Keys.TAB, Keys.ENTER)
    _wait_for(browser, "Stop this request?")
    _keys(browser, Keys.TAB, Keys.ENTER)
    _wait_for(browser, "Request stopped")
