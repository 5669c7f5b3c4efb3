"""``HostContract``: whether a host passes requests and responses on unchanged, within its limits."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from urllib.parse import urlsplit

import pytest

from ...model.call import Call
from ...protocol.endpoint import Table, endpoint
from ...protocol.history import History
from ...protocol.wire import ALLOW_HEADERS, CORS, Request, Response, json_response
from ...service import Service
from ..world import ALICE, World
from .base import Contract
from .host_client import ADD, ASK, CHUNKED, END, LIST, NOWHERE, PROXY, Client, chunked, length_of

Case = tuple[str, str, tuple[tuple[str, str], ...], bytes]
Serve = Callable[..., AbstractContextManager[str]]
_BODY = json.dumps({"email": "alice@example.org", "client_secret": "secret", "send_attempt": 1}).encode()
_SECRET = "dsn=postgres://user:hunter2@db"
_ALICE = ("Authorization", f"Bearer {ALICE}")
_CASES: dict[str, Case] = {
    "answered": ("GET", LIST, (_ALICE,), b""),
    "refused": ("GET", LIST, (), b""),
    "unknown": ("GET", NOWHERE, (), b""),
    "method": ("PUT", LIST, (), b""),
    "no JSON": ("POST", ASK, (), b"{"),
    "too large": ("POST", ASK, (("Content-Length", "9" * 9),), b""),
    "preflight": ("OPTIONS", ASK, (), b""),
}
_every_case = pytest.mark.parametrize("case", _CASES.values(), ids=_CASES)


@endpoint("POST", "/length", History(unstable=False, bare=True))
async def _length(role: object, call: Call, message: None) -> Response:
    """Return the length of the body."""
    return json_response(200, {"bytes": len(call.request.body)})


class Listening:
    """``Callers`` that record every request and return ``None``."""

    def __init__(self) -> None:
        self.asked: list[Request] = []

    async def identify(self, request: Request) -> None:
        self.asked.append(request)


class Failing:
    """``Callers`` that raise an exception whose text must not reach a client."""

    async def identify(self, request: Request) -> None:
        raise KeyError(_SECRET)


class HostContract(Contract):
    """The contract of a host.

    * ``serve`` (fixture): called as ``serve(service)`` or ``serve(service, client_header)``, it returns a context
      manager that serves the ``Service`` over HTTP and gives the base URL, with a prefix if the host uses one.
    * ``patience``: s that one answer may take.
    * ``unsupported`` may name ``chunks`` (bodies without a length), ``encoded slash`` (telling ``%2F`` from a slash),
      and ``client header`` (trusting a proxy's header).
    """

    patience: float = 30
    abilities = ("chunks", "encoded slash", "client header")

    @pytest.fixture
    def world(self) -> World:
        """A homeserver in memory."""
        return World()

    @contextmanager
    def served(self, serve: Serve, world: World, client_header: str | None = None) -> Iterator[Client]:
        """Serve a world within the block."""
        with ExitStack() as stack:
            given = (world.service, client_header) if client_header else (world.service,)
            yield Client(stack.enter_context(serve(*given)), self.patience)

    @pytest.fixture
    def client(self, serve: Serve, world: World) -> Iterator[Client]:
        """A client of the world."""
        with self.served(serve, world) as client:
            yield client

    @pytest.fixture
    def asked(self, world: World) -> list[Request]:
        """The requests that arrived; a test must name this fixture before ``client``."""
        listening = Listening()
        world.rewire(callers=listening)
        return listening.asked

    # -- what arrives -------------------------------------------------------------------------------

    def test_a_request_arrives_as_it_was_sent(self, asked: list[Request], client: Client) -> None:
        """Method, path, query, headers and body arrive byte by byte; header names in lower case."""
        body = bytes(range(256))
        client.ask("POST", f"{ADD}?a=%20b&a=c+d&%FF=%00&e", [("X-One", "Two, Three"), ("Content-Type", "x/y")], body)
        (request,) = asked
        headers = {name: request.headers.get(name) for name in ("x-one", "content-type", "content-length")}
        assert (request.method, request.path, request.query) == ("POST", ADD, "a=%20b&a=c+d&%FF=%00&e")
        assert headers == {"x-one": "Two, Three", "content-type": "x/y", "content-length": "256"}
        assert request.body == body

    def test_a_path_arrives_decoded(self, asked: list[Request], client: Client) -> None:
        """``%33pid`` is ``3pid``."""
        client.ask("GET", LIST.replace("3pid", "%33pid"))
        assert [request.path for request in asked] == [LIST]

    def test_an_encoded_slash_is_no_slash(self, asked: list[Request], client: Client) -> None:
        """``%2F`` is not a slash, so such a path leads to no endpoint."""
        self.need("encoded slash")
        answers = [client.ask("GET", LIST.replace("account/", f"account{slash}")) for slash in ("%2F", "%2f")]
        assert ([answer.status for answer in answers], asked) == ([404, 404], [])

    def test_of_two_tokens_neither_wins(self, asked: list[Request], client: Client) -> None:
        """A header sent twice arrives as a list (RFC 9110, section 5.3), which is no known access token."""
        client.ask("GET", LIST, [("Authorization", "Bearer a"), ("Authorization", "Bearer b")])
        assert [request.headers["authorization"].replace(", ", ",") for request in asked] == ["Bearer a,Bearer b"]

    def test_a_proxy_is_not_believed_by_default(self, asked: list[Request], client: Client) -> None:
        """The client's address is the peer's, whatever the headers say."""
        client.ask(
            "GET", LIST, [(PROXY, "203.0.113.9"), ("Forwarded", "for=203.0.113.9"), ("X-Real-IP", "203.0.113.9")]
        )
        assert [request.client for request in asked] == ["127.0.0.1"]

    @pytest.mark.parametrize(
        ("sent", "seen"),
        [
            ([], "127.0.0.1"),
            (["203.0.113.9"], "203.0.113.9"),
            (["10.0.0.1, 203.0.113.9"], "203.0.113.9"),
            (["10.0.0.1", "203.0.113.9"], "203.0.113.9"),
            (["10.0.0.1, [2001:db8::1]:4711"], "2001:db8::1"),
        ],
        ids=str,
    )
    def test_a_proxy_is_believed_when_told_to(
        self, serve: Serve, world: World, asked: list[Request], sent: list[str], seen: str
    ) -> None:
        """Of a trusted header the last entry counts, since clients can write the entries before it."""
        self.need("client header")
        with self.served(serve, world, PROXY) as client:
            client.ask("GET", LIST, [(PROXY, value) for value in sent])
        assert [request.client for request in asked] == [seen]

    # -- bodies -------------------------------------------------------------------------------------

    def test_a_body_of_just_the_limit_is_taken(self, client: Client, world: World) -> None:
        """A body of exactly the limit is accepted."""
        assert client.ask("POST", ASK, body=_BODY.ljust(world.homeserver.policy.max_body)).status == 200

    def test_a_body_announced_as_too_large_is_not_waited_for(self, client: Client, world: World) -> None:
        """A body announced as too long is refused before any of it was sent."""
        too_large = ("Content-Length", str(world.homeserver.policy.max_body + 1))
        with client.sent("POST", ASK, [too_large]) as connection:
            _assert_too_large(connection.answer("POST"))

    def test_a_body_may_come_in_chunks(self, client: Client, world: World) -> None:
        """A body in chunks arrives as one body."""
        self.need("chunks")
        with client.sent("POST", ASK, [CHUNKED], chunked(_BODY[:7], _BODY[7:]) + END) as connection:
            assert connection.answer("POST").status == 200
        assert len(world.outbox.messages) == 1

    def test_a_body_that_turns_out_too_large_is_read_no_further(self, client: Client, world: World) -> None:
        """A body that turns out too long is refused before its end, since it may have none."""
        self.need("chunks")
        half = b" " * (world.homeserver.policy.max_body // 2 + 1)
        with client.sent("POST", ASK, [CHUNKED], chunked(half, half)) as connection:
            _assert_too_large(connection.answer("POST"))

    def test_half_a_body_is_no_request(self, client: Client, world: World) -> None:
        """An incomplete body of a client that disconnects is not handled, even if it is valid JSON."""
        with client.sent("POST", ASK, [length_of(_BODY + b" ")], _BODY) as connection:
            connection.hang_up()
            connection.rest()
        assert world.outbox.messages == []

    def test_a_table_may_have_a_bound_of_its_own(self, serve: Serve, world: World) -> None:
        """A service has a ``max_body``, which may be larger than that of the policy."""
        large = world.homeserver.policy.max_body + 1
        with serve(Service(world.homeserver, Table("/_closed", (_length,), max_body=large))) as url:
            client = Client(url, self.patience)
            taken, refused = (client.ask("POST", "/_closed/length", body=bytes(size)) for size in (large, large + 1))
        assert (taken.status, refused.status) == (200, 413)

    # -- what comes back ----------------------------------------------------------------------------

    @_every_case
    def test_every_answer_is_for_web_clients_too(self, client: Client, case: Case) -> None:
        """Every answer, errors included, has the CORS headers."""
        answer = client.ask(*case)
        assert [answer.header(name) for name, _ in CORS] == [value for _, value in CORS]

    def test_a_table_may_be_closed_to_browsers(self, serve: Serve, world: World) -> None:
        """No answer of a table that is not for browsers has a CORS header, and OPTIONS is a method like any other."""
        with serve(Service(world.homeserver, Table("/_closed", (_length,), browsers=False))) as url:
            client = Client(url, self.patience)
            answers = [client.ask(method, "/_closed/length") for method in ("POST", "PUT", "OPTIONS")]
        assert [answer.status for answer in answers] == [200, 405, 405]
        assert not any(answer.header(name) for answer in answers for name, _ in CORS)

    @pytest.mark.parametrize(
        ("case", "status", "errcode"),
        [
            ("refused", 401, "M_MISSING_TOKEN"),
            ("unknown", 404, "M_UNRECOGNIZED"),
            ("method", 405, "M_UNRECOGNIZED"),
            ("no JSON", 400, "M_NOT_JSON"),
            ("too large", 413, "M_TOO_LARGE"),
        ],
    )
    def test_errors_keep_status_and_code(self, client: Client, case: str, status: int, errcode: str) -> None:
        """Errors have the status and errcode of the specification."""
        answer = client.ask(*_CASES[case])
        assert (answer.status, answer.json()["errcode"]) == (status, errcode)

    @pytest.mark.parametrize("answer", ["JSON", "page", "redirect"])
    def test_an_answer_comes_back_as_it_is(self, client: Client, world: World, answer: str) -> None:
        """Status, headers and body are those of the service, with the length of the body."""
        method, target, headers, body = _exchange(world, answer)
        given = world.call(method, urlsplit(target).path, body or None, query=urlsplit(target).query, headers=headers)
        got = client.ask(method, target, headers.items(), body)
        assert (got.status, got.body) == (given.status, given.body)
        assert {name: got.header(name) for name, _ in given.headers} == dict(given.headers)
        assert got.header("content-length") == str(len(given.body))

    @pytest.mark.parametrize("case", [case for case in _CASES.values() if case[0] == "GET"], ids=lambda case: case[1])
    def test_head_is_get_without_a_body(self, client: Client, case: Case) -> None:
        """HEAD has the status and headers of GET, and no body."""
        got, headed = client.ask(*case), client.ask("HEAD", *case[1:])
        assert (headed.status, headed.body) == (got.status, b"")
        assert headed.header("content-type") == got.header("content-type")

    def test_options_is_answered_for_everybody(self, asked: list[Request], client: Client) -> None:
        """OPTIONS is answered without authentication and without a body."""
        answer = client.ask("OPTIONS", LIST)
        assert (answer.status, answer.body, asked) == (204, b"", [])
        assert "Authorization" in (answer.header(ALLOW_HEADERS) or "")

    def test_a_bug_is_told_by_name_only(self, serve: Serve, world: World) -> None:
        """The answer to a bug has status 500 and the name of the incident, and no word of the exception."""
        world.rewire(callers=Failing())
        with self.served(serve, world) as client:
            answer = client.ask(*_CASES["answered"])
        assert (answer.status, answer.json()["errcode"]) == (500, "M_UNKNOWN")
        told = str(answer.headers) + answer.body.decode()
        assert not [word for word in ("hunter2", "KeyError", "Traceback") if word in told]


def _assert_too_large(answer: Response) -> None:
    assert (answer.status, answer.json()["errcode"]) == (413, "M_TOO_LARGE")


def _exchange(world: World, answer: str) -> tuple[str, str, dict[str, str], bytes]:
    """Return a request that gets this answer, each time it is sent."""
    if answer == "JSON":
        return "GET", LIST, {"authorization": _ALICE[1]}, b""
    world.ask(body={"next_link": "https://app.example.org/done?a=b"})
    link = urlsplit(world.outbox.last.link or "")
    if answer == "page":
        return "GET", f"{link.path}?{link.query}", {}, b""
    world.confirm()
    return "POST", link.path, {"content-type": "application/x-www-form-urlencoded"}, link.query.encode()
