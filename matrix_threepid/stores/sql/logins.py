"""``SqlLogins``: the logins of an identity server with a database."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from ...model.login import Login
from ._columns import purging
from ._store import SqlStore
from .operation import Alone, Later, Operation

_COLUMNS = "token_mac, user_id, created_at"
_OF_TOKEN = "token_mac IN (?, ?)"
_FIND = f"SELECT {_COLUMNS} FROM matrix_threepid_identity_tokens WHERE {_OF_TOKEN}"  # noqa: S608  constants
_PUT = (
    f"INSERT INTO matrix_threepid_identity_tokens ({_COLUMNS}) VALUES (?, ?, ?) "  # noqa: S608
    "ON CONFLICT (token_mac) DO NOTHING"
)
_OF_USER = "SELECT created_at, token_mac FROM matrix_threepid_identity_tokens WHERE user_id = ?"
_END = f"DELETE FROM matrix_threepid_identity_tokens WHERE {_OF_TOKEN} RETURNING token_mac"  # noqa: S608
_ACCEPT = (
    "INSERT INTO matrix_threepid_identity_terms (user_id, document, accepted_at) VALUES (?, ?, ?) "
    "ON CONFLICT (user_id, document) DO NOTHING"
)
_ACCEPTED = "SELECT document FROM matrix_threepid_identity_terms WHERE user_id = ?"
_PURGE = purging("matrix_threepid_identity_tokens", "token_mac", "created_at < ?", "created_at", "created_at + 0 < ?")


class SqlLogins(SqlStore):
    """A ``LoginStore`` in the tables ``matrix_threepid_identity_tokens`` and ``matrix_threepid_identity_terms``.

    * ``db``: a database whose schema ``migrate`` has brought up to date.
    """

    def put(self, login: Login, most: int) -> Awaitable[None]:
        return self._db.run(lambda: _put(login, most))

    def find(self, macs: Sequence[str]) -> Awaitable[Login | None]:
        return self._db.run(lambda: _find(_pair(macs)))

    def end(self, macs: Sequence[str]) -> Awaitable[int]:
        return self._db.run(lambda: _end(_pair(macs)))

    def accept(self, user_id: str, documents: Sequence[str], now: int) -> Awaitable[None]:
        return self._db.run(lambda: _accept(user_id, documents, now))

    def accepted(self, user_id: str) -> Awaitable[Sequence[str]]:
        return self._db.run(lambda: _accepted(user_id))

    def purge(self, before: int, limit: int) -> Awaitable[int]:
        return self._db.run(lambda: _purge(before, limit))


def _pair(macs: Sequence[str]) -> tuple[str, str]:
    # There are one or two peppers, so one statement does for both.
    return macs[0], macs[-1]


def _put(login: Login, most: int) -> Operation[None]:
    yield _PUT, (login.token_mac, login.user_id, login.created_at)
    rows = yield _OF_USER, (login.user_id,)
    for _, token_mac in sorted(rows, reverse=True)[most:]:
        yield _END, (token_mac, token_mac)


def _find(macs: tuple[str, str]) -> Operation[Login | None]:
    rows = yield Alone(_FIND, *macs)
    return Login(*rows[0]) if rows else None


def _end(macs: tuple[str, str]) -> Operation[int]:
    return len((yield Alone(_END, *macs)))


def _accept(user_id: str, documents: Sequence[str], now: int) -> Operation[None]:
    for document in documents:
        yield _ACCEPT, (user_id, document, now)


def _accepted(user_id: str) -> Operation[Sequence[str]]:
    rows = yield Alone(_ACCEPTED, user_id)
    return [row[0] for row in rows]


def _purge(before: int, limit: int) -> Operation[int]:
    return len((yield Later(_PURGE, before, before, limit)))
