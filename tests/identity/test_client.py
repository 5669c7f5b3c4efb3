"""What identity servers are asked, and what is believed of their answers."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

import pytest

from matrix_threepid.identity.client import HttpIdentityClient
from matrix_threepid.identity.signed_requests import XMatrixVerifier
from matrix_threepid.model.identity import Associated, NotSupported, Proved, ServerRefused, Unreachable
from matrix_threepid.model.threepid import Medium
from matrix_threepid.net.fetch import HttpReply, HttpRequest
from matrix_threepid.offload import run_sync
from matrix_threepid.ports import Credentials
from matrix_threepid.protocol.wire import Request
from matrix_threepid.testing import ALICE
from matrix_threepid.testing.rogue import Heard, answer, drip

from .acting import ADDRESS, ASSOCIATION, IMPATIENT, KEY, Outside, said

SESSION = Credentials("sid", "secret")


class OurKey:
    """``ServerKeys`` that know this homeserver's."""

    async def find(self, server_name: str, key_id: str) -> str | None:
        return KEY.public if (server_name, key_id) == ("hs.example.org", KEY.id) else None


def signer_of(heard: Heard, name: str) -> str:
    """Return who signed a request, for an identity server that has this name."""
    request = Request(heard.method, heard.target, heard.headers)
    return run_sync(XMatrixVerifier([name], OurKey()).origin(request, json.loads(heard.body)))


def identity(outside: Outside) -> HttpIdentityClient:
    client: Any = outside.world.homeserver.identity
    return client


def proved(outside: Outside, token: str = "t", session: Credentials = SESSION, deadline: int = 5000) -> Any:
    return run_sync(identity(outside).proved(outside.at("id.example"), token, session, deadline))


@pytest.mark.rule("REQ-BIND-1", "SEC-40", "SEC-122")
def test_a_bind_is_asked_for_with_the_users_token(outside: Outside) -> None:
    """The session's address is asked for first, then the bind; the token goes into a header, and nowhere else."""
    assert outside.bind().status == 200
    first, second = outside.server.heard
    assert (first.method, first.path) == ("GET", "/_matrix/identity/v2/3pid/getValidated3pid")
    assert parse_qs(first.target.partition("?")[2]) == {"sid": ["sid"], "client_secret": ["secret"]}
    assert (second.method, second.target) == ("POST", "/_matrix/identity/v2/3pid/bind")
    assert json.loads(second.body) == {"sid": "sid", "client_secret": "secret", "mxid": ALICE}
    for heard in (first, second):
        assert heard.headers["authorization"] == "Bearer her-token"
        assert "her-token" not in heard.target + heard.body.decode()


@pytest.mark.rule("REQ-BIND-5", "REQ-UNBIND-2", "REQ-UNBIND-10", "SEC-125")
def test_an_unbind_is_signed_for_its_server(outside: Outside) -> None:
    """The homeserver signs, for ``host[:port]`` of the server; the spelling is the one the server knows."""
    outside.server.answers = lambda _: said(200, {**ASSOCIATION, "address": "Alice@Example.org"})
    assert outside.bind().status == 200
    outside.server.heard.clear()
    assert outside.remove("unbind").json() == {"id_server_unbind_result": "success"}
    (heard,) = outside.server.heard
    assert heard.target == "/_matrix/identity/v2/3pid/unbind"
    assert json.loads(heard.body) == {"mxid": ALICE, "threepid": {"medium": "email", "address": "Alice@Example.org"}}
    assert signer_of(heard, outside.at("id.example")) == "hs.example.org"


@pytest.mark.rule("REQ-UNBIND-13")
def test_old_servers_are_asked_in_their_way(outside: Outside) -> None:
    """Where v2 is not known v1 is asked, signed for its own path."""
    outside.remember("id.example")
    outside.server.answers = lambda heard: said(200 if "/api/v1/" in heard.path else 404, {})
    assert outside.remove("unbind").json() == {"id_server_unbind_result": "success"}
    heard = outside.server.heard[-1]
    assert heard.path == "/_matrix/identity/api/v1/3pid/unbind"
    assert "destination" not in heard.headers["authorization"]
    assert signer_of(heard, outside.at("id.example")) == "hs.example.org"


def test_a_servers_own_path_comes_first(outside: Outside) -> None:
    """A path of ``id_server`` stands before ours in the request; what is signed begins with ``/_matrix`` as ever."""
    id_server = outside.at("id.example") + "/ids"
    outside.remember()
    assert outside.remove("unbind", id_server=id_server).status == 200
    (heard,) = outside.server.heard
    assert heard.path == "/ids/_matrix/identity/v2/3pid/unbind"
    inner = Heard(heard.method, heard.target.removeprefix("/ids"), heard.headers, heard.body)
    assert signer_of(inner, outside.at("id.example")) == "hs.example.org"


@pytest.mark.rule("SEC-40")
def test_parameters_cannot_break_out(outside: Outside) -> None:
    """Whatever a session's id looks like, it arrives as one parameter."""
    proved(outside, session=Credentials("a&client_secret=x#", "b c+%"))
    query = outside.server.heard[0].target.partition("?")[2]
    assert parse_qs(query) == {"sid": ["a&client_secret=x#"], "client_secret": ["b c+%"]}


