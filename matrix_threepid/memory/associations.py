"""``MemoryAssociations``: what an identity server publishes, in a dictionary of one process."""

from __future__ import annotations

from threading import Lock

from ..model.association import Association
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
        self._lock = Lock()

    async def put(self, association: Association) -> None:
        # One assignment to a dictionary is atomic in CPython, so this needs no lock; `remove` reads before it deletes.
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
