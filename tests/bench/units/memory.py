"""mem.*: bytes the memory stores hold for each live session and each limited address, and once they are over."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Awaitable, Callable
from time import perf_counter_ns
from typing import Any

from attrs import frozen

from matrix_threepid.flows import session_access, session_opening
from matrix_threepid.limits.counting import keys_of
from matrix_threepid.model.lifetimes import Lifetimes
from matrix_threepid.model.session import Session
from matrix_threepid.model.threepid import Candidate, Medium, Purpose, Threepid
from matrix_threepid.offload import run_sync
from matrix_threepid.ports import Charge
from matrix_threepid.testing import World

from ..setting import Options, People, at_once

_YEAR = 366 * 86_400_000
_ONE_MORE = 20

Fill = Callable[[World, People, int], None]
Purge = Callable[[World, int], int]
Extra = Callable[[World, People], dict[str, Any]]


@frozen(kw_only=True)
class Memory:
    """What many entries hold. ``fill`` makes them, ``purge`` counts what it drops, ``when_full`` adds fields."""

    fill: Fill
    purge: Purge
    when_full: Extra = lambda _, __: {}

    kind = "memory"

    def floor_name(self, options: Options) -> str | None:
        """There is none to time: the goal is in bytes."""
        return None

    def reps(self, options: Options) -> int:
        """Bytes do not vary."""
        return 1

    def repeat(self, options: Options, name: str, rep: int) -> dict[str, Any]:
        """Run once and return the fields of its line."""
        world, people, count = World(), People(f"{options.seed} {name} {rep}"), options.entries
        tracemalloc.start()
        try:
            nothing = _held()
            self.fill(world, people, count)
            full = _held() - nothing
            extra = self.when_full(world, people)
            gone = self.purge(world, 2 * count)
            left = _held() - nothing
        finally:
            tracemalloc.stop()
        wrong = max(count - gone, 0)
        return {
            "ops": count,
            "errors": wrong,
            "bytes": full / count,
            "bytes_after_purge": left / count,
            "held_kb": full / 1024,
            **extra,
        }


def _held() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def open_sessions(world: World, people: People, count: int) -> None:
    """Leave sessions as requests leave them: a mail was sent, nobody confirmed yet."""
    for _ in range(count):
        run_sync(_open(world, people))


async def _open(world: World, people: People) -> None:
    hs, fresh = world.homeserver, fresh_session(world, people)
    begun = fresh.begin_send(1, hs.clock(), hs.clock() + 30_000, Lifetimes())
    await hs.sessions.open(begun or fresh)
    await session_access.update_session(hs, fresh.sid, Session.sent)


def fresh_session(world: World, people: People) -> Session:
    """Return a stranger's session, not stored yet."""
    address = people.address()
    candidate = Candidate(Threepid(Medium.EMAIL, address.lower()), address)
    return session_opening.new_session(world.homeserver, Purpose.ADD, candidate, people.secret(), people.user())


def purge_sessions(world: World, limit: int) -> int:
    """Drop every session, a year later."""
    return at_once(world.homeserver.sessions.purge(world.clock() + _YEAR, limit))


def limit_addresses(world: World, people: People, count: int) -> None:
    """Count one message for each of many addresses."""
    for _ in range(count):
        at_once(_take(world, people))


def _take(world: World, people: People) -> Awaitable[int]:
    hs = world.homeserver
    return hs.limiter.charge(
        [Charge(keys_of(hs, "address", people.address())[0], hs.policy.limits.per_address)], hs.clock()
    )


def purge_limits(world: World, limit: int) -> int:
    """Drop every count, a year later."""
    return at_once(world.homeserver.limiter.purge(world.clock() + _YEAR, limit))


def when_full(world: World, people: People) -> dict[str, Any]:
    """Time further addresses on top, where a store that keeps a bound must make room."""
    began = perf_counter_ns()
    for _ in range(_ONE_MORE):
        at_once(_take(world, people))
    return {"one_more_us": (perf_counter_ns() - began) / _ONE_MORE / 1000}