@pytest.mark.rule("SEC-40")
@pytest.mark.parametrize("token", ["", "a b", "a\r\nX: y", "a\n", "\x00", "é", "a\x7f"])
def test_odd_tokens_are_refused_here(outside: Outside, token: str) -> None:
    """A token that is no header value is refused before anything is sent."""
    bound = identity(outside).bind(outside.at("id.example"), token, SESSION, ALICE, 5000)
    for refused in (proved(outside, token), run_sync(bound)):
        assert isinstance(refused, ServerRefused)
        assert (refused.status, refused.errcode) == (400, "M_INVALID_PARAM")
    assert outside.server.connections == 0


@pytest.mark.parametrize("token", ["a b", "é"])
def test_the_client_hears_of_odd_tokens(outside: Outside, token: str) -> None:
    """An odd token answers 400, and nothing is remembered."""
    response = outside.bind(id_access_token=token)
    assert (response.status, response.json()["errcode"]) == (400, "M_INVALID_PARAM")
    assert outside.rows == []


ODD = Unreachable("the answer is not what was asked for")
PROVED: dict[str, tuple[Any, Any]] = {
    "an address": ((200, {"medium": "email", "address": "A@b.example"}), Proved(Medium.EMAIL, "A@b.example")),
    "a number": ((200, {"medium": "msisdn", "address": "447700900001"}), Proved(Medium.MSISDN, "447700900001")),
    "an error with 200": (
        (200, {"errcode": "M_SESSION_NOT_VALIDATED", "error": "text"}),
        ServerRefused(400, "M_SESSION_NOT_VALIDATED", "text"),
    ),
    "no session": (
        (404, {"errcode": "M_NO_VALID_SESSION", "error": "text"}),
        ServerRefused(404, "M_NO_VALID_SESSION", "text"),
    ),
    "no such request": ((404, {"errcode": "M_UNRECOGNIZED"}), NotSupported()),
    "no such page": ((404, "<html>"), NotSupported()),
    "terms": (
        (403, {"errcode": "M_TERMS_NOT_SIGNED", "error": "a\x00b"}),
        ServerRefused(403, "M_TERMS_NOT_SIGNED", "ab"),
    ),
    "no members": ((200, {}), ODD),
    "a long address": ((200, {"medium": "email", "address": "a" * 255}), ODD),
    "a long number": ((200, {"medium": "msisdn", "address": "4" * 255}), ODD),
    "no address": ((200, {"medium": "email"}), ODD),
}


@pytest.mark.rule("SEC-29")
@pytest.mark.parametrize(("given", "expected"), PROVED.values(), ids=PROVED)
def test_the_address_of_a_session(outside: Outside, given: Any, expected: Any) -> None:
    """An address is believed in the right shape only; old servers say no with status 200."""
    outside.server.answers = lambda _: said(*given)
    assert proved(outside) == expected


@pytest.mark.rule("REQ-IDS-9", "SEC-29")
def test_a_long_error_is_cut(outside: Outside) -> None:
    """Of a server's words a client hears 256 characters at most."""
    outside.server.answers = lambda _: said(403, {"errcode": "M_FORBIDDEN", "error": "x" * 5000})
    assert outside.bind().json() == {"errcode": "M_FORBIDDEN", "error": "x" * 256}


def test_an_error_whose_connection_stays_open_is_heard(outside: Outside) -> None:
    """A server that answers but never ends its answer is heard, as far as it said it all before the deadline."""
    chunk = json.dumps({"errcode": "M_FORBIDDEN", "error": "text"}).encode()
    head = b"HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n"
    outside.server.answers = lambda _: drip(head + b"%x\r\n%s\r\n" % (len(chunk), chunk), b"0")
    assert proved(outside, deadline=IMPATIENT) == ServerRefused(403, "M_FORBIDDEN", "text")


def test_an_error_that_is_cut_off_is_an_outage(outside: Outside) -> None:
    """What a server would have said is not guessed."""
    outside.server.answers = lambda _: b"HTTP/1.1 404 No\r\nContent-Length: 99\r\n\r\n{"
    assert isinstance(proved(outside), Unreachable)


def test_an_association_names_who_it_is_for(outside: Outside) -> None:
    """The answer to a bind is handed on as it is: medium, address, user."""
    outside.server.answers = lambda _: answer(200, json.dumps(ASSOCIATION).encode(), "Content-Type: text/html")
    bound = identity(outside).bind(outside.at("id.example"), "t", SESSION, ALICE, 5000)
    assert run_sync(bound) == Associated(Medium.EMAIL, ADDRESS, ALICE)


def test_without_a_key_nothing_is_unbound() -> None:
    """A homeserver that cannot sign does not ask."""

    class Nowhere:
        """A ``Fetch`` that must not be used."""

        async def fetch(self, request: HttpRequest, deadline: int) -> HttpReply:
            raise AssertionError(request)

    unbind = HttpIdentityClient(Nowhere()).unbind("id.example", ALICE, Medium.EMAIL, ADDRESS, 5000)
    assert run_sync(unbind) == NotSupported()
