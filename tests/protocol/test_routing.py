"""Routing: methods, paths, callers. What is refused here reaches no handler."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from matrix_threepid.endpoints import HOMESERVER
from matrix_threepid.protocol.endpoint import Access, Endpoint
from matrix_threepid.protocol.wire import CORS
from matrix_threepid.testing import ALICE, World

ENDPOINTS = HOMESERVER.endpoints
OF_USERS = [declared for declared in ENDPOINTS if declared.access is Access.USER]
ADD = "/account/3pid/add"
ASK = "/account/3pid/email/requestToken"
LINK = "/_matrix/client/unstable/threepid/email/submit_token"


def named(declared: Endpoint) -> str:
    return declared.name


def at(declared: Endpoint) -> str:
    return HOMESERVER.prefix + declared.paths[-1]


def answer(response: Any) -> tuple[int, str]:
    return response.status, response.json()["errcode"]


@pytest.mark.parametrize("declared", ENDPOINTS, ids=named)
def test_options_does_nothing_but_cors(world: World, declared: Endpoint) -> None:
    """OPTIONS of any path answers 204 with the CORS headers and no body, without a token or a valid body."""
    response = world.call("OPTIONS", at(declared), b"[[[", "unknown token")
    assert (response.status, response.body) == (204, b"")
    assert response.headers == CORS
    assert world.homeserver.sessions.dump() == []  # type: ignore[attr-defined]


@pytest.mark.parametrize("declared", ENDPOINTS, ids=named)
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "get", "post"])
def test_a_method_nobody_declared_is_refused(world: World, declared: Endpoint, method: str) -> None:
    """A known path with an unknown method answers 405 ``M_UNRECOGNIZED``."""
    assert answer(world.call(method, at(declared))) == (405, "M_UNRECOGNIZED")


@pytest.mark.parametrize(
    "path", ["/_matrix/client/v1/account/3pid", "/_matrix/client/v3/nothing", "/_matrix/client", "/_matrix/identity/v2"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "HEAD"])
def test_a_path_nobody_declared_is_refused(world: World, path: str, method: str) -> None:
    """An unknown path answers 404 ``M_UNRECOGNIZED``, with the CORS headers."""
    assert not world.service.serves(path)
    response = world.call(method, path)
    assert response.status == 404
    assert method == "HEAD" or response.json()["errcode"] == "M_UNRECOGNIZED"
    assert set(CORS) <= set(response.headers)


@pytest.mark.parametrize("declared", [each for each in ENDPOINTS if each.method == "GET"], ids=named)
def test_head_is_get_without_a_body(world: World, declared: Endpoint) -> None:
    """HEAD has the status and the headers of GET, and no body."""
    shown, head = (world.call(method, at(declared), user=ALICE) for method in ("GET", "HEAD"))
    assert (head.status, head.headers, head.body) == (shown.status, shown.headers, b"")


def test_head_of_a_post_is_refused(world: World) -> None:
    """HEAD stands for GET only."""
    response = world.call("HEAD", ADD)
    assert (response.status, response.body) == (405, b"")


@pytest.mark.parametrize(
    ("method", "path", "body", "user"),
    [
        ("GET", "/account/3pid", None, ALICE),
        ("GET", "/account/3pid", None, None),
        ("POST", ASK, {"email": "bob@example.org", "client_secret": "s", "send_attempt": 1}, None),
        ("POST", ASK, b"[", None),
        ("POST", ADD, {"sid": "x", "client_secret": "s"}, ALICE),
        ("GET", LINK, None, None),
        ("PUT", LINK, None, None),
        ("GET", "/_matrix/client/unstable/threepid/email/confirmed", None, None),
    ],
)
def test_every_answer_may_be_read_by_web_clients(world: World, method: str, path: str, body: Any, user: Any) -> None:
    """The CORS headers are on every answer, errors and pages included."""
    assert set(CORS) <= set(world.call(method, path, body, user).headers)


@pytest.mark.parametrize("declared", OF_USERS, ids=named)
@pytest.mark.parametrize(
    ("token", "kind", "expected"),
    [
        (None, {}, (401, "M_MISSING_TOKEN")),
        ("nobody", {}, (401, "M_UNKNOWN_TOKEN")),
        (ALICE, {"guest": True}, (403, "M_GUEST_ACCESS_FORBIDDEN")),
    ],
)
def test_an_endpoint_of_users_is_for_users(
    full: World, declared: Endpoint, token: str | None, kind: dict[str, bool], expected: tuple[int, str]
) -> None:
    """Without a token, with an unknown one, or as a guest nobody gets as far as the body."""
    full.callers.kinds[ALICE] = kind
    assert answer(full.call(declared.method, at(declared), b"x" * 20_000, token)) == expected


@pytest.fixture
def full(make_world: Callable[..., World]) -> World:
    """Return a world in which every endpoint of users is on; no identity server is ever asked."""

    async def never(*_: Any) -> None:
        raise AssertionError("an identity server was asked")

    never_asked = SimpleNamespace(proved=never, bind=never, unbind=never)
    return make_world(identity=never_asked)


def test_a_bad_token_keeps_nobody_from_asking_without_one(world: World) -> None:
    """Where a token is optional, an unknown one is as good as none; the session then belongs to nobody."""
    body = {"email": "bob@example.org", "client_secret": "s", "send_attempt": 1}
    assert world.post(ASK, body, "nobody").status == 200
    (session,) = world.homeserver.sessions.dump()  # type: ignore[attr-defined]
    assert session.owner is None


def test_a_session_of_oauth_cannot_add(world: World) -> None:
    """``/add`` needs user-interactive authentication, which OAuth 2.0 sessions do not have."""
    sid = world.prove()
    world.callers.kinds[ALICE] = {"oauth": True}
    assert answer(world.post(ADD, {"sid": sid, "client_secret": "secret"}, ALICE)) == (404, "M_UNRECOGNIZED")
    assert world.threepids() == []


def test_a_suspended_user_may_add_but_not_remove(world: World) -> None:
    """Suspended users keep what they have: adding works, deleting answers ``M_USER_SUSPENDED``."""
    world.callers.kinds[ALICE] = {"suspended": True}
    assert world.add(world.prove()).status == 200
    body = {"medium": "email", "address": "alice@example.org"}
    assert answer(world.post("/account/3pid/delete", body, ALICE)) == (403, "M_USER_SUSPENDED")
    assert world.threepids() == ["alice@example.org"]


def test_one_trailing_slash_is_forgiven(world: World) -> None:
    """A path with one more slash is the same path; with two it is none."""
    assert world.call("GET", "/account/3pid/", user=ALICE).status == 200
    assert world.call("GET", "/account/3pid//", user=ALICE).status == 404


def test_more_parameters_than_anyone_sends_are_no_bug(world: World) -> None:
    """A query or form of a thousand members is a bad link."""
    many = "&".join(f"a{number}=1" for number in range(1000))
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert world.call("GET", LINK, query=many).status == 400
    assert world.call("POST", LINK, many.encode(), headers=form).status == 400
    assert world.call("POST", LINK, many.encode() * 10, headers=form).status == 413


@pytest.mark.parametrize("fields", ["", "sid=x", "sid=x&token=", "sid=&token=x", "sid=a%00&token=x", "sid=a&token=%FF"])
def test_a_link_that_is_none_shows_a_page(world: World, fields: str) -> None:
    """Whatever stands in a link, a person gets a page, with status 400 if there is nothing to confirm."""
    form = {"content-type": "application/x-www-form-urlencoded"}
    for response in (world.call("GET", LINK, query=fields), world.call("POST", LINK, fields.encode(), headers=form)):
        assert response.status == 400
        assert (response.header("Content-Type") or "").startswith("text/html")
