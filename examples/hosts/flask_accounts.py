"""Flask with accounts of its own, in one file to copy: ``python -m examples.hosts.flask_accounts --port 8008``.

The library answers ``/register``, ``/account/password``, ``/account/deactivate`` and ``/account/3pid`` over three
tables in the file that ``DATABASE`` names, ``accounts.db`` by default. Yours are ``/login`` (``docs/concepts.md`` has
one), ``/logout`` and all the rest. Mails are printed on the terminal; ``SmtpSender`` sends them. Nothing here
waits for an event loop: requests and jobs run in threads.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import sqlite3
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from flask import Flask
from werkzeug.security import check_password_hash, generate_password_hash
from werkzeug.serving import WSGIRequestHandler, make_server

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
    Threepid,
    run_sync,
)
from matrix_threepid.errors import InvalidUsername, ThreepidInUse, UnknownToken, UserInUse, WeakPassword
from matrix_threepid.hosts import Wsgi
from matrix_threepid.ports import LoggedIn
from matrix_threepid.senders import ConsoleSender
from matrix_threepid.settings import stored_peppers
from matrix_threepid.stores import SqlBindings, Sqlite, SqlLimits, SqlSessions, SqlUiaSessions, migrate

NAME, SHORTEST = "example.org", 8
TABLES = """
CREATE TABLE IF NOT EXISTS users (user_id TEXT PRIMARY KEY, password TEXT);  -- NULL once it is deactivated
CREATE TABLE IF NOT EXISTS tokens (hash TEXT PRIMARY KEY, user_id TEXT NOT NULL, device_id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS threepids (medium TEXT, address TEXT, user_id TEXT NOT NULL, spelling TEXT,
    validated_at INTEGER, added_at INTEGER, PRIMARY KEY (medium, address));  -- so an address has one owner
"""
FIND = "SELECT user_id, spelling FROM threepids WHERE medium = ? AND address = ?"
LIST = "SELECT medium, address, validated_at, added_at, spelling FROM threepids WHERE user_id = ? ORDER BY rowid"
ADD = """INSERT INTO threepids SELECT ?, ?, user_id, ?, ?, ? FROM users WHERE user_id = ? AND password IS NOT NULL
    ON CONFLICT DO NOTHING"""
NOBODY = generate_password_hash(secrets.token_hex())


class Home:
    """The ports ``Accounts``, ``Callers`` and ``AccountKeeper`` over three tables."""

    def __init__(self, file: str) -> None:
        self._file = file
        with self._transaction() as db:
            db.executescript(TABLES)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Give a connection whose transaction is committed at the end of the block, and undone by an exception."""
        with closing(sqlite3.connect(self._file)) as db, db:
            yield db

    # -- Accounts: who has which address ------------------------------------------------------------

    async def owner(self, threepid: Threepid) -> Owner | None:
        with self._transaction() as db:
            row = db.execute(FIND, (threepid.medium.value, threepid.address)).fetchone()
        return Owner(*row) if row else None

    async def list(self, user_id: str) -> Sequence[AccountThreepid]:
        with self._transaction() as db:
            return [_threepid(*row) for row in db.execute(LIST, (user_id,))]

    async def add(self, user_id: str, threepid: AccountThreepid) -> AddOutcome:
        with self._transaction() as db:
            return _add(db, user_id, threepid)

    async def remove(self, user_id: str, threepid: Threepid) -> bool:
        sql = "DELETE FROM threepids WHERE user_id = ? AND medium = ? AND address = ?"
        with self._transaction() as db:
            return db.execute(sql, (user_id, threepid.medium.value, threepid.address)).rowcount > 0

    # -- Callers: whose access token it is ----------------------------------------------------------

    async def identify(self, request: Request) -> Caller | None:
        if "authorization" not in request.headers:
            return None
        with self._transaction() as db:
            row = db.execute("SELECT user_id FROM tokens WHERE hash = ?", (_token(request),)).fetchone()
        if row is None:
            raise UnknownToken
        return Caller(row[0])

    # -- AccountKeeper: accounts and their passwords ------------------------------------------------

    async def new_user_id(self, localpart: str | None) -> str:
        name = secrets.token_hex(8) if localpart is None else localpart
        if not re.fullmatch(r"[a-z0-9._=/+-]{1,200}", name):
            raise InvalidUsername
        with self._transaction() as db:
            if db.execute("SELECT 1 FROM users WHERE user_id = ?", (f"@{name}:{NAME}",)).fetchone():
                raise UserInUse
        return f"@{name}:{NAME}"

    async def create(self, user_id: str, password_hash: str, threepids: Sequence[AccountThreepid]) -> None:
        with self._transaction() as db:
            if not db.execute("INSERT OR IGNORE INTO users VALUES (?, ?)", (user_id, password_hash)).rowcount:
                raise UserInUse
            for threepid in threepids:
                if _add(db, user_id, threepid) is not AddOutcome.ADDED:
                    raise ThreepidInUse  # and there is no account, since an exception undoes the transaction

    async def log_in(self, user_id: str, device_id: str, display_name: str | None) -> LoggedIn:
        token = secrets.token_urlsafe(32)
        with self._transaction() as db:
            db.execute("DELETE FROM tokens WHERE user_id = ? AND device_id = ?", (user_id, device_id))
            db.execute("INSERT INTO tokens VALUES (?, ?, ?)", (_sha256(token), user_id, device_id))
        return LoggedIn(access_token=token)

    async def hash_password(self, password: str) -> str:
        if len(password) < SHORTEST:
            raise WeakPassword
        return generate_password_hash(password)

    async def hash_fits(self, password: str, password_hash: str) -> bool:
        return check_password_hash(password_hash, password)

    async def password_fits(self, user_id: str, password: str) -> bool:
        with self._transaction() as db:
            row = db.execute("SELECT password FROM users WHERE user_id = ?", (user_id,)).fetchone()
        return check_password_hash((row and row[0]) or NOBODY, password)  # which takes as long as with one

    async def set_password(self, user_id: str, password_hash: str) -> None:
        with self._transaction() as db:
            sql = "UPDATE users SET password = ? WHERE user_id = ? AND password IS NOT NULL"
            db.execute(sql, (password_hash, user_id))

    async def log_out(self, user_id: str, keep: Request | None) -> None:
        with self._transaction() as db:
            kept = _token(keep) if keep else ""
            db.execute("DELETE FROM tokens WHERE user_id = ? AND hash <> ?", (user_id, kept))

    async def deactivate(self, user_id: str, erase: bool) -> None:
        with self._transaction() as db:
            db.execute("UPDATE users SET password = NULL WHERE user_id = ?", (user_id,))
            db.execute("DELETE FROM tokens WHERE user_id = ?", (user_id,))
            db.execute("DELETE FROM threepids WHERE user_id = ?", (user_id,))


def _add(db: sqlite3.Connection, user_id: str, it: AccountThreepid) -> AddOutcome:
    if db.execute(ADD, (it.medium.value, it.address, it.spelling, it.validated_at, it.added_at, user_id)).rowcount > 0:
        return AddOutcome.ADDED
    row = db.execute(FIND, (it.medium.value, it.address)).fetchone()
    return AddOutcome.ALREADY_YOURS if row and row[0] == user_id else AddOutcome.TAKEN


def _threepid(medium: str, address: str, validated_at: int, added_at: int, spelling: str | None) -> AccountThreepid:
    times = {"validated_at": validated_at, "added_at": added_at}
    return AccountThreepid(medium=Medium(medium), address=address, spelling=spelling, **times)


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _token(request: Request) -> str:
    """Return what is stored of a request's access token; an empty text without one."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return _sha256(token) if scheme.lower() == "bearer" else ""


def application(file: str, url: str) -> Flask:
    """Return the application: the library's endpoints in front of yours, and its jobs beside them.

    * ``file``: the database of SQLite; its key is beside it.
    * ``url``: where clients reach the server; links lead there.
    """
    db = Sqlite(file)
    run_sync(migrate(db))
    home = Home(file)
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
    site = Flask(__name__)

    @site.get("/")
    def hello() -> str:
        """Stand for everything else you serve."""
        return "Hello from Flask"

    site.wsgi_app = Wsgi(Service(homeserver), site.wsgi_app, keep=True)  # type: ignore[method-assign]
    return site


class Prompt(WSGIRequestHandler):
    """Sends what is written at once (``TCP_NODELAY``)."""

    disable_nagle_algorithm = True


def main() -> None:
    """Serve until SIGINT; in production gunicorn or waitress serves ``application``."""
    os.umask(0o077)  # the database has the hashes of passwords
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8008, help="on loopback; 0 takes a free one")
    wanted = parser.parse_args().port
    with make_server("127.0.0.1", wanted, Flask(__name__), threaded=True, request_handler=Prompt) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        server.app = application(os.environ.get("DATABASE", "accounts.db"), url)
        print(f"listening on {url}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
