"""Sessions and limits in memory that change together, as in one database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from matrix_threepid.memory.limits import MemoryLimits
from matrix_threepid.memory.sessions import MemorySessions
from matrix_threepid.model.session import Session
from matrix_threepid.ports import Charge


class TogetherSessions(MemorySessions):
    """A ``ChargingSessions`` beside a ``MemoryLimits``; nobody else runs within a call, since none of them waits."""

    def __init__(self, limits: MemoryLimits) -> None:
        super().__init__()
        self._limits = limits

    def counts_in(self, limiter: object) -> bool:
        return limiter is self._limits

    async def open_charging(
        self,
        session: Session,
        charges: Sequence[Charge],
        now: int,
        resume: Callable[[Session], Session | None],
        unless: Sequence[Charge] = (),
    ) -> tuple[int, Session, Session | None]:
        wait = await self._limits.charge(charges, now)
        holder = session if wait else await self.open(session)
        if wait or holder is session:
            return wait, session, None if wait else session
        changed = resume(holder)
        if changed is None:
            await self._limits.give_back(unless, now)
            return 0, holder, holder
        return 0, holder, changed if await self.replace(changed) else None

    async def replace_charging(
        self, session: Session, charges: Sequence[Charge], now: int, *, required: bool
    ) -> tuple[bool, bool]:
        if required:
            granted = not await self._limits.charge(charges, now)
            return granted and await self.replace(session), granted
        stored = await self.replace(session)
        return stored, stored and not await self._limits.charge(charges, now)

    async def replace_giving_back(self, session: Session, charges: Sequence[Charge]) -> bool:
        stored = await self.replace(session)
        if stored:
            await self._limits.give_back(charges, 0)
        return stored


def together() -> dict[str, Any]:
    """Return new stores of sessions and limits that change together, under the names of their ports."""
    limits = MemoryLimits()
    return {"sessions": TogetherSessions(limits), "limiter": limits}
