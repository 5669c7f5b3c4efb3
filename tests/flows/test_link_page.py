"""The page behind a link: it shows, it asks, and only its button does anything."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from matrix_threepid import Lifetimes
from matrix_threepid.testing import World

from .acting import FORM, HOUR, PURPOSES, SUBMIT, ask_for, dump, proved_for, recorded, token_of
from .reading import query_of, read

HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Pragma": "no-cache",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Robots-Tag": "noindex",
}


@pytest.mark.rule("REQ-LINK-3", "SEC-7", "SEC-130")
@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize(
    "headers", [{}, {"purpose": "prefetch"}, {"sec-purpose": "prefetch;prerender"}, {"range": "bytes=0-9"}]
)
def test_opening_a_link_changes_nothing(world: World, purpose: str, method: str, headers: dict[str, str]) -> None:
    """Scanners and prefetchers may open a link as often as they like: the store stays as it was."""
    ask_for(world, purpose)
    before = dump(world)
    for _ in range(20):
        assert world.open_link(method=method, headers=headers).status in (200, 204)
    assert dump(world) == before


def test_head_has_the_headers_of_get_and_no_body(world: World) -> None:
    """HEAD answers as GET does, without the page."""
    world.ask()
    got, head = world.open_link(), world.open_link(method="HEAD")
    assert (head.status, head.headers, head.body) == (got.status, got.headers, b"")


@pytest.mark.rule("REQ-LINK-3")
@pytest.mark.parametrize("purpose", PURPOSES)
def test_the_button_confirms_once_and_for_all(world: World, purpose: str) -> None:
    """The first POST validates; a second one, and opening the link again, show success and change nothing."""
    ask_for(world, purpose)
    assert world.confirm().status == 303
    [session] = dump(world)
    assert session.validated_at == world.clock.now
    world.clock.advance(60_000)
    assert world.confirm().status == 303
    assert "Already confirmed" in read(world.open_link()).text
    assert dump(world) == [session]


@pytest.mark.rule("SEC-7")
def test_a_used_link_says_so_after_the_session_has_served(world: World) -> None:
    """Once the address is on the account its link shows "already confirmed", never an error."""
    world.add(world.prove())
    assert world.open_link().status == 200
    assert "Already confirmed" in read(world.open_link()).text


@pytest.mark.rule("SEC-18", "SEC-132")
@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_page_has_one_button_and_no_script(world: World, purpose: str) -> None:
    """Each page has one form with one button, no script, and nothing from another origin."""
    ask_for(world, purpose, body={"next_link": "https://app.example.org/done"})
    for more in ("", "&answer=refuse"):
        page = read(world.call("GET", SUBMIT, query=query_of(world) + more))
        assert (len(page.of("form")), len(page.of("button"))) == (1, 1)
        assert not page.of("script")
        addresses = [
            value for _, each in page.found for name, value in each.items() if name in ("src", "href", "action")
        ]
        assert all((address or "").startswith("submit_token") for address in addresses)
        assert not [name for _, each in page.found for name in each if name.startswith("on")]


@pytest.mark.rule("REQ-LINK-6", "SEC-18", "SEC-47", "SEC-48", "SEC-131")
def test_every_page_carries_its_safety_headers(world: World) -> None:
    """Whatever a page says, nobody caches or frames it, or learns its address from a Referer."""
    world.ask()
    pages = [world.open_link(), world.call("GET", SUBMIT), world.confirm(), world.open_link()]
    pages += [
        world.confirm(answer="refuse"),
        world.open_link(),
        world.call("GET", SUBMIT.replace("submit_token", "confirmed")),
    ]
    for page in pages:
        assert {name: page.header(name) for name in HEADERS} == HEADERS
        policy = page.header("Content-Security-Policy") or ""
        for rule in ("default-src 'none'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"):
            assert rule in policy
        assert "unsafe" not in policy
        assert page.header("Set-Cookie") is None


@pytest.mark.rule("REQ-LINK-1", "SEC-37")
@pytest.mark.parametrize(
    "query", ["", "sid=x", "token=x", "sid=x&token=y", "sid=%00&token=%ff", "&".join(["x=1"] * 50)]
)
def test_a_broken_link_shows_a_page(world: World, query: str) -> None:
    """A link that is cut off, made up or stuffed with members shows a page with status 400, for GET and POST."""
    assert world.call("GET", SUBMIT, query=query).status == 400
    assert world.call("POST", SUBMIT, query.encode(), headers=FORM).status == 400


@pytest.mark.rule("REQ-LINK-0", "SEC-111")
def test_a_link_carries_sid_and_token_only(world: World) -> None:
    """The mail holds the session and a token of 256 bits, not the client's secret nor where it leads."""
    world.ask(body={"next_link": "https://app.example.org/done"})
    names = [pair.partition("=")[0] for pair in query_of(world).split("&")]
    assert names == ["sid", "token"]
    assert len(token_of(world.outbox.last)) == 43


@pytest.mark.rule("REQ-LINK-0", "SEC-111")
@pytest.mark.parametrize(("secret", "status"), [("secret", 303), ("other", 400), ("", 400)])
def test_a_client_secret_in_the_link_must_match(world: World, secret: str, status: int) -> None:
    """MSC2290's link with a ``client_secret`` works when the secret is right, and fails when it is not."""
    world.ask()
    assert world.call("GET", SUBMIT, query=f"{query_of(world)}&client_secret={secret}").status == (
        200 if status == 303 else 400
    )
    assert world.confirm(client_secret=secret).status == status


def test_the_page_passes_on_what_its_link_held(world: World) -> None:
    """The form repeats session, token and secret, so that its button posts what the link said."""
    world.ask()
    page = read(world.call("GET", SUBMIT, query=query_of(world) + "&client_secret=secret"))
    held = {each["name"]: each["value"] for each in page.of("input")}
    assert f"sid={held['sid']}&token={held['token']}" == query_of(world)
    assert held["client_secret"] == "secret"
    assert [form["method"] for form in page.of("form")] == ["post"]


@pytest.mark.rule("SEC-115")
@pytest.mark.parametrize(("age", "status"), [(HOUR - 1, 200), (HOUR, 400)])
def test_a_link_lives_an_hour(world: World, age: int, status: int) -> None:
    """An hour after it was sent a link shows "too old", even if nobody cleaned up."""
    world.ask()
    world.clock.advance(age)
    assert world.open_link().status == status
    assert world.confirm().status == (303 if status == 200 else 400)


def test_an_older_link_stays_good(world: World) -> None:
    """After a second mail the link of the first one still confirms."""
    world.ask(attempt=1)
    first = world.outbox.last
    world.ask(attempt=2)
    assert world.confirm(first).status == 303


@pytest.mark.rule("SEC-8")
def test_a_link_is_of_one_session(make_world: Callable[..., World]) -> None:
    """The token of one session does not open another, whoever asked for it."""
    world = make_world({"lifetimes": Lifetimes()})
    world.ask("a@example.org")
    other = world.ask("b@example.org").json()["sid"]
    first = world.outbox.messages[0]
    assert world.confirm(first, sid=other).status == 400
    assert all(session.validated_at is None for session in dump(world))


def test_a_listener_hears_of_nothing_twice(world: World) -> None:
    """Opening and confirming again asks the store, and writes nothing."""
    proved_for(world, "add")
    trace = recorded(world)
    world.open_link()
    world.confirm()
    assert set(trace) == {"sessions.get"}
