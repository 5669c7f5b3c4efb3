"""``move-sydent``: what a Sydent holds is found at the identity server afterwards, and what is not is listed."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from matrix_threepid import Medium, Request, Threepid
from matrix_threepid.__main__ import main
from matrix_threepid.commands.serving.parts import opened
from matrix_threepid.commands.serving.settings import ServeSettings
from matrix_threepid.identity import new_signing_key
from matrix_threepid.model.lookup import hashed
from matrix_threepid.settings import read_file

NOW = int(time.time() * 1000)
DAY = 86_400_000
NEVER = NOW + 10**12
ALICE, BOB = "@alice:hs.example.org", "@bob:hs.example.org"
TERMS = "https://id.example.org/terms-1"
PEPPER = "matrixrocks"
KEY = "a" * 42 + "Q"
# The columns that are read, of the tables as the newest release has them.
_SCHEMA = """
CREATE TABLE local_threepid_associations (
    id INTEGER PRIMARY KEY, medium TEXT, address TEXT, mxid TEXT, ts INTEGER, notBefore BIGINT, notAfter BIGINT);
CREATE TABLE global_threepid_associations (
    id INTEGER PRIMARY KEY, medium TEXT, address TEXT, mxid TEXT, ts INTEGER, notBefore BIGINT, notAfter BIGINT);
CREATE TABLE hashing_metadata (id INTEGER PRIMARY KEY, lookup_pepper TEXT);
CREATE TABLE tokens (token TEXT PRIMARY KEY, user_id TEXT);
CREATE TABLE accepted_terms_urls (user_id TEXT, url TEXT);
CREATE TABLE invite_tokens (
    id INTEGER PRIMARY KEY, medium TEXT, address TEXT, room_id TEXT, sender TEXT, token TEXT,
    received_ts BIGINT, sent_ts BIGINT);
