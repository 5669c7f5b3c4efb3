"""The WSGI host: what the standard says, what is ours, how much it reads, and how coroutines are run."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import threading
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest

from matrix_threepid import run_sync
from matrix_threepid.hosts.wsgi import Wsgi
from matrix_threepid.testing import ALICE, World
from matrix_threepid.testing.contracts.host_client import Client, length_of

from .driving import ASK, BODY, LIST, asked_of, delivered_later
from .serving import werkzeug_serving

TOKEN = {"HTTP_AUTHORIZATION": f"Bearer {ALICE}"}


class Answer:
    """What an application said."""

    def __init__(self, app: Any, environ: dict[str, Any]) -> None:
        answered = app(environ, self._start)
        self.body = b"".join(answered)
        if hasattr(answered, "close"):
            answered.close()

    def _start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        self.line, self.status, self.headers = status, int(status[:3]), dict(headers)

    @property
    def errcode(self) -> Any:
        return json.loads(self.body)["errcode"]


class Counted(io.BytesIO):
    """A body that counts what is read of it."""

    read_so_far = 0

    def read(self, size: int | None = -1, /) -> bytes:
        part = super().read(size)
        self.read_so_far += len(part)
        return part


class Torn:
    """A body whose connection breaks."""

    def read(self, size: int) -> bytes:
        raise ConnectionResetError


def environ_of(method: str = "GET", path: str = LIST, body: bytes = b"", **more: Any) -> dict[str, Any]:
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SCRIPT_NAME": "",
        "wsgi.input": io.BytesIO(body),
    }
    setup_testing_defaults(environ)
    return {**environ, **({"CONTENT_LENGTH": str(len(body))} if body else {}), **more}


def post(body: bytes, **more: Any) -> dict[str, Any]:
    return environ_of("POST", ASK, body, **more)


def teapot(environ: Any, start_response: Any) -> list[bytes]:
    start_response("418 I'm a Teapot", [])
    return [environ["PATH_INFO"].encode("latin-1")]


def test_the_standard_is_kept(world: World) -> None:
    """The validator of the standard library finds nothing, whatever is asked for."""
    app = validator(Wsgi(world.service))
    asked = [post(BODY), environ_of(**TOKEN), environ_of("HEAD", **TOKEN), environ_of("OPTIONS"), environ_of(path="/x")]
    assert [Answer(app, environ).line for environ in asked] == [
        "200 OK",
        "200 OK",
        "200 OK",
        "204 No Content",
        "404 Not Found",
    ]


@pytest.mark.parametrize(
    ("root", "path"),
    [
        ("", LIST),
        ("", f"{LIST}/"),
        ("/hs", LIST),
        ("/hs/", LIST),
        ("/_matrix/client", LIST.removeprefix("/_matrix/client")),
        ("", f"/hs{LIST}"),
    ],
)
def test_the_application_may_be_mounted(world: World, root: str, path: str) -> None:
    """Endpoints are found below a prefix; a prefix nobody speaks of is none."""
    wanted = 404 if path.startswith("/hs") else 200
    assert Answer(Wsgi(world.service), environ_of(path=path, SCRIPT_NAME=root, **TOKEN)).status == wanted


@pytest.mark.parametrize(
    "environ",
    [
        environ_of(path="/elsewhere"),
        environ_of(path="/els\xc3\xa4where"),
        environ_of(path="/not\xffutf-8"),
        environ_of(RAW_URI=LIST.replace("account/", "account%2F")),
        environ_of(REQUEST_URI=LIST.replace("account/", "account%2f") + "?a=b"),
    ],
    ids=["elsewhere", "beyond-ascii", "no-utf-8", "encoded-slash", "encoded-slash-and-query"],
)
def test_what_is_not_ours_goes_elsewhere(world: World, environ: dict[str, Any]) -> None:
    """Other paths are the other application's, untouched; without one they are unknown."""
    answer = Answer(Wsgi(world.service, teapot), dict(environ))
    assert (answer.status, answer.body.decode("latin-1")) == (418, environ["PATH_INFO"])
    assert Answer(Wsgi(world.service), dict(environ)).errcode == "M_UNRECOGNIZED"


