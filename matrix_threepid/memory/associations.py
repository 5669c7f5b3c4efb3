"""Associations in a dictionary."""

from __future__ import annotations

from threading import Lock

from ..model.association import Association
from ..model.threepid import Threepid


class MemoryAssociations:
    """An ``AssociationStore`` that forgets with its process; threads may share it."""

    def __init__(self) -> None:
        self._rows: dict[Threepid, Association] = {}
        self._lock = Lock()

    async def put(self, association: Association) -> None:
        self._rows[association.threepid] = association

    async def get(self, threepid: Threepid) -> Association | None:
        return self._rows.get(threepid)

    async def remove(self, threepid: Threepid, mxid: str) -> bool:
        with self._lock:
            stored = self._rows.get(threepid)
            if stored is None or stored.mxid != mxid:
                return False
            del self._rows[threepid]
            return True
