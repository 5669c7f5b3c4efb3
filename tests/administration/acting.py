"""Short ways to act as an administrator."""

from __future__ import annotations

from typing import Any

from matrix_threepid import Administration, run_sync
from matrix_threepid.model.session import Session
from matrix_threepid.observing import SqlAudit
from matrix_threepid.testing import World

ROOT, WHY = "@root:hs.example.org", "asked for by phone, identity checked"


class Desk:
    """An administrator of a world: ``desk.cancel(sid)`` does it for a reason, and returns what came of it."""

    def __init__(self, world: World, audit: SqlAudit) -> None:
        self.world, self.audit = world, audit

    @property
    def administration(self) -> Administration:
        return Administration(role=self.world.homeserver, audit=self.audit)

    def look(self, name: str, what: str) -> Any:
        """Look at something."""
        return run_sync(getattr(self.administration, name)(what, actor=ROOT))

    def do(self, name: str, *what: str, reason: str = WHY) -> Any:
        """Do something."""
        return run_sync(getattr(self.administration, name)(*what, actor=ROOT, reason=reason))

    @property
    def deeds(self) -> list[tuple[str, str]]:
        """The deeds in the audit, action and reason, the newest first."""
        entries = run_sync(self.audit.list())
        return [
            (str(each.details["action"]), str(each.details["why"])) for each in entries if each.event == "Administered"
        ]

    def stored(self, sid: str) -> Session:
        """Return a session as it is stored."""
        session = run_sync(self.world.homeserver.sessions.get(sid))
        assert session is not None
        return session