CREATE TABLE ephemeral_public_keys (id INTEGER PRIMARY KEY, public_key TEXT);
"""


class Sydent:
    """A database as Sydent leaves it."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "sydent.db"
        with closing(sqlite3.connect(self.file)) as db:
            db.executescript(_SCHEMA)

    def add(self, table: str, *values: Any) -> None:
        with closing(sqlite3.connect(self.file)) as db:
            columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})") if row[1] != "id"]
            marks = ", ".join("?" * len(columns))
            db.execute(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", values)  # noqa: S608
            db.commit()

    def publish(self, address: str, mxid: str | None = ALICE, ts: int = NOW - DAY, **where: Any) -> None:
        table = where.get("table", "global_threepid_associations")
        self.add(table, where.get("medium", "email"), address, mxid, ts, ts, where.get("ends", NEVER))


class Target:
    """A configuration of ``serve``, and what its identity server then knows."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "serve.json"
        (folder / "signing.key").write_text(new_signing_key("0").text())
        identity_server = {
            "database": f"sqlite:///{folder}/identity.db",
            "signing_key_file": str(folder / "signing.key"),
            "terms": [{"name": "terms", "version": "1", "title": "Terms", "url": TERMS}],
        }
        settings = {
            "server_name": "id.example.org",
            "public_base_url": "https://id.example.org",
            "secret_file": str(folder / "secret"),
            "identity_server": identity_server,
            "smtp": {"host": "127.0.0.1", "from": "noreply@id.example.org"},
        }
        self.file.write_text(json.dumps(settings))

    def move(self, sydent: Sydent, *more: str) -> int:
        return main(["move-sydent", "--config", str(self.file), "--from", f"sqlite:///{sydent.file}", *more])

    def owner(self, address: str, medium: Medium = Medium.EMAIL) -> str | None:
        async def asked(role: Any) -> str | None:
            found = await role.associations.get(Threepid(medium, address))
            return None if found is None else str(found.mxid)

        found: str | None = self.ask(asked)
        return found

    def ask(self, question: Any) -> Any:
        async def asked() -> Any:
            async with opened(read_file(ServeSettings, self.file)) as served:
                assert served.identity_server is not None
                return await question(served.identity_server.role)

        return asyncio.run(asked())

    def call(self, method: str, path: str, token: str, query: str = "", body: Any = None) -> Any:
        async def called() -> Any:
            async with opened(read_file(ServeSettings, self.file)) as served:
                assert served.identity_server is not None
                headers = {"authorization": f"Bearer {token}"}
                raw = b"" if body is None else json.dumps(body).encode()
                request = Request(method, f"/_matrix/identity/v2{path}", headers, query=query, body=raw)
                return (await served.identity_server.handle(request)).json()

        return asyncio.run(called())


@pytest.fixture
def sydent(tmp_path: Path) -> Sydent:
    return Sydent(tmp_path)


@pytest.fixture
def target(tmp_path: Path) -> Target:
    return Target(tmp_path)


def test_what_was_published_is_found_by_the_same_hashes(sydent: Sydent, target: Target) -> None:
    """Tokens, accepted terms, pepper and associations are moved: a client goes on as if nothing had happened."""
    sydent.publish("alice@example.org")
    sydent.publish("447700900123", BOB, medium="msisdn")
    sydent.add("hashing_metadata", PEPPER)
    sydent.add("tokens", "the token of alice", ALICE)
    sydent.add("accepted_terms_urls", ALICE, TERMS)
    sydent.add("accepted_terms_urls", ALICE, "https://elsewhere.example.org")
    assert target.move(sydent) == 0
    token = "the token of alice"
    assert target.call("GET", "/account", token) == {"user_id": ALICE}
    assert target.call("GET", "/hash_details", token)["lookup_pepper"] == PEPPER
    named = [hashed(Threepid(*each), PEPPER) for each in ((Medium.EMAIL, "alice@example.org"),)]
    number = hashed(Threepid(Medium.MSISDN, "447700900123"), PEPPER)
    asked = {"addresses": [*named, number], "algorithm": "sha256", "pepper": PEPPER}
    assert target.call("POST", "/lookup", token, body=asked) == {"mappings": {named[0]: ALICE, number: BOB}}


def test_addresses_with_two_users_are_listed(
    sydent: Sydent, target: Target, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The newer user of an address keeps it, whatever the order; the other one is listed, masked and in the file."""
    sydent.publish("Alice@example.org", BOB, NOW - 2 * DAY)
    sydent.publish("alice@EXAMPLE.org", ALICE, NOW - DAY)
    sydent.publish("carol@example.org", ALICE, NOW - DAY)
    sydent.publish("Carol@example.org", BOB, NOW - 2 * DAY, table="local_threepid_associations")
    sydent.publish("Dave@example.org", BOB)
    listed = tmp_path / "left.jsonl"
    assert target.move(sydent, "--list", str(listed)) == 1
    owners = [target.owner(f"{name}@example.org") for name in ("alice", "carol", "dave")]
    assert owners == [ALICE, ALICE, BOB]
    left = [json.loads(line) for line in listed.read_text().splitlines()]
    assert [(each["why"], each["address"], each["mxid"], each["kept"]) for each in left] == [
        ("collision", "alice@example.org", BOB, ALICE),
        ("collision", "carol@example.org", BOB, ALICE),
    ]
    assert listed.stat().st_mode & 0o077 == 0
    printed = capsys.readouterr().out
    assert "a***@example.org" in printed
    assert "alice@example.org" not in printed


def test_what_has_ended_is_not_published_again(sydent: Sydent, target: Target) -> None:
    """A binding that was ended or has expired is left out, also where look-ups still find it."""
    sydent.publish("ended@example.org")
    sydent.publish("ended@example.org", None, 0, table="local_threepid_associations")
    sydent.publish("old@example.org", ends=NOW - DAY)
    sydent.publish("local@example.org", table="local_threepid_associations")
    assert target.move(sydent) == 0
    assert [target.owner(f"{name}@example.org") for name in ("ended", "old", "local")] == [None, None, ALICE]


@pytest.mark.parametrize(
    ("address", "changed", "why"),
    [
        ("nobody", {}, "no address"),
        ("a@b@c", {}, "no address"),
        ("alice@example.org", {"mxid": "alice"}, "no user"),
        ("alice@example.org", {"medium": "pigeon"}, "no medium"),
    ],
)
def test_rows_of_another_form_are_listed(
    sydent: Sydent, target: Target, tmp_path: Path, address: str, changed: Any, why: str
) -> None:
    """What cannot be published is listed with its reason, and keeps nothing else away."""
    sydent.publish(address, **changed)
    sydent.publish("fine@example.org")
    listed = tmp_path / "left.jsonl"
    assert target.move(sydent, "--list", str(listed)) == 1
    assert [json.loads(line)["why"] for line in listed.read_text().splitlines()] == [why]
    assert target.owner("fine@example.org") == ALICE


def test_invitations_wait_on(sydent: Sydent, target: Target, capsys: pytest.CaptureFixture[str]) -> None:
    """Invitations that wait are delivered after a bind, and keys that rooms know stay valid; old ones are left out."""
    sydent.add("invite_tokens", "email", "Carol@example.org", "!room:x", BOB, "young", NOW - DAY, None)
    sydent.add("invite_tokens", "email", "dan@example.org", "!room:x", BOB, "sent", NOW - DAY, NOW)
    sydent.add("invite_tokens", "email", "eve@example.org", "!room:x", BOB, "old", NOW - 400 * DAY, None)
    for number in range(3):
        sydent.add("ephemeral_public_keys", f"{number}{KEY[1:]}")
    assert target.move(sydent) == 0

    async def waiting(role: Any) -> list[Any]:
        people = [Threepid(Medium.EMAIL, f"{name}@example.org") for name in ("carol", "dan", "eve")]
        return [[each.token for each in await role.invitations.waiting(person)] for person in people]

    assert target.ask(waiting) == [["young"], [], []]
    answer = target.call("GET", "/pubkey/ephemeral/isvalid", "", f"public_key=0{KEY[1:]}")
    assert answer == {"valid": True}
    assert "invitations moved: 2; too old or of no address: 1" in capsys.readouterr().out


def test_a_second_move_brings_what_was_added(sydent: Sydent, target: Target) -> None:
    """Running it again changes nothing but what is new; a binding made here since stays."""
    sydent.publish("alice@example.org", ALICE, NOW - DAY)
    assert target.move(sydent) == 0

    async def bind(role: Any) -> None:
        from matrix_threepid.model.association import Association

        await role.associations.put(Association(Threepid(Medium.EMAIL, "alice@example.org"), BOB, NOW))

    target.ask(bind)
    sydent.publish("new@example.org")
    assert target.move(sydent) == 1
    assert [target.owner(f"{name}@example.org") for name in ("alice", "new")] == [BOB, ALICE]


def test_more_rows_than_are_read_at_once(sydent: Sydent, target: Target) -> None:
    """Nothing is lost at the borders of pages."""
    with closing(sqlite3.connect(sydent.file)) as db:
        db.executemany(
            "INSERT INTO global_threepid_associations (medium, address, mxid, ts, notAfter) VALUES (?, ?, ?, ?, ?)",
            [("email", f"u{number}@example.org", ALICE, NOW, NEVER) for number in range(2500)],
        )
        db.commit()
    assert target.move(sydent) == 0

    async def count(role: Any) -> int:
        people = [Threepid(Medium.EMAIL, f"u{number}@example.org") for number in range(2500)]
        return sum([len(await role.associations.get_many(people[at : at + 1000])) for at in range(0, 2500, 1000)])

    assert target.ask(count) == 2500


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("sqlite:////nowhere/sydent.db", "--from: the folder of the file does not exist"),
        ("sqlite:///{other}.gone", "--from: there is no such file"),
        ("sqlite:///{other}", "--from: is no database of Sydent"),
        ("mysql://x", "--from: cannot be opened"),
    ],
)
def test_another_database_is_refused(
    target: Target, tmp_path: Path, capsys: pytest.CaptureFixture[str], source: str, said: str
) -> None:
    """What is no database of Sydent is said in one line."""
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as db:
        db.execute("CREATE TABLE something (id INTEGER)")
    assert main(["move-sydent", "--config", str(target.file), "--from", source.format(other=other)]) == 2
    assert said in capsys.readouterr().err