def test_an_encoded_slash_in_the_query_is_nobodys_business(world: World) -> None:
    """Only the path counts."""
    assert Answer(Wsgi(world.service), environ_of(RAW_URI=f"{LIST}?a=%2F", **TOKEN)).status == 200


def test_a_body_announced_as_too_large_is_not_read(world: World) -> None:
    """A Content-Length over the limit is refused before a byte is read."""
    body = Counted(bytes(world.homeserver.policy.max_body + 1))
    for length in (f"{len(body.getvalue())}", f"{0:030}{len(body.getvalue())}", "9" * 5000):
        answer = Answer(Wsgi(world.service), environ_of("POST", ASK, CONTENT_LENGTH=length) | {"wsgi.input": body})
        assert (answer.status, answer.errcode, body.read_so_far) == (413, "M_TOO_LARGE", 0)


def test_an_endless_body_is_read_to_the_limit_only(world: World) -> None:
    """Of a body without a length at most one byte more than the limit is read."""
    limit = world.homeserver.policy.max_body
    body = Counted(bytes(3 * limit))
    chunked = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True, "wsgi.input": body}
    answer = Answer(Wsgi(world.service), post(b"") | chunked)
    assert (answer.status, body.read_so_far) == (413, limit + 1)


def test_no_more_is_read_than_was_announced(world: World) -> None:
    """What follows the body belongs to the next request."""
    for zeros in (0, 30, 5000):
        body, length = Counted(BODY + b"GET / HTTP/1.1"), "0" * zeros + str(len(BODY))
        assert Answer(Wsgi(world.service), post(BODY) | {"wsgi.input": body, "CONTENT_LENGTH": length}).status == 200
        assert body.read_so_far == len(BODY)


@pytest.mark.parametrize("length", ["", "-5", "five", None])
def test_without_a_length_nothing_is_read(world: World, length: str | None) -> None:
    """A server that does not mark the end of a body would let us wait for ever."""
    environ = environ_of("POST", ASK, **{"wsgi.input": Torn()})
    environ |= {} if length is None else {"CONTENT_LENGTH": length}
    assert Answer(Wsgi(world.service), environ).errcode == "M_NOT_JSON"


@pytest.mark.parametrize("body", [Torn(), io.BytesIO(BODY)], ids=["torn", "short"])
def test_half_a_body_is_no_request(world: World, body: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A client that goes away while it sends is neither heard nor a bug."""
    environ = post(BODY) | {"CONTENT_LENGTH": str(len(BODY) + 1), "wsgi.input": body}
    assert (Answer(Wsgi(world.service), environ).status, world.outbox.messages) == (400, [])
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_callers_see_the_hosts_own_request(world: World) -> None:
    """A host's ports find the environment in the request."""
    asked, environ = asked_of(world), environ_of(REMOTE_ADDR="")
    Answer(Wsgi(world.service), environ)
    assert (asked[0].native is environ, asked[0].client) == (True, None)


class Waiting:
    """``Callers`` that need an event loop."""

    async def identify(self, request: Any) -> None:
        await asyncio.sleep(0)


@pytest.mark.parametrize(("run", "status"), [(run_sync, 500), (asyncio.run, 401)], ids=["run_sync", "asyncio"])
def test_ports_that_wait_need_a_loop(world: World, run: Any, status: int) -> None:
    """``run`` runs what the default cannot; that it cannot is an incident, and not an answer from half a handler."""
    world.rewire(callers=Waiting())
    assert Answer(Wsgi(world.service, run=run), environ_of()).status == status


@pytest.mark.rule("SEC-36")
def test_what_has_begun_is_finished(world: World) -> None:
    """A message under way when the client goes away is written down as sent, and goes out once."""
    asked, go, done = threading.Event(), threading.Event(), threading.Event()

    async def wait() -> None:
        asked.set()
        assert go.wait(30)

    def run(work: Any) -> Any:
        try:
            return run_sync(work)
        finally:
            done.set()

    world.outbox.before = wait
    with werkzeug_serving(Wsgi(world.service, run=run)) as url:
        with Client(url).sent("POST", ASK, [length_of(BODY)], BODY):
            assert asked.wait(30)
        go.set()
        assert done.wait(30)
    world.outbox.before = None
    assert (delivered_later(world), len(world.outbox.messages)) == (0, 1)
