"""FastAPI with accounts of its own, in one file to copy: ``python -m examples.hosts.fastapi_accounts --port 8008``.

The library answers ``/register``, ``/account/password``, ``/account/deactivate`` and ``/account/3pid`` over three
tables in the file that ``DATABASE`` names, ``accounts.db`` by default. Yours are ``/login`` (``docs/concepts.md`` has
one), ``/logout`` and all the rest. Mails are printed on the terminal; ``SmtpSender`` sends them.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI

from matrix_threepid import (
    AccountThreepid,
    AddOutcome,
    Caller,
    Homeserver,
    Medium,
    Owner,
    Policy,
    Request,
    Service,
    Threads,
    Threepid,
    run_sync,
)
from matrix_threepid.errors import InvalidUsername, ThreepidInUse, UnknownToken, UserInUse, WeakPassword
from matrix_threepid.hosts import Asgi, UvicornHttp, listener
from matrix_threepid.ports import LoggedIn
from matrix_threepid.senders import ConsoleSender
from matrix_threepid.settings import stored_peppers
from matrix_threepid.stores import Operation, Row, SqlBindings, Sqlite, SqlLimits, SqlSessions, SqlUiaSessions, migrate

NAME, SHORTEST = "example.org", 8
TABLES = (
    "CREATE TABLE IF NOT EXISTS users (user_id TEXT PRIMARY KEY, password TEXT)",  # NULL once it is deactivated
    "CREATE TABLE IF NOT EXISTS tokens (hash TEXT PRIMARY KEY, user_id TEXT NOT NULL, device_id TEXT NOT NULL)",
    """CREATE TABLE IF NOT EXISTS threepids (medium TEXT, address TEXT, user_id TEXT NOT NULL, spelling TEXT,
    validated_at INTEGER, added_at INTEGER, PRIMARY KEY (medium, address))""",  # so an address has one owner
)
FIND = "SELECT user_id, spelling FROM threepids WHERE medium = ? AND address = ?"
LIST = "SELECT medium, address, validated_at, added_at, spelling FROM threepids WHERE user_id = ? ORDER BY rowid"
ADD = """INSERT INTO threepids SELECT ?, ?, user_id, ?, ?, ? FROM users WHERE user_id = ? AND password IS NOT NULL
    ON CONFLICT DO NOTHING RETURNING user_id"""


class Home:
    """The ports ``Accounts``, ``Callers`` and ``AccountKeeper`` over three tables."""

    def __init__(self, db: Sqlite) -> None:
        self._db, self._threads = db, Threads(os.cpu_count() or 1)

    async def prepare(self) -> None:
        """Create the tables: the library's and ours."""
        await migrate(self._db)
        await self._ask(*((table, ()) for table in TABLES))

    async def _ask(self, *statements: tuple[str, Sequence[Any]]) -> Sequence[Row]:
        """Run statements in one transaction, in a thread; return the rows of the last."""

        def operation() -> Operation[Sequence[Row]]:
            rows: Sequence[Row] = ()
            for statement in statements:
                rows = yield statement
            return rows

        return await self._db.run(operation)

    # -- Accounts: who has which address ------------------------------------------------------------

    async def owner(self, threepid: Threepid) -> Owner | None:
        rows = await self._ask((FIND, (threepid.medium.value, threepid.address)))
        return Owner(*rows[0]) if rows else None

    async def list(self, user_id: str) -> Sequence[AccountThreepid]:
        return [_threepid(*row) for row in await self._ask((LIST, (user_id,)))]

    async def add(self, user_id: str, threepid: AccountThreepid) -> AddOutcome:
        return await self._db.run(lambda: _add(user_id, threepid))

    async def remove(self, user_id: str, threepid: Threepid) -> bool:
        sql = "DELETE FROM threepids WHERE user_id = ? AND medium = ? AND address = ? RETURNING user_id"
        return bool(await self._ask((sql, (user_id, threepid.medium.value, threepid.address))))

    # -- Callers: whose access token it is ----------------------------------------------------------

    async def identify(self, request: Request) -> Caller | None:
        if "authorization" not in request.headers:
            return None
        rows = await self._ask(("SELECT user_id FROM tokens WHERE hash = ?", (_token(request),)))
        if not rows:
            raise UnknownToken
        return Caller(rows[0][0])

    # -- AccountKeeper: accounts and their passwords ------------------------------------------------

    async def new_user_id(self, localpart: str | None) -> str:
        name = secrets.token_hex(8) if localpart is None else localpart
        if not re.fullmatch(r"[a-z0-9._=/+-]{1,200}", name):
            raise InvalidUsername
        if await self._ask(("SELECT 1 FROM users WHERE user_id = ?", (f"@{name}:{NAME}",))):
            raise UserInUse
        return f"@{name}:{NAME}"

    async def create(self, user_id: str, password_hash: str, threepids: Sequence[AccountThreepid]) -> None:
        await self._db.run(lambda: _create(user_id, password_hash, threepids))

    async def log_in(self, user_id: str, device_id: str, display_name: str | None) -> LoggedIn:
        token = secrets.token_urlsafe(32)
        ended = "DELETE FROM tokens WHERE user_id = ? AND device_id = ?", (user_id, device_id)
        await self._ask(ended, ("INSERT INTO tokens VALUES (?, ?, ?)", (_sha256(token), user_id, device_id)))
        return LoggedIn(access_token=token)

    async def hash_password(self, password: str) -> str:
        if len(password) < SHORTEST:
            raise WeakPassword
        return await self._threads(lambda: _scrypt(password, secrets.token_hex(16)))

    async def hash_fits(self, password: str, password_hash: str) -> bool:
        made = await self._threads(lambda: _scrypt(password, password_hash.partition("$")[0]))
        return hmac.compare_digest(made, password_hash)

    async def password_fits(self, user_id: str, password: str) -> bool:
        rows = await self._ask(("SELECT password FROM users WHERE user_id = ?", (user_id,)))
        return await self.hash_fits(password, (rows and rows[0][0]) or "nobody$")  # which takes as long as with one

    async def set_password(self, user_id: str, password_hash: str) -> None:
        sql = "UPDATE users SET password = ? WHERE user_id = ? AND password IS NOT NULL"
        await self._ask((sql, (password_hash, user_id)))

    async def log_out(self, user_id: str, keep: Request | None) -> None:
        kept = _token(keep) if keep else ""
        await self._ask(("DELETE FROM tokens WHERE user_id = ? AND hash <> ?", (user_id, kept)))

    async def deactivate(self, user_id: str, erase: bool) -> None:
        closed = "UPDATE users SET password = NULL WHERE user_id = ?", (user_id,)
        ended = "DELETE FROM tokens WHERE user_id = ?", (user_id,)
        await self._ask(closed, ended, ("DELETE FROM threepids WHERE user_id = ?", (user_id,)))


