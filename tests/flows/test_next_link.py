"""``next_link``: where a person goes after the button, and where nobody can be sent."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import pytest

from matrix_threepid.errors import ConfigurationError
from matrix_threepid.testing import World

from .acting import PURPOSES, SUBMIT, ask_for, dump, refusal, token_of
from .reading import query_of, read


@pytest.mark.rule("REQ-LINK-2", "REQ-LINK-5", "SEC-18")
@pytest.mark.parametrize(
    ("next_link", "location"),
    [
        ("https://app.example.org/done", "https://app.example.org/done?sid="),
        ("https://app.example.org/done?a=b", "https://app.example.org/done?a=b&sid="),
        ("https://app.example.org/#/register?x=1", "https://app.example.org/#/register?x=1&sid="),
        (None, "https://hs.example.org/_matrix/client/unstable/threepid/email/confirmed?purpose=add"),
    ],
)
def test_after_the_button_comes_next_link(world: World, next_link: str | None, location: str) -> None:
    """The POST leads to ``next_link`` with the ``sid`` at its end, or to our own page; no URL holds the token."""
    sid = world.ask(body={"next_link": next_link}).json()["sid"]
    went = world.confirm().header("Location") or ""
    assert went == (location + sid if next_link else location)
    assert token_of(world.outbox.last) not in went


@pytest.mark.parametrize(
    ("purpose", "title", "follows"),
    [
        ("add", "Add an address to your account", "it adds the address to your account"),
        ("register", "Confirm the address for your new account", "it creates your account"),
        ("password", "Set a new password", "you choose your new password"),
    ],
)
def test_the_pages_name_the_purpose_and_what_follows(world: World, purpose: str, title: str, follows: str) -> None:
    """Title and heading name the purpose; before and after the button the page says how to go on in the client."""
    ask_for(world, purpose)
    asking = read(world.open_link()).text
    assert asking.count(title) == 2
    assert follows in asking
    path, _, query = (world.confirm().header("Location") or "").removeprefix("https://hs.example.org").partition("?")
    thanking = read(world.call("GET", path, query=query)).text
    assert thanking.count("Address confirmed") == 2
    assert follows in thanking
    assert follows in read(world.open_link()).text


def test_a_purpose_made_up_is_not_shown(world: World) -> None:
    """The purpose in the URL of the last page is one of ours, or the page names none."""
    page = world.call("GET", SUBMIT.replace("submit_token", "confirmed"), query="purpose=%3Cb%3Eevil")
    assert page.status == 200
    assert "evil" not in page.body.decode()


@pytest.mark.rule("REQ-LINK-4", "SEC-17")
@pytest.mark.parametrize("name", ["next_link", "nextLink"])
def test_a_link_cannot_lead_elsewhere(world: World, name: str) -> None:
    """A ``next_link`` in the link's query or form is ignored; only the one of the request counts."""
    world.ask(body={"next_link": "https://app.example.org/done"})
    evil = quote("https://evil.example.org/")
    page = world.call("GET", SUBMIT, query=f"{query_of(world)}&{name}={evil}")
    assert "evil" not in page.body.decode() + str(page.headers)
    assert (world.confirm(None, **{name: evil}).header("Location") or "").startswith(
        "https://app.example.org/done?sid="
    )


@pytest.mark.rule("REQ-LINK-4", "SEC-17")
@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        " https://app.example.org",
        "//evil.example.org",
        "/////evil.example.org",
        "https:\\\\evil.example.org",
        "https:evil.example.org",
        "https://good.example.org@evil.example.org",
        "https://evil.example.org\t/",
        "https://app.example.org/\r\nSet-Cookie: a=b",
        "http://[::1",
        "https://exa\u2100mple.org",
        "https://app.example.org/" + "x" * 2048,
        "https://app.example.org:99999/",
        "",
        5,
    ],
)
@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_bad_next_link_is_refused_at_once(world: World, purpose: str, link: str) -> None:
    """What is no absolute web link answers M_INVALID_PARAM; nothing is stored or sent."""
    assert refusal(ask_for(world, purpose, body={"next_link": link})) == (400, "M_INVALID_PARAM")
    assert not dump(world)
    assert not world.outbox.messages


