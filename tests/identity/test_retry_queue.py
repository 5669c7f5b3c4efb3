"""The queue of unbinds: bounded patience, any number of workers, and never against what the user wants by then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from matrix_threepid.deactivate import deactivate_threepids
from matrix_threepid.events import ThreepidUnbound, UnbindGivenUp
from matrix_threepid.flows.unbind_retry import retry_unbinds
from matrix_threepid.memory.bindings import MemoryBindings
from matrix_threepid.model.binding import Binding, Retrying
from matrix_threepid.model.identity import Blocked, NotSupported, ServerRefused, Unreachable
from matrix_threepid.model.threepid import Medium
from matrix_threepid.offload import run_sync
from matrix_threepid.testing import ALICE, World
from matrix_threepid.testing.identity import FakeIdentityServers

AT, ADDRESS = "id.example", "alice@example.org"
DEAD = Unreachable("no connection")
A_DAY = 86_400_000
PUBLISHED = {(AT, Medium.EMAIL, ADDRESS): ALICE}

pytestmark = pytest.mark.answers_5xx(502, 504)


class Queued:
    """Alice's address is bound, and its unbind did not go through."""

    def __init__(self, make_world: Callable[..., World], **policy: Any) -> None:
        self.servers = FakeIdentityServers()
        self.bindings = MemoryBindings()
        self.world = make_world(policy, identity=self.servers, bindings=self.bindings)
        self.world.add(self.world.prove(ADDRESS))
        self.servers.prove(AT, "sid", "secret", ADDRESS)
        assert self.bind().status == 200
        self.servers.script("unbind", AT, DEAD)
        self.unbind()

    def bind(self) -> Any:
        body = {"id_server": AT, "id_access_token": "t", "sid": "sid", "client_secret": "secret"}
        return self.world.post("/account/3pid/bind", body, ALICE)

    def unbind(self) -> Any:
        return self.world.post("/account/3pid/unbind", {"medium": "email", "address": ADDRESS}, ALICE)

    def work(self) -> int:
        """Let a worker go through the queue; return how many unbinds were tried."""
        return run_sync(retry_unbinds(self.world.homeserver))

    def later(self, ms: int = A_DAY) -> int:
        """Let a worker go through the queue later."""
        self.world.clock.advance(ms)
        return self.work()

    @property
    def rows(self) -> list[Binding]:
        return self.bindings.dump()

    @property
    def pause(self) -> int:
        """The ms until the next try."""
        (row,) = self.rows
        assert row.due_at is not None
        return row.due_at - self.world.clock()


@pytest.fixture
def make_queued(make_world: Callable[..., World]) -> Callable[..., Queued]:
    """Return a function that makes a ``Queued`` with policy choices."""
    return lambda **policy: Queued(make_world, **policy)


@pytest.fixture
def queued(make_queued: Callable[..., Queued]) -> Queued:
    """A ``Queued`` with the default policy."""
    return make_queued()


def test_nothing_is_tried_before_its_time(queued: Queued) -> None:
    """The queue waits for the pause to pass, to the ms."""
    assert queued.later(queued.pause - 1) == 0
    assert queued.later(1) == 1
    assert (queued.rows, queued.servers.published) == ([], {})
    assert len(queued.world.events.of(ThreepidUnbound)) == 1


def test_pauses_double(make_queued: Callable[..., Queued]) -> None:
    """Each pause is up to twice the one before, at least half of that, and none is longer than the longest."""
    retrying = Retrying(first=1000, longest=10_000)
    queued = make_queued(retrying=retrying)
    pauses = [queued.pause]
    for _ in range(5):
        queued.servers.script("unbind", AT, DEAD)
        assert queued.later(queued.pause) == 1
        pauses.append(queued.pause)
    for pause, most in zip(pauses, [1000, 2000, 4000, 8000, 10_000, 10_000], strict=True):
        assert most // 2 <= pause <= most


def test_patience_ends(make_queued: Callable[..., Queued]) -> None:
    """Past a certain age an unbind is given up with an event; the binding stays known to the operator."""
    queued = make_queued(retrying=Retrying(give_up=3 * A_DAY))
    for _ in range(3):
        queued.servers.script("unbind", AT, DEAD)
        assert queued.later() == 1
    assert [event.id_server for event in queued.world.events.of(UnbindGivenUp)] == [AT]
    assert [row.due_at for row in queued.rows] == [None]
    assert queued.later(100 * A_DAY) == 0


