"""Whatever an identity server answers to an unbind: what the client hears, what is removed, remembered and queued."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attrs import frozen
from data import cases, spelled

from matrix_threepid.protocol.wire import Response
from matrix_threepid.testing.rogue import Heard, Said, hang_up, silence

from . import load
from .acting import ADDRESS, IMPATIENT, Outside, said

TABLE = load("unbind_outcomes")
_ACTS = {"silence": silence, "reset": hang_up}
_STATUS = {"success": 200, "no-support": 404, "outage": 500, "M_FORBIDDEN": 403, "M_LIMIT_EXCEEDED": 429}

pytestmark = pytest.mark.answers_5xx(501, 502, 504)


def reply(status: Any, body: Any) -> Said:
    return (
        _ACTS[status] if status in _ACTS else said(status, spelled(body) if isinstance(body, list) and body else body)
    )


def meets(outside: Outside, kind: str, case: list[Any]) -> Outside:
    """Remember a binding at a server that answers so from now on, or cannot be reached."""
    outside.remember(case[0] if kind == "unreachable" else "id.example")
    outside.server.answers = lambda _: reply(*case[:2])
    return outside


def told(response: Response) -> tuple[int, str]:
    """Return status, and result or errcode."""
    body = response.json()
    return response.status, body.get("id_server_unbind_result") or body["errcode"]


def state(outside: Outside) -> tuple[int, int, int]:
    """Return how many addresses are on the account, how many bindings are remembered, and how many are queued."""
    rows = outside.rows
    return len(outside.world.threepids()), len(rows), sum(row.due_at is not None for row in rows)


@frozen
class Left:
    """What is left: addresses on the account, remembered bindings, those of them in the queue."""

    unbind: tuple[int, int, int]
    delete: tuple[int, int, int]
    deactivate: tuple[int, int, int]


LEFT = {
    "success": Left((1, 0, 0), (0, 0, 0), (0, 0, 0)),
    "no-support": Left((1, 1, 0), (0, 1, 0), (0, 1, 0)),
    "refused": Left((1, 1, 0), (1, 1, 0), (0, 1, 1)),
    "outage": Left((1, 1, 1), (0, 1, 1), (0, 1, 1)),
    "unreachable": Left((1, 1, 1), (0, 1, 1), (0, 1, 1)),
}
"""Only success is forgotten. A refusal is told and changes nothing, except that nobody is kept from leaving; a server
that cannot answer now, and says so, refuses nothing."""
CASES = [pytest.param(kind, case, id=f"{kind}: {name}") for kind in LEFT for name, case in TABLE[kind].items()]


@pytest.mark.parametrize(("kind", "case"), CASES)
class TestOneServer:
    """Any 2xx is success; servers that do not know the request, that refuse, and that cannot be used."""

    @pytest.fixture
    def outside(self, make_outside: Callable[..., Outside], case: list[Any]) -> Outside:
        return make_outside(identity_deadline=IMPATIENT) if case[0] == "silence" else make_outside()

    @pytest.mark.rule(
        "REQ-UNBIND-3",
        "REQ-UNBIND-4",
        "REQ-UNBIND-5",
        "REQ-UNBIND-6",
        "REQ-UNBIND-7",
        "REQ-UNBIND-8",
        "REQ-UNBIND-9",
        "REQ-UNBIND-11",
        "REQ-UNBIND-12",
    )
    def test_unbind(self, outside: Outside, kind: str, case: list[Any]) -> None:
        """The client hears what the server said; the account stays as it is."""
        told_so = told(meets(outside, kind, case).remove("unbind"))
        assert told_so == ((200, kind) if kind in ("success", "no-support") else tuple(case[2:]))
        assert state(outside) == LEFT[kind].unbind

    @pytest.mark.rule("REQ-DEL-2", "REQ-DEL-3", "SEC-30")
    def test_delete(self, outside: Outside, kind: str, case: list[Any]) -> None:
        """The address leaves the account, unless the server refused; a dead server holds nothing up."""
        told_so = told(meets(outside, kind, case).remove("delete"))
        result = (200, "success" if kind == "success" else "no-support")
        assert told_so == (tuple(case[2:]) if kind == "refused" else result)
        assert state(outside) == LEFT[kind].delete

    @pytest.mark.rule("REQ-DEACT-2", "REQ-DEACT-3", "REQ-DEACT-5", "SEC-30")
    def test_deactivate(self, outside: Outside, kind: str, case: list[Any]) -> None:
        """The user leaves whatever the server says."""
        assert meets(outside, kind, case).leave() == ("success" if kind == "success" else "no-support")
        assert state(outside) == LEFT[kind].deactivate


class TestRefusals:
    """What a client hears of a Matrix error, and what a host may make of it."""

    @pytest.mark.rule("REQ-BIND-3", "REQ-IDS-9", "REQ-UNBIND-5", "SEC-124")
    @pytest.mark.parametrize("how", ["unbind", "delete"])
    @pytest.mark.parametrize("case", **cases(TABLE["refused"]))
    def test_no_member_but_those_known_is_passed_on(self, outside: Outside, case: list[Any], how: str) -> None:
        """Nothing that would log a client out or open a page reaches it."""
        response = meets(outside, "refused", case).remove(how)
        assert response.json().keys() <= {"errcode", "error", "retry_after_ms"}

    @pytest.mark.rule("REQ-DEL-2")
    @pytest.mark.parametrize("case", **cases(TABLE["refused"]))
    def test_a_host_may_queue_refusals(self, make_outside: Callable[..., Outside], case: list[Any]) -> None:
        """With ``identity_server_refusal="queue"`` a delete goes through, and the unbind is asked again later."""
        outside = meets(make_outside(identity_server_refusal="queue"), "refused", case)
        assert told(outside.remove("delete")) == (200, "no-support")
        assert state(outside) == LEFT["outage"].delete

    @pytest.mark.rule("REQ-IDS-9")
    def test_the_pause_is_passed_on(self, outside: Outside) -> None:
        """What a server says about when to come back reaches the client."""
        response = meets(outside, "refused", TABLE["refused"]["429"]).remove("unbind")
        assert (response.json()["retry_after_ms"], response.header("Retry-After")) == (2000, "2")


class TestSeveralServers:
    """All servers are asked whatever the others say; those that confirmed are forgotten."""

    def _prepared(self, outside: Outside, kinds: list[str]) -> int:
        """Remember two servers that answer so; return how many will not confirm."""
        outside.remember("first.example", "second.example")

        def answers(heard: Heard) -> Said:
            kind = kinds[not heard.headers["host"].startswith("first")]
            return said(_STATUS[kind], {"errcode": kind, "error": "text"} if kind.startswith("M_") else None)

        outside.server.answers = answers
        return sum(kind != "success" for kind in kinds)

    @pytest.mark.rule(
        "REQ-UNBIND-3",
        "REQ-UNBIND-4",
        "REQ-UNBIND-5",
        "REQ-UNBIND-6",
        "REQ-UNBIND-7",
        "REQ-UNBIND-8",
        "REQ-UNBIND-9",
        "REQ-UNBIND-11",
        "REQ-UNBIND-12",
    )
    @pytest.mark.parametrize("case", **cases(TABLE["several"]))
    def test_unbind(self, outside: Outside, case: list[Any]) -> None:
        """An error wins over lack of support, which wins over success; of several errors the first is told."""
        left = self._prepared(outside, case[0])
        assert told(outside.remove("unbind")) == tuple(case[1:])
        assert len(outside.rows) == left
        assert {heard.headers["host"].partition(".")[0] for heard in outside.server.heard} == {"first", "second"}

    @pytest.mark.rule("REQ-DEACT-2", "REQ-DEACT-3", "REQ-DEACT-5", "SEC-30")
    @pytest.mark.parametrize("case", **cases(TABLE["several"]))
    def test_deactivate(self, outside: Outside, case: list[Any]) -> None:
        """Success means that every server confirmed."""
        left = self._prepared(outside, case[0])
        assert outside.leave() == ("no-support" if left else "success")
        assert state(outside)[:2] == (0, left)


class TestNothingKnown:
    """Without a server named or remembered, no request is made."""

    @pytest.mark.rule("REQ-UNBIND-1")
    @pytest.mark.parametrize(("how", "left"), [("unbind", 1), ("delete", 0)])
    def test_no_server_is_no_support(self, outside: Outside, how: str, left: int) -> None:
        """The answer is ``no-support``."""
        outside.remember()
        assert told(outside.remove(how)) == (200, "no-support")
        assert (state(outside), outside.server.heard) == ((left, 0, 0), [])

    @pytest.mark.rule("REQ-DEACT-2", "REQ-DEACT-4")
    def test_nothing_to_unbind_is_success(self, outside: Outside) -> None:
        """Deactivating an account without bindings is a success."""
        outside.remember()
        assert outside.leave() == "success"
        assert outside.server.heard == []

    @pytest.mark.rule("REQ-UNBIND-1", "REQ-UNBIND-10")
    def test_a_server_that_is_named_is_asked(self, outside: Outside) -> None:
        """An ``id_server`` is asked also about an address that was not bound through us, in its canonical form."""
        outside.remember()
        named = {"id_server": outside.at("id.example"), "address": "ALICE@Example.ORG"}
        assert told(outside.remove("unbind", **named)) == (200, "success")
        assert ADDRESS.encode() in outside.server.heard[0].body
        assert outside.leave(outside.at("id.example")) == "success"
        assert (outside.calls, outside.rows) == (["unbind"] * 2, [])
