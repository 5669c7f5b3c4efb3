"""What the session store has acknowledged, and whether it keeps that: states go forward, nothing is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ...model.session import Session
from .tasks import broken
from .turns import quietly

FORWARD, ONCE, LOST = "states go forward", "one change a revision", "nothing acknowledged is lost"
SLOTS = "one session a slot"
_STAY = ("validated_at", "consumed_at")
_RISE = ("serial", "sent_serial")


class StoredSessions:
    """Every session a store has acknowledged, in its last version.

    ``store``: returns the store as it is now. ``proved``: whether the token of a session has come back.
    """

    def __init__(self, store: Callable[[], Any], proved: Callable[[str], bool]) -> None:
        self._store, self._proved = store, proved
        self._last: dict[str, Session] = {}
        self._changes: set[tuple[str, int]] = set()
        self._purged_before: int | None = None
        self._erased = False
        self.opened: dict[str, Session] = {}
        self.gone: dict[str, Session] = {}

    def everything(self) -> list[Session]:
        """Return the last version of every session, of those that were deleted too."""
        return [*self.gone.values(), *self._last.values()]

    def answered(self, method: str, values: tuple[Any, ...], answer: Any) -> Session | None:
        """Take note of a call of the store; return the session it has changed, if it has."""
        changed: Session | None = None
        if method == "open":
            changed = self._open(values[0], answer)
        elif method == "replace" and answer:
            changed = self._change(values[0])
        elif method == "lease_due" and answer is not None:
            changed = self._change(answer)
        elif method in ("purge", "erase"):
            self._deleting(method, values)
            self.look(list(self._last))
        return changed

    def look(self, sids: Iterable[str] | None = None) -> None:
        """Compare what is stored with what was acknowledged."""
        for sid in list(self._last) if sids is None else sids:
            self._compare(self._last[sid], quietly(self._store().get(sid)))

    def _open(self, wanted: Session, holder: Session) -> Session | None:
        if holder.sid != wanted.sid:
            return None
        slots = [sid for sid, each in self._last.items() if each.slot is not None and each.slot == wanted.slot]
        if slots:
            broken(SLOTS, "a slot that is taken was given to another session")
        self.opened[wanted.sid] = wanted
        self._last[wanted.sid] = wanted
        self._changes.add((wanted.sid, wanted.revision))
        self.look([wanted.sid])
        return wanted

    def _change(self, session: Session) -> Session:
        change = (session.sid, session.revision)
        if change in self._changes:
            broken(ONCE, f"revision {session.revision} was acknowledged twice")
        last = self._last.get(session.sid)
        if last is None:
            broken(LOST, "a session that nobody opened was changed")
        self._advance(last, session)
        self.look([session.sid])
        return session

    def _advance(self, last: Session, session: Session) -> None:
        """Go from one version to a later one."""
        _check_forward(last, session)
        if session.validated_at is not None and not self._proved(session.sid):
            broken("validated by its token only", "a session is validated whose token never came back")
        self._changes.add((session.sid, session.revision))
        if session.revision > last.revision:
            self._last[session.sid] = session

    def _compare(self, last: Session, stored: Session | None) -> None:
        if stored is None:
            if not self._may_be_gone(last):
                broken(LOST, "a session is gone that nobody deleted")
            self.gone[last.sid] = self._last.pop(last.sid)
        elif stored.revision < last.revision:
            broken(LOST, f"revision {last.revision} was acknowledged, and {stored.revision} is stored")
        elif stored.revision > last.revision:
            self._advance(last, stored)
        elif stored != last:
            broken(LOST, f"revision {last.revision} is stored with other values than it was given")

    def _deleting(self, method: str, values: tuple[Any, ...]) -> None:
        if method == "purge":
            self._purged_before = max(self._purged_before or 0, values[0])
        else:
            self._erased = True

    def _may_be_gone(self, last: Session) -> bool:
        purged = self._purged_before is not None and last.expires_at < self._purged_before
        return purged or self._erased


def _check_forward(last: Session, session: Session) -> None:
    was, is_now = (last, session) if session.revision > last.revision else (session, last)
    if any(getattr(was, name) not in (None, getattr(is_now, name)) for name in _STAY):
        broken(FORWARD, f"revision {is_now.revision} takes back what revision {was.revision} says")
    if any(getattr(was, name) > getattr(is_now, name) for name in _RISE) or (was.over and not is_now.over):
        broken(FORWARD, f"revision {is_now.revision} is behind revision {was.revision}")
    if (was.send_attempt or -1) > (is_now.send_attempt or -1):
        broken(FORWARD, f"revision {is_now.revision} forgets an attempt")
    if (was.sid, was.threepid, was.purpose, was.owner) != (is_now.sid, is_now.threepid, is_now.purpose, is_now.owner):
        broken(FORWARD, f"revision {is_now.revision} is about something else")
