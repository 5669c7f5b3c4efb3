"""``PinnedHttps`` keeps the contract of clients that may be let near hosts users name."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from typing import Any

import pytest
from attrs import evolve

from matrix_threepid.net.fetch import Failure, HttpFailure, HttpReply, HttpRequest
from matrix_threepid.net.safe_https import PinnedHttps
from matrix_threepid.protocol.errors import ConfigurationError
from matrix_threepid.testing.contracts.fetch import SafeFetchContract, Setting
from matrix_threepid.testing.contracts.fetch_cases import ENDLESS_BODY, ENDLESS_HEAD, GOOD, HERE
from matrix_threepid.testing.rogue import Names, RogueServer, answer

FAST = {
    name: said for name, said in {**ENDLESS_BODY, **ENDLESS_HEAD}.items() if name != "silence" and "slow" not in name
}


def pinned(setting: Setting) -> PinnedHttps:
    return PinnedHttps(
        allow_addresses=(setting.allowed,),
        ports=(setting.port, 1),
        context=ssl.create_default_context(cafile=str(setting.ca_file)),
        max_body=setting.max_body,
        resolve=setting.resolve,
    )


class TestPinnedHttps(SafeFetchContract):
    """The contract, and what is ``PinnedHttps``'s own."""

    @pytest.fixture
    def make_fetch(self) -> Any:
        return pinned

    @pytest.mark.rule("REQ-IDS-8")
    def test_a_slow_look_up_is_left(self, fetch: PinnedHttps, server: RogueServer) -> None:
        """The deadline covers the look-up of the name as well."""
        over = threading.Event()
        slow = PinnedHttps(ports=(server.port,), resolve=lambda *_: [str(over.wait(30))])
        self._failed(self.ask(slow, server, deadline=100), Failure.TIMEOUT)
        over.set()

    @pytest.mark.parametrize(
        ("code", "kind"),
        [
            (socket.EAI_NONAME, Failure.NAME),
            (socket.EAI_AGAIN, Failure.NO_DNS),
            (socket.EAI_FAIL, Failure.NO_DNS),
        ],
    )
    def test_resolvers_that_fail_are_no_wrong_name(self, server: RogueServer, code: int, kind: Failure) -> None:
        """A name that does not exist is told from one that cannot be looked up now."""

        def resolve(host: str, port: int) -> list[str]:
            raise socket.gaierror(code, "no answer")

        self._failed(self.ask(PinnedHttps(ports=(server.port,), resolve=resolve), server), kind)

    @pytest.mark.rule("SEC-255")
    def test_many_calls_at_once_leave_the_loop_free(self, fetch: PinnedHttps, server: RogueServer) -> None:
        """No exchange blocks the event loop, and threads share one client."""
        request = HttpRequest(method="GET", host=GOOD, port=server.port, authority=GOOD, path="/")
        together = threading.Barrier(4)

        def answers(_: object) -> bytes:
            together.wait(30)
            return answer(200, b"{}")

        async def call() -> list[Any]:
            return await asyncio.gather(*(fetch.fetch(request, 30_000) for _ in range(4)))

        server.answers = answers
        assert asyncio.run(call()) == [HttpReply(200, b"{}")] * 4

    @pytest.mark.rule("REQ-IDS-8", "SEC-123")
    @pytest.mark.parametrize("said", FAST.values(), ids=FAST)
    def test_limits_come_before_the_deadline(self, fetch: PinnedHttps, server: RogueServer, said: Any) -> None:
        """An answer that is too large is left at a limit, however much time there is."""
        reply = self.told(fetch, server, said(), deadline=30_000)
        cut = reply if isinstance(reply, HttpFailure) else reply.cut
        assert cut is not None
        assert cut.kind is Failure.ODD

    def test_addresses_that_refuse_are_passed_over(self, fetch: PinnedHttps, server: RogueServer, names: Names) -> None:
        """Of several addresses the first that accepts a connection is called."""
        names.lead_to[GOOD] = ("127.0.0.9", HERE)
        several = evolve(fetch, allow_addresses=("127.0.0.0/8",))
        assert isinstance(self.ask(several, server), HttpReply)

    def test_a_closed_port_is_refused(self, fetch: PinnedHttps, server: RogueServer) -> None:
        """Without a connection nothing was sent, and the failure says so."""
        self._failed(self.ask(fetch, server, port=1), Failure.REFUSED)

    @pytest.mark.rule("SEC-123", "SEC-255")
    def test_calls_to_one_host_are_bounded(self, fetch: PinnedHttps, server: RogueServer) -> None:
        """While as many calls as allowed are under way or waiting, one more fails at once; afterwards there is room."""
        one = evolve(fetch, per_host=1, waiting_per_host=0)
        inner: list[object] = []

        def answers(_: object) -> bytes:
            inner.append(self.ask(one, server))
            return answer(200, b"{}")

        server.answers = answers
        assert self.ask(one, server) == HttpReply(200, b"{}")
        assert inner == [HttpFailure(Failure.BUSY)]
        server.answers = lambda _: answer(204)
        assert self.ask(one, server) == HttpReply(204)


@pytest.mark.rule("SEC-123")
@pytest.mark.parametrize(
    "wrong",
    [
        {"allow_addresses": ("10.0.0.1/8",)},
        {"context": ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)},
        {"per_host": 0},
        {"waiting_per_host": -1},
        {"waiting": None},
    ],
    ids=["a network that is none", "a context that checks nothing", "no place", "less than none wait", "no bound"],
)
def test_unsafe_settings_are_refused(wrong: dict[str, Any]) -> None:
    """A network that is none, a context that verifies nothing and a missing bound are refused by name when wired."""
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        PinnedHttps(**wrong)


def test_nothing_secret_is_printed() -> None:
    """Query, headers and body of a request carry secrets, and are not printed."""
    secrets: dict[str, Any] = {"query": "s3cret", "headers": (("a", "s3cret"),), "body": b"s3cret"}
    request = HttpRequest(method="GET", host=GOOD, port=443, authority=GOOD, path="/", **secrets)
    assert "s3cret" not in repr(request)
