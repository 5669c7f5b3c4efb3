"""Every fault of an identity server in every call: what the client hears, and that nothing is lost in any cell."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest

from matrix_threepid.events import ThreepidUnbound
from matrix_threepid.testing import ALICE
from matrix_threepid.testing.contracts.fetch_cases import HERE
from matrix_threepid.testing.rogue import Heard, Said, answer, certified, drip, flood, hang_up, silence

from .acting import ADDRESS, ASSOCIATION, IMPATIENT, NOBODY, Outside, call_of, honest, said

A_DAY = 86_400_000
Fault = Callable[[Outside], object]
pytestmark = pytest.mark.answers_5xx(502, 504)


def secure(*names: str) -> Fault:
    """Return the fault of a certificate for other names; of no TLS at all without any."""

    def set_up(outside: Outside) -> None:
        outside.server.context = certified(*names) if names else None

    return set_up


def says(make: Callable[[], Said]) -> Fault:
    """Return the fault of this answer to ``bind`` and ``unbind``; the session is found all the same."""

    def answers(heard: Heard) -> Said:
        return honest(heard) if call_of(heard) == "getValidated3pid" else make()

    def set_up(outside: Outside) -> None:
        outside.server.answers = answers

    return set_up


def leads_to(*addresses: str) -> Fault:
    return lambda outside: outside.leads_to(*addresses)


def body(value: Any, *headers: str) -> Fault:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return says(lambda: answer(200, raw, *headers))


OK = b"HTTP/1.1 200 OK\r\n"
FAULTS: dict[str, dict[str, Fault]] = {
    "nothing sent": {
        "connection refused": leads_to(NOBODY),
        "no such name": leads_to(),
        "no TLS": secure(),
        "wrong name on the certificate": secure("other.example"),
    },
    "blocked": {
        "loopback": leads_to("127.0.0.2"),
        "cloud metadata": leads_to("169.254.169.254"),
        "NAT64": leads_to("64:ff9b::7f00:1"),
        "6to4": leads_to("2002:7f00:1::"),
        "IPv4-mapped": leads_to("::ffff:127.0.0.1"),
        "one address of several": leads_to(HERE, "10.0.0.1"),
    },
    "no answer": {
        "reset": says(lambda: hang_up),
        "hung up": says(lambda: b""),
        "no HTTP": says(lambda: b"hello\r\n\r\n"),
        "10 000 headers": says(lambda: OK + b"A: b\r\n" * 10_000 + b"\r\n{}"),
        "endless headers": says(lambda: flood(OK, b"A: b\r\n")),
        "redirect": says(lambda: answer(302, b"", "Location: https://first.example/")),
        "500": says(lambda: said(500, "boom")),
    },
    "no answer in time": {
        "silence": says(lambda: silence),
        "slow headers": says(lambda: drip(OK, b"A: b\r\n")),
    },
    "200": {
        "endless body": says(lambda: flood(OK + b"\r\n", b" ")),
        "slow body": says(lambda: drip(OK + b"\r\n", b" ")),
        "64 KiB and one byte": body(b" " * 65_537),
        "gzip bomb": body(gzip.compress(b" " * 10_000_000), "Content-Encoding: gzip"),
        "garbage": body(b"<html>"),
        "bytes": body(b"\xff\xfe"),
        "NaN": body(b'{"medium": NaN}'),
        "nothing": body(b""),
        "a list": body([]),
        "a text": body("ok"),
        "null": body(None),
        "no members": body({}),
        "another user": body({**ASSOCIATION, "mxid": "@eve:evil.example"}),
        "no user": body({**ASSOCIATION, "mxid": None}),
        "another address": body({**ASSOCIATION, "address": "eve@example.org"}),
        "no address": body({**ASSOCIATION, "address": "nobody"}),
        "a long address": body({**ASSOCIATION, "address": "a" * 500 + "@example.org"}),
        "another medium": body({**ASSOCIATION, "medium": "fax"}),
        "a medium that is a list": body({**ASSOCIATION, "medium": ["email"]}),
    },
}
CELLS = [pytest.param(kind, fault, id=f"{kind}-{name}") for kind in FAULTS for name, fault in FAULTS[kind].items()]
LEFT_IN_TIME = {"silence", "slow headers", "slow body"}
HEARD = {"nothing sent": 502, "blocked": 403, "no answer": 502, "no answer in time": 504, "200": 200}
CONFIRMED = "200"


@pytest.fixture
def outside(make_outside: Callable[..., Outside], request: pytest.FixtureRequest) -> Outside:
    """A homeserver that is only impatient where the identity server never answers."""
    slow = request.node.callspec.id.rpartition("-")[2] in LEFT_IN_TIME
    return make_outside(identity_deadline=IMPATIENT) if slow else make_outside()


@pytest.mark.parametrize(("kind", "fault"), CELLS)
class TestCells:
    """One test an action, one cell a fault; each ends with everything well again and nothing left over."""

    @pytest.mark.rule("SEC-29", "SEC-122")
    def test_bind(self, outside: Outside, kind: str, fault: Fault) -> None:
        """Nothing is remembered if nothing was asked for; in any other case the binding may exist and is remembered."""
        fault(outside)
        response = outside.bind()
        assert response.status == (502 if kind == CONFIRMED else HEARD[kind])
        assert [(row.threepid and row.threepid.address, row.bound_at) for row in outside.rows] == (
            [] if kind in ("nothing sent", "blocked") else [(ADDRESS, None)]
        )
        outside.recovers()
        assert outside.bind().status == 200
        assert [row.bound_at for row in outside.rows] == [outside.world.clock()]

    @pytest.mark.rule("REQ-BIND-5", "SEC-122")
    def test_a_bind_that_was_lost_is_taken_back(self, outside: Outside, kind: str, fault: Fault) -> None:
        """A binding that may exist is unbound when its user leaves, as if it had been confirmed."""
        fault(outside)
        outside.bind()
        lost = len(outside.rows)
        outside.recovers()
        assert (outside.leave(), outside.rows) == ("success", [])
        assert outside.calls.count("unbind") == lost

    @pytest.mark.rule("REQ-IDS-8", "REQ-UNBIND-6", "SEC-124")
    def test_unbind(self, outside: Outside, kind: str, fault: Fault) -> None:
        """The client hears what happened, and what is not confirmed is asked for again."""
        outside.remember("id.example")
        fault(outside)
        assert outside.remove("unbind").status == HEARD[kind]
        assert outside.world.threepids() == [ADDRESS]
        self._nothing_lost(outside, kind)

    @pytest.mark.rule("REQ-DEL-3", "SEC-30")
    def test_delete(self, outside: Outside, kind: str, fault: Fault) -> None:
        """The address leaves the account whatever happens."""
        outside.remember("id.example")
        fault(outside)
        response = outside.remove("delete")
        result = "success" if kind == CONFIRMED else "no-support"
        assert (response.status, response.json()["id_server_unbind_result"]) == (200, result)
        assert outside.world.threepids() == []
        self._nothing_lost(outside, kind)

    @pytest.mark.rule("REQ-DEACT-3", "SEC-30")
    def test_deactivate(self, outside: Outside, kind: str, fault: Fault) -> None:
        """The user leaves whatever happens."""
        outside.remember("id.example")
        fault(outside)
        assert outside.leave() == ("success" if kind == CONFIRMED else "no-support")
        assert outside.world.threepids() == []
        self._nothing_lost(outside, kind)

    @pytest.mark.rule("REQ-UNBIND-8")
    def test_retry(self, outside: Outside, kind: str, fault: Fault) -> None:
        """The queue goes on as long as the fault does."""
        outside.remember("id.example")
        outside.leads_to(NOBODY)
        outside.remove("unbind")
        outside.leads_to(HERE)
        fault(outside)
        assert outside.retry(after=A_DAY) == 1
        assert [row.attempts for row in outside.rows] == ([] if kind == CONFIRMED else [2])
        self._nothing_lost(outside, kind)

    def _nothing_lost(self, outside: Outside, kind: str) -> None:
        """What was not confirmed is remembered and queued, and goes through when all is well."""
        left = int(kind != CONFIRMED)
        assert [row.due_at is not None for row in outside.rows] == [True] * left
        outside.recovers()
        assert outside.retry(after=A_DAY) == left
        assert outside.rows == []
        assert [event.user_id for event in outside.world.events.of(ThreepidUnbound)] == [ALICE]


@pytest.mark.rule("SEC-52")
@pytest.mark.parametrize("how", ["unbind", "delete"])
def test_a_name_that_leads_elsewhere_later(make_outside: Callable[..., Outside], how: str) -> None:
    """What a name leads to after it was checked has no effect on the call under way."""
    outside = make_outside()
    outside.remember("id.example")
    outside.names.next = [(HERE,)]
    outside.leads_to("169.254.169.254")
    assert outside.remove(how).json() == {"id_server_unbind_result": "success"}
    assert len(outside.names.asked) == 1


@pytest.mark.rule("SEC-52")
def test_a_name_that_leads_elsewhere_within_a_bind(make_outside: Callable[..., Outside]) -> None:
    """Each call of a bind is checked by itself; without the second nothing was bound, and nothing is remembered."""
    outside = make_outside()
    outside.names.next = [(HERE,)]
    outside.leads_to("169.254.169.254")
    assert outside.bind().status == 403
    assert (outside.calls, outside.rows) == (["getValidated3pid"], [])