@pytest.mark.rule("REQ-LINK-4", "SEC-17")
@pytest.mark.parametrize(
    ("link", "status"),
    [
        ("https://app.example.org/x", 200),
        ("https://APP.example.org/x", 200),
        ("https://evil.example.org/x", 400),
        ("https://app.example.org.evil.example.org/", 400),
        ("https://xapp.example.org/", 400),
    ],
)
def test_an_allow_list_narrows_next_link(make_world: Callable[..., World], link: str, status: int) -> None:
    """With ``next_link_hosts`` only exactly these hosts are taken; others are refused at requestToken."""
    world = make_world({"next_link_hosts": {"app.example.org"}})
    assert world.ask(body={"next_link": link}).status == status


@pytest.mark.rule("SEC-131")
def test_the_form_may_lead_to_next_link(world: World) -> None:
    """Browsers check every redirect behind a form, and ``next_link`` may redirect to any other https site."""
    world.ask(body={"next_link": "https://app.example.org:8443/done?x#y"})
    assert "form-action 'self' https:;" in (world.open_link().header("Content-Security-Policy") or "")


@pytest.mark.rule("SEC-131")
@pytest.mark.parametrize(
    ("link", "allowed"),
    [("http://app.example.org:8080/done", "'self' https: http://app.example.org:8080"), (None, "'self'")],
)
def test_the_form_may_lead_nowhere_else(world: World, link: str | None, allowed: str) -> None:
    """An origin without TLS is allowed if ``next_link`` is there, and nothing is if there is no ``next_link``."""
    world.ask(body={"next_link": link} if link else {})
    assert f"form-action {allowed};" in (world.open_link().header("Content-Security-Policy") or "")


APP = "io.example.app:/done?from=mail#x"


@pytest.mark.rule("REQ-LINK-4")
def test_an_app_is_opened_where_the_policy_names_its_scheme(make_world: Callable[..., World]) -> None:
    """A link of a listed scheme is redirected to, the page names the app, and its form may lead there."""
    world = make_world({"next_link_hosts": {"io.example.app:"}})
    sid = world.ask(body={"next_link": APP.replace("io.", "IO.")}).json()["sid"]
    asking = world.open_link()
    assert "io.example.app" in read(asking).text
    assert "form-action 'self' https: io.example.app:;" in (asking.header("Content-Security-Policy") or "")
    assert world.confirm().header("Location") == f"{APP}&sid={sid}"


@pytest.mark.rule("REQ-LINK-4")
@pytest.mark.parametrize("hosts", [None, {"other.app:"}, {"app.example.org"}, ()])
def test_no_other_app_is_opened(make_world: Callable[..., World], hosts: object) -> None:
    """Without its scheme in the list a link to an app is refused, also where any site is allowed."""
    world = make_world({"next_link_hosts": hosts})
    assert refusal(world.ask(body={"next_link": APP})) == (400, "M_INVALID_PARAM")


@pytest.mark.parametrize("rest", ["", "/a b", "/\\x", '/"', "/<", "x" * 2048])
def test_a_link_to_an_app_has_no_odd_characters(make_world: Callable[..., World], rest: str) -> None:
    """What could end a header or an attribute, an empty link and one that is too long are refused."""
    world = make_world({"next_link_hosts": {"io.example.app:"}})
    assert refusal(world.ask(body={"next_link": f"io.example.app:{rest}"})) == (400, "M_INVALID_PARAM")


@pytest.mark.parametrize("scheme", ["javascript:", "data:", "http:", "https:", "intent:", "file:", "9app:", "a/b:"])
def test_a_scheme_that_is_no_app_is_refused(make_world: Callable[..., World], scheme: str) -> None:
    """What browsers run or read in their own way cannot be listed as an app."""
    with pytest.raises(ConfigurationError, match=r"policy.next_link_hosts: must be a list, and each entry must be"):
        make_world({"next_link_hosts": {scheme}})
