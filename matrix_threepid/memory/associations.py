"""``MemoryAssociations``: what an identity server publishes, in dictionaries of one process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from threading import Lock

from attrs import evolve

from ..model.association import Association
from ..model.lookup import KEPT, LookupPepper, hashed
from ..model.threepid import Threepid


class MemoryAssociations:
    """An ``AssociationStore`` in memory; its rows end with the process, and threads may share it.

    >>> from matrix_threepid import run_sync
    >>> from matrix_threepid.model.threepid import Medium, Threepid
    >>> run_sync(MemoryAssociations().get(Threepid(Medium.EMAIL, "alice@example.org"))) is None
    True
    """

    def __init__(self) -> None:
        self._rows: dict[Threepid, Association] = {}
        self._peppers: list[LookupPepper] = []
        self._hashes: dict[int, dict[str, Threepid]] = {}
        self._to_hash: dict[Threepid, None] = {}
        self._lock = Lock()

    async def put(self, association: Association) -> None:
        with self._lock:
            self._rows[association.threepid] = association
            for pepper in self._peppers:
                self._hash(association.threepid, pepper)

    async def get(self, threepid: Threepid) -> Association | None:
        return self._rows.get(threepid)

    async def get_many(self, threepids: Sequence[Threepid]) -> Sequence[Association]:
        return [self._rows[each] for each in threepids if each in self._rows]

    async def remove(self, threepid: Threepid, mxid: str) -> bool:
        with self._lock:
            stored = self._rows.get(threepid)
            if stored is None or stored.mxid != mxid:
                return False
            del self._rows[threepid]
            for pepper in self._peppers:
                self._hashes[pepper.number].pop(hashed(threepid, pepper.text), None)
            return True

    async def peppers(self) -> Sequence[LookupPepper]:
        return tuple(self._peppers)

    async def add_pepper(self, pepper: LookupPepper) -> bool:
        with self._lock:
            newest = self._peppers[0] if self._peppers else None
            if pepper.number != (1 if newest is None else newest.number + 1) or (newest and not newest.ready):
                return False
            self._peppers = [pepper, *self._peppers][:KEPT]
            kept = {each.number for each in self._peppers}
            self._hashes = {number: each for number, each in self._hashes.items() if number in kept}
            self._hashes[pepper.number] = {}
            self._to_hash = dict.fromkeys(self._rows)
            return True

    async def rehash(self, limit: int) -> int:
        with self._lock:
            if not self._peppers:
                return 0
            part = list(islice(self._to_hash, limit))
            for threepid in part:
                del self._to_hash[threepid]
                if threepid in self._rows:
                    self._hash(threepid, self._peppers[0])
            if len(part) < limit:
                self._peppers[0] = evolve(self._peppers[0], ready=True)
            return len(part)

    async def look_up(self, number: int, hashes: Sequence[str]) -> Mapping[str, str]:
        known = self._hashes.get(number, {})
        rows = {each: self._rows.get(known[each]) for each in hashes if each in known}
        return {each: row.mxid for each, row in rows.items() if row is not None}

    def _hash(self, threepid: Threepid, pepper: LookupPepper) -> None:
        self._hashes[pepper.number][hashed(threepid, pepper.text)] = threepid
