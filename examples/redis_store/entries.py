"""A session as text, and the entries that lead to it."""

from __future__ import annotations

import json

import attrs
from attrs import frozen

from matrix_threepid import Medium, Purpose, Threepid
from matrix_threepid.stores import Session

Command = tuple[str, ...]
"""A verb, the key it changes, and arguments."""
_KNOWN = {field.name for field in attrs.fields(Session)}


def to_text(session: Session) -> str:
    """Return a session as JSON."""
    return json.dumps(attrs.asdict(session))


def from_text(text: str) -> Session:
    """Return the session; what a later release has added to it is left out."""
    fields = {name: value for name, value in json.loads(text).items() if name in _KNOWN}
    threepid = Threepid(Medium(fields["threepid"]["medium"]), fields["threepid"]["address"])
    return Session(**{**fields, "threepid": threepid, "purpose": Purpose(fields["purpose"])})


@frozen
class Keys:
    """Names of keys. Parts are quoted, so they never run into each other."""

    prefix: str

    def value(self, sid: str) -> str:
        return self._of("session", sid)

    def slot(self, slot: str) -> str:
        return self._of("slot", slot)

    def owner(self, user_id: str) -> str:
        return self._of("owner", user_id)

    def threepid(self, threepid: Threepid) -> str:
        return self._of("threepid", threepid.medium.value, threepid.address)

    def due(self, medium: Medium) -> str:
        return self._of("due", medium.value)

    @property
    def expiry(self) -> str:
        return f"{self.prefix}expiry"

    def _of(self, kind: str, *parts: str) -> str:
        return f"{self.prefix}{kind}:{json.dumps(parts)}"

    def changes(self, old: Session | None, new: Session | None) -> list[Command]:
        """Return what makes one version (``None``: nothing stored) into the other; the value comes first."""
        before, after = self._entries(old) if old else {}, self._entries(new) if new else {}
        gone = [undo for make, undo in before.items() if make not in after]
        return gone + [make for make in after if make not in before]

    def _entries(self, session: Session) -> dict[Command, Command]:
        """Return the commands that make the entries of a session, each with the one that takes it away."""
        sid, value = session.sid, self.value(session.sid)
        entries: dict[Command, Command] = {("SET", value, to_text(session)): ("DEL", value)}
        if session.slot is not None:
            entries["SET", self.slot(session.slot), sid] = ("DEL", self.slot(session.slot))
        sets = [self.threepid(session.threepid)] + ([] if session.owner is None else [self.owner(session.owner)])
        times = [(self.expiry, session.expires_at)]
        if session.due_at is not None:
            times.append((self.due(session.threepid.medium), session.due_at))
        entries.update({("SADD", key, sid): ("SREM", key, sid) for key in sets})
        entries.update({("ZADD", key, str(time), sid): ("ZREM", key, sid) for key, time in times})
        return entries