def _create(user_id: str, password_hash: str, threepids: Sequence[AccountThreepid]) -> Operation[None]:
    if not (yield "INSERT INTO users VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING 1", (user_id, password_hash)):
        raise UserInUse
    for threepid in threepids:
        if (yield from _add(user_id, threepid)) is not AddOutcome.ADDED:
            raise ThreepidInUse  # and there is no account, since an exception undoes the transaction


def _add(user_id: str, it: AccountThreepid) -> Operation[AddOutcome]:
    if (yield ADD, (it.medium.value, it.address, it.spelling, it.validated_at, it.added_at, user_id)):
        return AddOutcome.ADDED
    rows = yield FIND, (it.medium.value, it.address)
    return AddOutcome.ALREADY_YOURS if rows and rows[0][0] == user_id else AddOutcome.TAKEN


def _threepid(medium: str, address: str, validated_at: int, added_at: int, spelling: str | None) -> AccountThreepid:
    times = {"validated_at": validated_at, "added_at": added_at}
    return AccountThreepid(medium=Medium(medium), address=address, spelling=spelling, **times)


def _scrypt(password: str, salt: str) -> str:
    return f"{salt}${hashlib.scrypt(password.encode(), salt=salt.encode(), n=2**14, r=8, p=1).hex()}"


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _token(request: Request) -> str:
    """Return what is stored of a request's access token; an empty text without one."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return _sha256(token) if scheme.lower() == "bearer" else ""


def application(file: str, url: str) -> Asgi:
    """Return the application: the library's endpoints in front of yours, and its jobs beside them.

    * ``file``: the database of SQLite; its key is beside it.
    * ``url``: where clients reach the server; links lead there.
    """
    db = Sqlite(file)
    home = Home(db)
    run_sync(home.prepare())
    homeserver = Homeserver(
        server_name=NAME,
        accounts=home,
        callers=home,
        keeper=home,
        peppers=stored_peppers(Path(f"{file}.key")),
        policy=Policy(public_base_url=url),
        senders={Medium.EMAIL: ConsoleSender()},
        registration_flows=[["m.login.email.identity"]],  # who registers proves an address
        sessions=SqlSessions(db),
        uia_sessions=SqlUiaSessions(db),
        bindings=SqlBindings(db),
        limiter=SqlLimits(db),
    )
    site = FastAPI()

    @site.get("/")
    async def hello() -> dict[str, str]:
        """Stand for everything else you serve."""
        return {"hello": "from FastAPI"}

    return Asgi(Service(homeserver), site, keep=True)


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    os.umask(0o077)  # the database has the hashes of passwords
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8008, help="on loopback; 0 takes a free one")
    with listener("127.0.0.1", parser.parse_args().port) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        app = application(os.environ.get("DATABASE", "accounts.db"), url)
        print(f"listening on {url}", flush=True)
        options = uvicorn.Config(app, log_level="warning", proxy_headers=False, http=UvicornHttp)
        uvicorn.Server(options).run([listening])


if __name__ == "__main__":
    main()
