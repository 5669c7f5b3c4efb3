"""A load on the stores in Valkey that remembers what it was answered."""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import count
from secrets import token_hex
from time import monotonic
from typing import Any

from attrs import Factory, define, evolve

from matrix_threepid import Medium
from matrix_threepid.errors import Unavailable
from matrix_threepid.policy import Limit
from matrix_threepid.ports import Charge
from matrix_threepid.stores import Session, Valkey, ValkeyLimits, ValkeySessions
from matrix_threepid.testing.contracts.values import NOW, session

WORKERS, SENDERS = 200, 2
_FAR = NOW + 86_400_000
_LIMIT = Limit(1_000_000, 0.001)
"""A limit that is never reached and hardly refills, so that what is counted can be compared with what was granted."""
_KEYS = [f"key {number}" for number in range(64)]


@define(eq=False)
class Load:
    """Workers that open sessions, use them up twice at once, and charge limits, and senders that lease messages.

    * ``valkey``: the cluster.
    * ``wanted``: the number of operations.
    * ``struck``: the partitions of the primary that is replaced.
    """

    valkey: Valkey
    wanted: int
    struck: frozenset[int]
    operations: int = 0
    unavailable: int = 0
    unknown_errors: list[str] = Factory(list)
    used: Counter[str] = Factory(Counter)
    leased: Counter[str] = Factory(Counter)
    granted: Counter[str] = Factory(Counter)
    perhaps: Counter[str] = Factory(Counter)
    opened: dict[str, Session] = Factory(dict)
    lost_counts: int = 0
    over: int = 0
    gone_at: float = 0
    promoted_at: float = 0
    served_at: float = 0
    began_at: float = 0
    meanwhile: int = 0
    ended_at: float = 0
    _numbers: Any = Factory(count)
    _progress: asyncio.Event = Factory(asyncio.Event)

    @property
    def outage(self) -> float:
        """The s from the end of the primary to the first answer of one of its partitions."""
        return self.served_at - self.gone_at

    def figures(self) -> str:
        """Return what was seen, in words."""
        rate = self.operations / (self.ended_at - self.began_at)
        gone = self.promoted_at - self.gone_at
        return (
            f"{self.operations} operations, {rate:.0f} a second, {self.meanwhile / gone:.0f} without the primary; "
            f"promoted {gone:.1f} s and served {self.outage:.1f} s after its end; {self.unavailable} answered 503; "
            f"{len(self.opened)} sessions, {self.over} of them over by the promotion; used up {len(self.used)}, twice "
            f"{len(self.used_twice())}; leased {len(self.leased)}, twice {len(self.leased_twice())}; "
            f"{sum(self.granted.values())} charges granted, {self.lost_counts} of them lost"
        )

    def used_twice(self) -> list[str]:
        """Return the sessions whose use was acknowledged more than once."""
        return [sid for sid, times in self.used.items() if times > 1]

    def leased_twice(self) -> list[str]:
        """Return the sessions whose message was leased more than once before the lease was over."""
        return [sid for sid, times in self.leased.items() if times > 1]

    async def reached(self, part: float) -> None:
        """Return once so much of the load is done."""
        while self.operations < self.wanted * part:
            self._progress.clear()
            await self._progress.wait()

    def primary_gone(self) -> None:
        """Take the time at which the primary ends."""
        self.gone_at = monotonic()

    def promoted(self) -> None:
        """Take the time at which a replica was promoted."""
        self.promoted_at = monotonic()

    async def run(self) -> None:
        """Make the operations."""
        self.began_at = monotonic()
        await asyncio.gather(*(self._worker() for _ in range(WORKERS)), *(self._sender() for _ in range(SENDERS)))
        self.ended_at = monotonic()

    async def _worker(self) -> None:
        sessions = ValkeySessions(self.valkey)
        while self.operations < self.wanted:
            number = next(self._numbers)
            slot = token_hex(8)
            sid = sessions.place(token_hex(8), slot)
            new = session(sid, slot=slot, owner=f"@u{number}:x", due_attempt=1, due_at=NOW + number)
            held = await self._asked(sid, sessions.open(new))
            if held is None:
                continue
            self.opened[sid] = new
            guessed = held.guessed()
            if not await self._asked(sid, sessions.replace(guessed)):
                continue
            await self._charge(_KEYS[number % len(_KEYS)])
            await asyncio.gather(self._use(sessions, sid), self._use(sessions, sid))

    async def _use(self, sessions: ValkeySessions, sid: str) -> None:
        """Use a session up, as an action does whose claim is the session itself."""
        stored = await self._asked(sid, sessions.get(sid))
        if stored is None or not stored.alive(NOW):
            return
        # The message stays due, for the senders.
        consumed = evolve(stored.consume(NOW), due_at=stored.due_at)
        if await self._asked(sid, sessions.replace(consumed)):
            self.used[sid] += 1

    async def _charge(self, key: str) -> None:
        limiter = ValkeyLimits(self.valkey)
        try:
            if await limiter.charge([Charge(key, _LIMIT)], NOW) == 0:
                self.granted[key] += 1
        except Unavailable:
            self.perhaps[key] += 1
            self.unavailable += 1
        self._done()

    async def _sender(self) -> None:
        sessions = ValkeySessions(self.valkey)
        while self.operations < self.wanted:
            leased = await self._asked("", sessions.lease_due(NOW + 10**9, 2 * _FAR, Medium.EMAIL))
            if leased is not None:
                self.leased[leased.sid] += 1

    async def try_all_again(self) -> None:
        """Use every session and lease every message once more, and compare the counts, when the cluster is whole."""
        sessions, limiter = ValkeySessions(self.valkey), ValkeyLimits(self.valkey)
        sids = list(self.opened)
        for begin in range(0, len(sids), WORKERS):
            part = sids[begin : begin + WORKERS]
            await asyncio.gather(*(self._use(sessions, sid) for sid in part))
            found = await asyncio.gather(*(sessions.get(sid) for sid in part))
            self.over += sum(each is None or not (each.over or each.alive(NOW)) for each in found)
        used = await limiter.used([Charge(key, _LIMIT) for key in _KEYS], NOW)
        self.lost_counts = sum(max(0, self.granted[key] - counted) for key, counted in zip(_KEYS, used, strict=True))

    async def _asked(self, sid: str, asking: Any) -> Any:
        """Return an answer; ``None`` if there was none."""
        try:
            answer = await asking
        except Unavailable:
            self.unavailable += 1
            await asyncio.sleep(0.02)
            answer = None
        except Exception as error:
            self.unknown_errors.append(f"{type(error).__name__}: {error}")
            answer = None
        else:
            self.meanwhile += bool(self.gone_at and not self.promoted_at)
            if self.gone_at and sid and not self.served_at and self._in_struck(sid) and self.promoted_at:
                self.served_at = monotonic()
        self._done()
        return answer

    def _in_struck(self, sid: str) -> bool:
        return int(sid.rpartition(".")[2]) in self.struck

    def _done(self) -> None:
        self.operations += 1
        self._progress.set()
