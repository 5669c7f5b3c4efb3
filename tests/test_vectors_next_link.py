"""``next_link``: which links are taken, and where the browser is sent after the confirmation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from data import cases, load, spelled

from matrix_threepid.testing import World

LINKS = load("next_links")


def ask(world: World, link: Any) -> Any:
    return world.ask(body={"next_link": link})


def location(world: World, link: str) -> str | None:
    sid = ask(world, link).json()["sid"]
    response = world.confirm()
    assert response.status == 303
    return (response.header("Location") or "").replace(sid, "SID")


@pytest.mark.parametrize("case", **cases(LINKS["accepted"]))
def test_the_browser_goes_on_to_the_link(world: World, case: list[Any]) -> None:
    """After the confirmation the browser goes to ``next_link`` with the ``sid`` at its very end."""
    link, expected = map(spelled, case)
    assert location(world, link) == expected


@pytest.mark.rule("SEC-212")
@pytest.mark.parametrize("case", **cases(LINKS["refused"]))
def test_a_link_that_is_no_plain_web_link_is_refused(world: World, case: Any) -> None:
    """Other schemes, user-info, odd characters and odd hosts answer 400; nothing is stored or sent."""
    response = ask(world, spelled(case))
    assert (response.status, response.json()["errcode"]) == (400, "M_INVALID_PARAM")
    assert world.outbox.messages == [] == world.homeserver.sessions.dump()  # type: ignore[attr-defined]


@pytest.mark.parametrize("link", **cases(LINKS["wrong types"]))
def test_a_link_is_a_string(world: World, link: Any) -> None:
    """``next_link`` of another JSON type answers 400."""
    assert ask(world, link).json()["errcode"] == "M_INVALID_PARAM"
    assert world.outbox.messages == []


@pytest.mark.parametrize(
    ("link", "status"),
    [
        ("https://app.example/x", 200),
        ("https://app.example:443/x", 200),
        ("https://APP.example:8443/x", 200),
        ("https://app.example:8444/x", 400),
        ("https://app.example:0/", 400),
        ("http://app.example/", 400),
        ("http://dev.example:8080/", 200),
        ("https://dev.example:8080/", 400),
        ("https://evil.example/app.example", 400),
        ("https://app.example.evil.example/", 400),
        ("https://notapp.example/", 400),
        ("https://app.example@evil.example/", 400),
    ],
)
def test_an_allow_list_names_whole_places(make_world: Callable[..., World], link: str, status: int) -> None:
    """Where the policy lists hosts, a link must lead to one of them: over https and at its port, unless it says so."""
    assert (
        ask(
            make_world({"next_link_hosts": {"app.example", "app.example:8443", "http://dev.example:8080"}}), link
        ).status
        == status
    )


@pytest.mark.parametrize("name", ["next_link", "nextLink"])
def test_a_link_in_the_query_is_never_followed(world: World, name: str) -> None:
    """Only the ``next_link`` of the request counts; one added to the mail's link is ignored."""
    ask(world, "https://app.example/")
    response = world.confirm(**{name: "https://evil.example/"})
    assert (response.header("Location") or "").startswith("https://app.example/?sid=")


def test_without_a_link_the_page_has_no_secret_in_its_address(world: World) -> None:
    """Without ``next_link`` the browser goes to a page of ours whose address carries no token."""
    world.ask()
    place = world.confirm().header("Location") or ""
    assert place == "https://hs.example.org/_matrix/client/unstable/threepid/email/confirmed?purpose=add"
