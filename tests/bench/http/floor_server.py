"""The least that could do it: asyncio, one durable commit of SQLite a write, kept connections. It checks nothing.

``python floor_server.py PORT DATABASE SMTP_PORT IDENTITY_PORT CA_FILE``
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
import sqlite3
import ssl
import sys
import time
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from nacl.signing import SigningKey

PORT, FILE, SMTP, IDENTITY, CA = sys.argv[1:]
KEY = SigningKey.generate()
db = sqlite3.connect(FILE, isolation_level=None)
db.executescript(
    """PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    CREATE TABLE users (id TEXT PRIMARY KEY, salt BLOB, hash BLOB) WITHOUT ROWID;
    CREATE TABLE tokens (token TEXT PRIMARY KEY, user TEXT) WITHOUT ROWID;
    CREATE TABLE sessions (sid TEXT PRIMARY KEY, address TEXT, secret TEXT, token TEXT, ok INT);
    CREATE UNIQUE INDEX asked ON sessions (address, secret);
    CREATE TABLE threepids (address TEXT PRIMARY KEY, user TEXT, at INT) WITHOUT ROWID;
    CREATE INDEX owned ON threepids (user);
    CREATE TABLE bindings (sid TEXT PRIMARY KEY, user TEXT) WITHOUT ROWID;"""
)


mailers, askers = list[Any](), list[Any]()
TRUST = ssl.create_default_context(cafile=CA)
scrypt = partial(hashlib.scrypt, n=16, r=8, p=1)


async def smtp() -> Any:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(SMTP))
    writer.write(b"EHLO floor\r\n")
    await reader.readuntil(b"\r\n250 ")
    await reader.readline()
    return reader, writer


async def mail(to: str, link: str) -> None:
    reader, writer = kept = mailers.pop() if mailers else await smtp()
    writer.write(f"MAIL FROM:<floor@localhost>\r\nRCPT TO:<{to}>\r\nDATA\r\n".encode())
    for _ in range(3):
        await reader.readline()
    writer.write(f"From: floor@localhost\r\nTo: {to}\r\nSubject: Confirm\r\n\r\n{link}\r\n.\r\n".encode())
    await reader.readline()
    mailers.append(kept)


async def ask(call: str, body: Any, authorization: str) -> None:
    opening = partial(asyncio.open_connection, "127.0.0.1", int(IDENTITY), ssl=TRUST, server_hostname="localhost")
    reader, writer = kept = askers.pop() if askers else await opening()
    raw = json.dumps(body)
    head = f"POST /_matrix/identity/v2/3pid/{call} HTTP/1.1\r\nHost: localhost:{IDENTITY}\r\nContent-Length: {len(raw)}"
    writer.write(f"{head}\r\nAuthorization: {authorization}\r\n\r\n{raw}".encode())
    length = int((await reader.readuntil(b"\r\n\r\n")).partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
    json.loads(await reader.readexactly(length))
    askers.append(kept)


async def request_token(body: Any) -> Any:
    row = db.execute(
        "SELECT sid FROM sessions WHERE address = ? AND secret = ?", (body["email"], body["client_secret"])
    )
    if found := row.fetchone():
        return 200, {"sid": found[0]}
    sid, token = secrets.token_urlsafe(24), secrets.token_urlsafe(32)
    db.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, 0)", (sid, body["email"], body["client_secret"], token))
    await mail(body["email"], f"http://localhost:{PORT}/submit?sid={sid}&token={token}")
    return 200, {"sid": sid}


# ruff: noqa: C901, PLR0911  one function is the shortest
async def answer(method: str, target: str, token: str, raw: bytes) -> tuple[int, Any]:
    path, _, query = target.partition("?")
    path = path.removeprefix("/_matrix/client/v3")
    if path == "/_matrix/client/versions":
        return 200, {"versions": ["v1.11"]}
    if path == "/submit" and method == "GET":
        return 200, f"<!DOCTYPE html><title>Confirm</title><form method=post>{query}<button>Confirm</button></form>"
    if path == "/submit":
        form = dict(parse_qsl(raw.decode()))
        db.execute("UPDATE sessions SET ok = 1 WHERE sid = :sid AND token = :token", form)
        return 303, ""
    body = json.loads(raw) if raw else {}
    if path in ("/register", "/account/3pid/add") and "auth" not in body:
        return 401, {"session": secrets.token_urlsafe(18), "flows": []}
    if path == "/register":
        user, token, salt = f"@{body['username']}:floor", secrets.token_urlsafe(24), secrets.token_bytes(16)
        db.execute("INSERT INTO users VALUES (?, ?, ?)", (user, salt, scrypt(body["password"].encode(), salt=salt)))
        db.execute("INSERT INTO tokens VALUES (?, ?)", (token, user))
        return 200, {"user_id": user, "access_token": token}
    if path == "/login":
        row = "SELECT id, salt, hash FROM users JOIN threepids ON id = user WHERE address = ?"
        user, salt, kept = db.execute(row, (body["identifier"]["address"],)).fetchone()
        db.execute("INSERT INTO tokens VALUES (?, ?)", (token := secrets.token_urlsafe(24), user))
        return 200 if scrypt(body["password"].encode(), salt=salt) == kept else 403, {
            "user_id": user,
            "access_token": token,
        }
    row = "SELECT id, salt, hash FROM users JOIN tokens ON id = user WHERE token = ?"
    user, salt, kept = db.execute(row, (token,)).fetchone()
    if path.endswith("/requestToken"):
        return await request_token(body)
    if path == "/account/3pid" and method == "GET":
        rows = db.execute("SELECT address, at FROM threepids WHERE user = ?", (user,))
        return 200, {"threepids": [{"medium": "email", "address": each[0], "added_at": each[1]} for each in rows]}
    if path in ("/account/3pid/add", "/account/3pid"):
        if path.endswith("/add") and scrypt(body["auth"]["password"].encode(), salt=salt) != kept:
            return 403, {}
        add = "INSERT INTO threepids SELECT address, ?, ? FROM sessions WHERE sid = ? AND ok"
        db.execute(add, (user, int(time.time() * 1000), body.get("three_pid_creds", body)["sid"]))
        return 200, {}
    if path.endswith("/bind"):
        proof = {"sid": body["sid"], "client_secret": body["client_secret"], "mxid": user}
        await ask("bind", proof, f"Bearer {body['id_access_token']}")
        db.execute("INSERT INTO bindings VALUES (?, ?)", (body["sid"], user))
        return 200, {}
    if path.endswith("/unbind"):
        content = {"mxid": user, "threepid": {"medium": "email", "address": body["address"]}}
        signature = KEY.sign(json.dumps(content, sort_keys=True).encode()).signature.hex()
        await ask("unbind", content, f'X-Matrix origin="floor",key="ed25519:1",sig="{signature}"')
        db.execute("DELETE FROM bindings WHERE sid = ? AND user = ?", (body["address"].replace("@", "="), user))
        return 200, {"id_server_unbind_result": "success"}
    db.execute("DELETE FROM threepids WHERE address = ? AND user = ?", (body["address"], user))
    return 200, {"id_server_unbind_result": "no-support"}


async def serve(reader: Any, writer: Any) -> None:
    while head := await reader.readuntil(b"\r\n\r\n"):
        lines = head.decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:-2])
        body = await reader.readexactly(int(headers.get("Content-Length", 0)))
        status, said = await answer(*lines[0].split(" ")[:2], headers.get("Authorization", "")[7:], body)
        raw = (said if isinstance(said, str) else json.dumps(said)).encode()
        writer.write(f"HTTP/1.1 {status} OK\r\nContent-Length: {len(raw)}\r\n\r\n".encode() + raw)


(loop := asyncio.new_event_loop()).run_until_complete(asyncio.start_server(serve, "127.0.0.1", int(PORT)))
loop.run_forever()
