"""``SafeFetchContract``: whether an HTTP client is safe to use with hosts that users name."""

from __future__ import annotations

import gzip
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from ...net.fetch import Failure, Fetch, HttpFailure, HttpReply, HttpRequest
from ..rogue import Answers, Names, RogueServer, answer, authority, certified, silence
from .base import Contract
from .fetch_cases import CHUNKED, DEADLINE, DENIED, ENDLESS_BODY, ENDLESS_HEAD, GOOD, HERE, MAX_BODY, NO_ANSWER, WRONG


@frozen
class Setting:
    """What the client under test must be configured with, for the server of the test.

    * ``ca_file``: file of the certificates (PEM) to trust.
    * ``port``: the only port that may be called.
    * ``allowed``: the network that may be called although it is local.
    * ``resolve``: the function that resolves names.
    * ``max_body``: bytes to read of a body.
    """

    ca_file: Path
    port: int
    resolve: Callable[[str, int], list[str]]
    allowed: str = f"{HERE}/32"
    max_body: int = MAX_BODY


class SafeFetchContract(Contract):
    """The contract of a ``Fetch`` for hosts that users name. Needs ``trustme``.

    * ``make_fetch`` (fixture): a function from ``Setting`` to a ``Fetch``.
    """

    @pytest.fixture
    def server(self) -> Iterator[RogueServer]:
        """A server that answers as a test tells it to."""
        with RogueServer(certified(GOOD)).serving() as server:
            yield server

    @pytest.fixture
    def names(self) -> Names:
        """A resolver whose names lead to that server."""
        return Names({GOOD: (HERE,), WRONG: (HERE,)})

    @pytest.fixture
    def fetch(self, make_fetch: Any, server: RogueServer, names: Names, tmp_path: Path) -> Fetch:
        authority().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        made: Fetch = make_fetch(Setting(tmp_path / "ca.pem", server.port, names))
        return made

    def ask(self, fetch: Fetch, server: RogueServer, host: str = GOOD, **more: Any) -> HttpReply | HttpFailure:
        """Make a request; ``deadline`` and fields of ``HttpRequest`` may be given."""
        deadline = more.pop("deadline", 5000)
        port = more.pop("port", server.port)
        given = {"method": "GET", "path": "/", "authority": f"{host}:{port}", **more}
        return self.do(fetch.fetch, HttpRequest(host=host, port=port, **given), deadline)

    def told(self, fetch: Fetch, server: RogueServer, said: Any, **more: Any) -> HttpReply | HttpFailure:
        """Make a request that receives this answer."""
        answers: Answers = lambda _: said  # noqa: E731  it is a table of one
        server.answers = answers
        return self.ask(fetch, server, **more)

    # -- what arrives, what comes back --------------------------------------------------------------

    def test_a_request_arrives_as_it_was_made(self, fetch: Fetch, server: RogueServer) -> None:
        """Method, path, query, headers and body arrive, without headers that reveal more than the request needs."""
        headers = (("Authorization", "Bearer t"), ("Content-Type", "application/json"))
        self.ask(fetch, server, method="POST", path="/a", query="b=%26", headers=headers, body=b"{}")
        (heard,) = server.heard
        assert (heard.method, heard.target, heard.body) == ("POST", "/a?b=%26", b"{}")
        assert heard.headers["host"] == f"{GOOD}:{server.port}"
        assert (heard.headers["authorization"], heard.headers["content-type"]) == ("Bearer t", "application/json")
        assert not {"cookie", "referer"} & heard.headers.keys()

    @pytest.mark.parametrize("status", [200, 204, 400, 404, 500])
    def test_an_answer_comes_back_whole(self, fetch: Fetch, server: RogueServer, status: int) -> None:
        """Status and body of any answer come back."""
        body = b"" if status == 204 else b'{"a": "\xc3\xa9"}'
        assert self.told(fetch, server, answer(status, body)) == HttpReply(status, body)

    def test_chunks_come_back_as_one_body(self, fetch: Fetch, server: RogueServer) -> None:
        """A chunked body is put together."""
        assert self.told(fetch, server, CHUNKED + b"2\r\n{}\r\n0\r\n\r\n") == HttpReply(200, b"{}")

    def test_a_body_has_a_limit(self, fetch: Fetch, server: RogueServer) -> None:
        """A body up to the limit is returned whole; a longer one is cut at the limit and marked as cut."""
        longest = b"x" * MAX_BODY
        assert self.told(fetch, server, answer(200, longest)) == HttpReply(200, longest)
        cut = self.told(fetch, server, answer(200, longest + b"x"))
        assert isinstance(cut, HttpReply)
        assert (cut.status, cut.body, cut.cut and cut.cut.kind) == (200, longest, Failure.ODD)

    def test_a_body_that_ends_early_is_not_whole(self, fetch: Fetch, server: RogueServer) -> None:
        """A connection lost within the body returns the status, and the body marked as cut."""
        lost = self.told(fetch, server, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}")
        assert isinstance(lost, HttpFailure) or (lost.status, bool(lost.cut)) == (200, True)

    def test_nothing_is_decompressed(self, fetch: Fetch, server: RogueServer) -> None:
        """Compression is not requested, and a compressed answer is not decompressed."""
        bomb = gzip.compress(b" " * 10_000_000)
        assert self.told(fetch, server, answer(200, bomb, "Content-Encoding: gzip")) == HttpReply(200, bomb)
        assert server.heard[0].headers.get("accept-encoding", "identity") == "identity"

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_redirects_are_not_followed(self, fetch: Fetch, server: RogueServer, status: int) -> None:
        """A redirect is returned like any other answer, so that credentials are not sent elsewhere."""
        target = f"Location: https://{GOOD}:{server.port}/elsewhere"
        reply = self.told(fetch, server, answer(status, b"", target))
        assert isinstance(reply, HttpReply)
        assert (reply.status, len(server.heard)) == (status, 1)

    def test_cookies_are_not_kept(self, fetch: Fetch, server: RogueServer) -> None:
        """Cookies of one answer are not sent with the next request."""
        for _ in range(2):
            self.told(fetch, server, answer(200, b"{}", "Set-Cookie: a=b; Path=/"))
        assert "cookie" not in server.heard[1].headers

    def test_the_environment_names_no_proxy(
        self, fetch: Fetch, server: RogueServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Proxies named in environment variables are not used."""
        for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, "http://127.0.0.1:1")
        assert self.told(fetch, server, answer(200, b"{}")) == HttpReply(200, b"{}")

    def test_each_request_gets_its_own_answer(self, fetch: Fetch, server: RogueServer) -> None:
        """What comes after an answer, on the same connection, is not the answer to the next request."""
        self.told(fetch, server, answer(200, b"{}") + answer(200, b"forged"))
        assert self.told(fetch, server, answer(200, b"mine")) == HttpReply(200, b"mine")

    # -- where it goes ------------------------------------------------------------------------------

    @pytest.mark.parametrize("address", DENIED.values(), ids=DENIED)
    def test_denied_addresses_are_not_called(
        self, fetch: Fetch, server: RogueServer, names: Names, address: str
    ) -> None:
        """A name that resolves to a denied address is blocked before any connection, in every notation."""
        names.lead_to[GOOD] = (address,)
        self._blocked(self.ask(fetch, server), server)

    @pytest.mark.parametrize("address", [address for address in DENIED.values() if address != "::1"])
    def test_addresses_in_place_of_names_are_checked(self, fetch: Fetch, server: RogueServer, address: str) -> None:
        """An address in place of a name is checked in the same way."""
        self._blocked(self.ask(fetch, server, address, authority=f"[{address}]:{server.port}"), server)

    @pytest.mark.parametrize("addresses", [(HERE, "10.0.0.1"), ("10.0.0.1", HERE), ("::1", HERE)])
    def test_one_denied_address_blocks_the_name(
        self, fetch: Fetch, server: RogueServer, names: Names, addresses: tuple[str, ...]
    ) -> None:
        """A name with one denied address is not called at its other addresses either."""
        names.lead_to[GOOD] = addresses
        self._blocked(self.ask(fetch, server), server)

    def test_other_ports_are_not_called(self, fetch: Fetch, server: RogueServer, names: Names) -> None:
        """A port that is not listed is blocked before the name is resolved."""
        self._blocked(self.ask(fetch, server, port=server.port - 1), server)
        assert names.asked == []

    def test_a_name_is_looked_up_once(self, fetch: Fetch, server: RogueServer, names: Names) -> None:
        """The connection goes to the address that was checked, whatever the name resolves to by then."""
        names.next, names.lead_to[GOOD] = [(HERE,)], ("10.0.0.1",)
        assert self.told(fetch, server, answer(200, b"{}")) == HttpReply(200, b"{}")
        assert names.asked == [GOOD]

    def test_a_name_that_leads_elsewhere_by_now_is_blocked(
        self, fetch: Fetch, server: RogueServer, names: Names
    ) -> None:
        """Each request is sent only where its name leads when it is made, whatever is connected from earlier ones."""
        assert self.told(fetch, server, answer(200, b"{}")) == HttpReply(200, b"{}")
        names.lead_to[GOOD] = ("10.0.0.1",)
        self._failed(self.ask(fetch, server), Failure.BLOCKED)
        assert len(server.heard) == 1

    # -- who answers --------------------------------------------------------------------------------

    def test_the_certificate_is_for_the_name(self, fetch: Fetch, server: RogueServer) -> None:
        """A certificate for another name is refused, also right after a good call to the same address."""
        assert isinstance(self.ask(fetch, server), HttpReply)
        self._failed(self.ask(fetch, server, WRONG), Failure.TLS)
        assert len(server.heard) == 1

    def test_strangers_certificates_are_refused(self, fetch: Fetch, server: RogueServer) -> None:
        """A certificate of an authority that is not trusted is refused, and nothing is sent."""
        import trustme

        server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trustme.CA().issue_cert(GOOD).configure_cert(server.context)
        self._failed(self.ask(fetch, server), Failure.TLS)
        assert server.heard == []

    def test_plain_text_is_refused(self, fetch: Fetch, server: RogueServer) -> None:
        """Nothing is sent to a server without TLS."""
        server.context = None
        assert isinstance(self.ask(fetch, server), HttpFailure)
        assert server.heard == []

    # -- what never ends, what never comes ----------------------------------------------------------

    @pytest.mark.parametrize("said", ENDLESS_BODY.values(), ids=ENDLESS_BODY)
    def test_a_body_without_end_is_left(self, fetch: Fetch, server: RogueServer, said: Any) -> None:
        """A body that never ends, fast or slow, ends at the limit or at the deadline."""
        reply = self.told(fetch, server, said(), deadline=DEADLINE)
        assert isinstance(reply, HttpFailure) or reply.cut is not None

    @pytest.mark.parametrize("said", ENDLESS_HEAD.values(), ids=ENDLESS_HEAD)
    def test_headers_without_end_are_left(self, fetch: Fetch, server: RogueServer, said: Any) -> None:
        """Headers that never end, fast or slow, are a failure."""
        assert isinstance(self.told(fetch, server, said(), deadline=DEADLINE), HttpFailure)

    def test_the_deadline_is_named(self, fetch: Fetch, server: RogueServer) -> None:
        """A deadline that passes is reported as a timeout."""
        self._failed(self.told(fetch, server, silence, deadline=DEADLINE), Failure.TIMEOUT)

    @pytest.mark.parametrize("said", NO_ANSWER.values(), ids=NO_ANSWER)
    def test_no_answer_is_a_value(self, fetch: Fetch, server: RogueServer, said: Any) -> None:
        """A lost connection and an unreadable answer are returned as failures, not raised."""
        assert isinstance(self.told(fetch, server, said), HttpFailure)

    def test_names_that_lead_nowhere_are_a_value(self, fetch: Fetch, server: RogueServer) -> None:
        """A name without addresses is returned as a failure, not raised."""
        assert isinstance(self.ask(fetch, server, "nowhere.example"), HttpFailure)

    def _blocked(self, reply: HttpReply | HttpFailure, server: RogueServer) -> None:
        self._failed(reply, Failure.BLOCKED)
        assert server.connections == 0

    def _failed(self, reply: HttpReply | HttpFailure, kind: Failure) -> None:
        assert isinstance(reply, HttpFailure)
        assert reply.kind is kind
