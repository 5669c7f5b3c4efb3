"""Where floors keep things: dicts, or two tables of the database in use, as durable as ours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .places import Execute
from .setting import Setting

_TABLES = (
    "session (sid TEXT PRIMARY KEY, slot TEXT UNIQUE, mac {bytes}, due INT, validated INT, spent INT)",
    "used (slot TEXT PRIMARY KEY, times INT)",
)
_WORDS = {
    "sqlite": {"begin": "BEGIN IMMEDIATE", "bytes": "BLOB", "ending": "WITHOUT ROWID"},
    "postgresql": {"begin": "BEGIN", "bytes": "BYTEA", "ending": ""},
}
_COUNT = "INSERT INTO used VALUES (?, 1) ON CONFLICT (slot) DO UPDATE SET times = used.times + 1"


class Dicts:
    """A floor's store in memory."""

    def __init__(self) -> None:
        self._sessions: dict[str, dict[str, Any]] = {}
        self._slots: dict[str, str] = {}
        self._used: dict[str, int] = {}
        self._accounts: dict[str, list[str]] = {}

    def open(self, sid: str, email: str, mac: bytes) -> None:
        """Count the address and insert a session with its message written ahead."""
        self._used[email] = self._used.get(email, 0) + 1
        self._slots[email] = sid
        self._sessions[sid] = {"email": email, "mac": mac, "due": True}

    def sent(self, sid: str) -> None:
        """Note that the message went out."""
        self._sessions[sid]["due"] = False

    def mac(self, sid: str) -> bytes:
        """Return the MAC of a session's secret."""
        found: bytes = self._sessions[sid]["mac"]
        return found

    def validate(self, sid: str) -> None:
        """Note that the token came back."""
        self._sessions[sid]["validated"] = True

    def consume(self, sid: str) -> str:
        """Use a session up, return its address."""
        session = self._sessions[sid]
        session["spent"] = True
        email: str = session["email"]
        return email

    def own(self, user: str, email: str) -> None:
        """Put an address on an account."""
        self._accounts.setdefault(user, []).append(email)

    def owned(self, user: str) -> Sequence[str]:
        """Return the addresses of an account."""
        return self._accounts[user]


class Tables(Dicts):
    """A floor's store in SQL, in as few transactions as safety allows. Accounts are the host's and stay dicts."""

    def __init__(self, execute: Execute, dialect: str) -> None:
        super().__init__()
        words = _WORDS[dialect]
        self._run, self._begin = execute, words["begin"]
        for table in _TABLES:
            execute(f"CREATE TABLE {table} {{ending}}".format(**words))

    def open(self, sid: str, email: str, mac: bytes) -> None:
        self._run(self._begin)
        self._run(_COUNT, (email,))
        self._run("INSERT INTO session VALUES (?, ?, ?, 1, 0, 0)", (sid, email, mac))
        self._run("COMMIT")

    def sent(self, sid: str) -> None:
        self._run("UPDATE session SET due = 0 WHERE sid = ?", (sid,))

    def mac(self, sid: str) -> bytes:
        found: bytes = self._run("SELECT mac FROM session WHERE sid = ?", (sid,))[0][0]
        return found

    def validate(self, sid: str) -> None:
        self._run("UPDATE session SET validated = 1 WHERE sid = ?", (sid,))

    def consume(self, sid: str) -> str:
        email: str = self._run("SELECT slot FROM session WHERE sid = ?", (sid,))[0][0]
        self._run("UPDATE session SET spent = 1 WHERE sid = ?", (sid,))
        return email


def floor_store(setting: Setting) -> Dicts:
    """Return an empty store of the kind the setting asks for."""
    if setting.options.kind_of_store == "memory":
        return Dicts()
    place = setting.place()
    return Tables(setting.cleanup.enter_context(place.by_hand()), place.db.dialect)
