"""``ValkeySessions``: sessions in Valkey or Redis, each in one partition with all entries that lead to it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from ...model.session import Session
from ...model.threepid import Medium, Purpose, Threepid
from ...protocol.errors import ConfigurationError
from .connection import Valkey
from .entries import address, optional, session_of, values_of
from .session_scripts import SessionScripts

# A lease fails only if another worker was faster; so many failures in a row leave the message to the next call.
_TRIES = 32
# The most digits of a partition's number.
_DIGITS = 4
_log = logging.getLogger("matrix_threepid")


class ValkeySessions:
    """A ``SessionStore`` in Valkey or Redis, for asyncio.

    * ``valkey``: the server or cluster, of ``open_valkey``.

    A session lies in the partition of its slot, which its ``sid`` names; every change of one session is one step there.
    Lists, ``lease_due``, ``erase`` and ``purge`` ask every partition. Sessions of an earlier replication epoch are
    returned as expired by ``get``, and by no other method; they can only be ended.
    """

    def __init__(self, valkey: Valkey) -> None:
        self._valkey = self.database = valkey
        self._scripts = SessionScripts.of(valkey.epochs)

    def check(self) -> Awaitable[None]:
        """Raise ``Unavailable`` if the servers take no changes, for ``health``."""
        return self._valkey.check()

    def place(self, sid: str, slot: str) -> str:
        """Return a new ``sid`` with the partition of a slot after it, such as ``abc.7``."""
        return f"{sid}.{self._valkey.partition_of(slot)}"

    async def open(self, session: Session) -> Session:
        named = self._named(session.sid)
        where = self._valkey.partition_of(session.slot or "") if session.slot is not None or named is None else named
        if named not in (None, where):
            raise ConfigurationError("sessions: the sid names another partition than that of the slot; see place")
        holder = await self._valkey.run(self._scripts.open, where, session.sid, *values_of(session))
        return session if holder is None else session_of(holder)

    async def get(self, sid: str) -> Session | None:
        return (await self._located(sid))[1]

    async def find(self, slot: str) -> Session | None:
        found = await self._valkey.run(self._scripts.find, self._valkey.partition_of(slot), optional(slot))
        return None if found is None else session_of(found)

    async def replace(self, session: Session) -> bool:
        where = self._named(session.sid)
        if where is None:
            where = (await self._located(session.sid))[0]
        values = (session.sid, session.revision - 1, int(session.ended), *values_of(session))
        return bool(await self._valkey.run(self._scripts.replace, where, *values))

    async def lease_due(self, now: int, until: int, medium: Medium) -> Session | None:
        for _ in range(_TRIES):
            waiting, failure = await self._waiting(now, medium)
            if not waiting:
                # The partitions that answer have nothing to send; what the others have must not look like nothing.
                if failure is not None:
                    raise failure
                return None
            due_at, where = min(waiting)
            leased = await self._valkey.run(self._scripts.lease, where, medium.value, due_at, optional(until))
            if leased is not None:
                return session_of(leased)
        return None

    async def _waiting(self, now: int, medium: Medium) -> tuple[list[tuple[int, int]], BaseException | None]:
        """Return when the oldest message of each partition is due, and its partition; and why one did not answer."""
        steps = [(self._scripts.next_due, where, (medium.value, now)) for where in self._valkey.partitions]
        waiting, dropped, failure = list[tuple[int, int]](), 0, None
        for where, answer in enumerate(await self._valkey.tried(steps)):
            if isinstance(answer, BaseException):
                failure = answer
                continue
            dropped += int(answer[0])
            if answer[1]:
                waiting.append((int(answer[1]), where))
        if dropped:
            _log.warning(
                "Valkey was started again or a replica was promoted: %d messages of earlier sessions are dropped, which"
                " may have been sent already",
                dropped,
            )
        return waiting, failure

    async def of_owner(self, user_id: str) -> list[Session]:
        return await self._listed(f"o:{user_id}", lambda _: True)

    async def of_threepid(self, threepid: Threepid, purpose: Purpose) -> list[Session]:
        return await self._listed(f"a:{address(threepid)}", lambda session: session.purpose is purpose)

    async def erase(self, user_id: str, threepids: Sequence[Threepid]) -> int:
        whose = (optional(user_id), *map(address, threepids))
        return sum(map(int, await self._valkey.run_in_all(self._scripts.erase, *whose)))

    async def purge(self, before: int, limit: int) -> int:
        return await self._valkey.purge(self._scripts.purge, before, limit)

    async def queue(self, now: int) -> tuple[int, int | None]:
        """Return how many messages are due at the time ``now``, and since when the first of them is, for metrics."""
        media = [medium.value for medium in Medium]
        answers = await self._valkey.run_in_all(self._scripts.queue, now, *media)
        since = [int(first) for _, first in answers if first]
        return sum(int(length) for length, _ in answers), min(since, default=None)

    def _named(self, sid: str) -> int | None:
        """Return the partition that a sid names; ``None`` if it names none."""
        _, _, last = sid.rpartition(".")
        named = int(last) if last != sid and last.isascii() and last.isdigit() and len(last) <= _DIGITS else -1
        return named if named in self._valkey.partitions else None

    async def _located(self, sid: str) -> tuple[int, Session | None]:
        """Return the partition of a session, and the session; any partition and ``None`` if it is not stored."""
        where = self._named(sid)
        if where is not None:
            found = await self._valkey.run(self._scripts.get, where, sid)
            return where, None if found is None else session_of(found)
        # Nobody who makes a sid by ``place`` has to ask them all.
        answers = await self._valkey.run_in_all(self._scripts.get, sid)
        held = [(number, session_of(each)) for number, each in enumerate(answers) if each is not None]
        return held[0] if held else (0, None)

    async def _listed(self, key: str, matches: Callable[[Session], bool]) -> list[Session]:
        answers: list[Any] = await self._valkey.run_in_all(self._scripts.list, key)
        found = [session_of(each) for answer in answers for each in answer]
        return [session for session in found if not session.over and matches(session)]