@pytest.mark.rule("REQ-UNBIND-8")
@pytest.mark.parametrize(
    "answer", [DEAD, Unreachable("", timeout=True), ServerRefused(403, "M_FORBIDDEN", ""), NotSupported(), Blocked()]
)
def test_the_queue_goes_on_after_any_failure(queued: Queued, answer: Any) -> None:
    """Whatever a server says but success, it is asked again."""
    queued.servers.script("unbind", AT, answer)
    assert (queued.later(), [row.attempts for row in queued.rows]) == (1, [2])
    assert (queued.later(), queued.rows) == (1, [])


def test_an_unbind_that_was_carried_out_is_confirmed_later(queued: Queued) -> None:
    """When only the answer was lost, asking again confirms it."""
    queued.servers.script("unbind", AT, DEAD, carried_out=True)
    queued.later()
    assert (queued.servers.published, len(queued.rows)) == ({}, 1)
    assert (queued.later(), queued.rows) == (1, [])


def test_two_workers_share_the_work(queued: Queued) -> None:
    """While one worker asks, another that looks for work finds none."""
    tried: list[int] = []

    async def meanwhile() -> None:
        queued.servers.before = None
        tried.append(await retry_unbinds(queued.world.homeserver))

    queued.servers.before = meanwhile
    assert (queued.later(), tried) == (1, [0])
    assert queued.servers.calls.count(("unbind", AT)) == 2
    assert queued.rows == []


def test_a_worker_that_dies_leaves_its_work(queued: Queued) -> None:
    """What a worker had taken up when it died is tried by another later."""

    async def death() -> None:
        raise KeyboardInterrupt

    queued.servers.before = death
    with pytest.raises(KeyboardInterrupt):
        queued.later()
    queued.servers.before = None
    assert queued.work() == 0
    assert (queued.later(), queued.rows) == (1, [])


@pytest.mark.rule("REQ-DEACT-8")
def test_the_queue_outlives_the_account(queued: Queued) -> None:
    """An unbind is tried for a user who has left."""
    queued.servers.script("unbind", AT, DEAD)
    assert run_sync(deactivate_threepids(queued.world.homeserver, ALICE)) == "no-support"
    assert (queued.world.threepids(), len(queued.rows)) == ([], 1)
    assert (queued.later(), queued.rows, queued.servers.published) == (1, [], {})


def test_binding_again_ends_the_wish_to_unbind(queued: Queued) -> None:
    """After a new bind the queue leaves the binding alone."""
    assert queued.bind().status == 200
    assert queued.later() == 0
    assert queued.servers.published == PUBLISHED
    assert [row.unwanted_since for row in queued.rows] == [None]


def test_a_bind_meanwhile_is_not_forgotten(queued: Queued) -> None:
    """A binding that is made anew while the queue asks for its end stays remembered, whichever came first there."""

    async def meanwhile() -> None:
        queued.servers.before = None
        body = {"id_server": AT, "id_access_token": "t", "sid": "sid", "client_secret": "secret"}
        assert (await queued.world.acall("POST", "/account/3pid/bind", body, ALICE)).status == 200

    queued.servers.before = meanwhile
    assert queued.later() == 1
    assert [(row.unwanted_since, row.due_at) for row in queued.rows] == [(None, None)]
    assert queued.world.events.of(ThreepidUnbound) == []


def test_a_refused_bind_changes_nothing_in_the_queue(queued: Queued) -> None:
    """A new bind that is refused leaves the unbind where it was."""
    queued.servers.script("bind", AT, ServerRefused(403, "M_TERMS_NOT_SIGNED", "text"))
    assert queued.bind().status == 403
    assert (queued.later(), queued.rows) == (1, [])


def test_work_is_done_in_portions(queued: Queued) -> None:
    """A worker takes up as many as it is told."""
    queued.servers.script("unbind", AT, DEAD)
    queued.world.clock.advance(A_DAY)
    assert run_sync(retry_unbinds(queued.world.homeserver, 0)) == 0
    assert run_sync(retry_unbinds(queued.world.homeserver, 1)) == 1
