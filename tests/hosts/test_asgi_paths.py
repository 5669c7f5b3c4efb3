"""Which requests are ours under ASGI, wherever the application is mounted, and what becomes of the others."""

from __future__ import annotations

from typing import Any

import pytest

from matrix_threepid.hosts.asgi import Asgi, Scope
from matrix_threepid.testing import World

from .driving import ASK, LIST, asked_of, run, scope_of, token


@pytest.mark.parametrize(
    ("root_path", "path"),
    [
        ("", LIST),
        ("", f"{LIST}/"),
        ("/_matrix/client", LIST),  # mounted by a framework that leaves the path whole
        ("/_matrix/client", LIST.removeprefix("/_matrix/client")),  # mounted by one that cuts it
        ("/hs", f"/hs{LIST}"),  # under a prefix the server knows of
        ("/hs/", f"/hs{LIST}"),
        ("/hs", LIST),  # under a prefix the proxy took off
    ],
)
def test_the_application_may_be_mounted(app: Asgi, root_path: str, path: str) -> None:
    """Endpoints are found wherever the application is mounted, whether the path holds the prefix or not."""
    assert run(app, scope_of("GET", path, token(), root_path=root_path)).status == 200


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("/elsewhere", {}),
        (f"{LIST}//", {}),
        (f"/hsx{LIST}", {"root_path": "/hs"}),
        (LIST, {"raw_path": LIST.replace("account/", "account%2F").encode()}),
        (LIST, {"raw_path": LIST.replace("account/", "account%2f").encode()}),
    ],
)
def test_what_is_not_ours_goes_elsewhere(world: World, path: str, more: dict[str, Any]) -> None:
    """Other paths are the other application's; without one they are unknown. An encoded slash is no slash."""
    scope = scope_of("GET", path, token(), **more)
    assert run(Asgi(world.service), scope).errcode == "M_UNRECOGNIZED"
    assert run(Asgi(world.service, otherwise=teapot), scope).status == 418


def test_other_encoded_characters_are_what_they_stand_for(app: Asgi) -> None:
    """``%33pid`` is ``3pid``: the server decodes it, and it means the same to everybody."""
    scope = scope_of("GET", LIST, token(), raw_path=LIST.replace("3pid", "%33pid").encode())
    assert run(app, scope).status == 200


def test_head_is_get_without_a_body(app: Asgi) -> None:
    """HEAD has the headers of GET, and claims no length it does not know."""
    got, headed = run(app, scope_of("GET", LIST, token())), run(app, scope_of("HEAD", LIST, token()))
    assert (headed.status, headed.body, "content-length" in headed.headers) == (200, b"", False)
    assert headed.headers == {name: value for name, value in got.headers.items() if name != "content-length"}


def test_errors_to_head_have_no_body(app: Asgi) -> None:
    """Whatever is wrong, the answer to HEAD has no body."""
    too_large = ("content-length", "99999999")
    answers = [run(app, scope_of("HEAD", *asked)) for asked in [("/elsewhere",), (LIST,), (LIST, too_large)]]
    assert [(answer.status, answer.body) for answer in answers] == [(404, b""), (401, b""), (413, b"")]


def test_options_says_what_browsers_ask(app: Asgi, world: World) -> None:
    """OPTIONS is answered with CORS headers alone, and asks nobody who calls."""
    asked = asked_of(world)
    answer = run(Asgi(world.service), scope_of("OPTIONS", ASK))
    assert (answer.status, answer.body, asked) == (204, b"", [])
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "content-length" not in answer.headers


def test_a_method_nobody_offers_is_refused(app: Asgi) -> None:
    """A known path with another method is 405."""
    answer = run(app, scope_of("PUT", LIST))
    assert (answer.status, answer.errcode) == (405, "M_UNRECOGNIZED")


async def teapot(scope: Scope, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 418, "headers": []})


def test_start_and_stop_are_agreed_to(app: Asgi) -> None:
    """Alone, the application answers the lifespan events, so that servers see it start and stop."""
    events = ({"type": "lifespan.startup"}, {"type": "lifespan.shutdown"})
    answered = run(app, {"type": "lifespan"}, *events).sent
    assert [message["type"] for message in answered] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_web_sockets_are_refused(app: Asgi) -> None:
    """A web socket is closed before it opens, even at a path of ours."""
    refused = run(app, {"type": "websocket", "path": LIST}, {"type": "websocket.connect"}).sent
    assert refused == [{"type": "websocket.close", "code": 1000}]


def test_what_nobody_knows_is_an_error(app: Asgi) -> None:
    """A scope of an unknown type is the server's mistake, and said to be one."""
    with pytest.raises(NotImplementedError, match="telepathy"):
        run(app, {"type": "telepathy"})


@pytest.mark.parametrize("kind", ["lifespan", "websocket", "telepathy"])
def test_other_scopes_are_the_other_applications(world: World, kind: str) -> None:
    """With another application behind, everything but HTTP at our paths is its own."""
    seen: list[str] = []

    async def behind(scope: Scope, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    run(Asgi(world.service, otherwise=behind), {"type": kind, "path": LIST})
    assert seen == [kind]
