"""A dump of the stores opens nothing, and the kit that says so finds what is planted."""

# ruff: noqa: D101  the contract says what is tested
from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing
from enum import Enum
from hashlib import sha256
from itertools import count
from pathlib import Path
from sqlite3 import connect
from typing import Any

import attrs
import pytest

from matrix_threepid import run_sync
from matrix_threepid.stores import (
    MemoryAssociations,
    MemoryBindings,
    MemoryInvitations,
    MemoryLimits,
    MemoryLogins,
    MemoryMessages,
    MemoryReversals,
    MemorySessions,
    MemorySuppressions,
    MemoryUiaSessions,
    SqlAssociations,
    SqlBindings,
    SqlInvitations,
    Sqlite,
    SqlLimits,
    SqlLogins,
    SqlMessages,
    SqlReversals,
    SqlSessions,
    SqlSuppressions,
    SqlUiaSessions,
    migrate,
)
from matrix_threepid.testing import LeakContract, find_leaks
from matrix_threepid.testing.leak.find import STORES, found_in
from matrix_threepid.testing.leak.homeserver import of_homeserver
from matrix_threepid.testing.leak.identity_server import of_identity_server
from matrix_threepid.testing.leak.scene import CLIENT_SECRET, Scene, Secret
from matrix_threepid.testing.world import PEPPER

Stores = Mapping[str, Any]
MakeStores = Callable[[], Stores]
IN_MEMORY = {
    "sessions": MemorySessions,
    "limiter": MemoryLimits,
    "messages": MemoryMessages,
    "suppressions": MemorySuppressions,
    "bindings": MemoryBindings,
    "reversals": MemoryReversals,
    "uia_sessions": MemoryUiaSessions,
    "logins": MemoryLogins,
    "associations": MemoryAssociations,
    "invitations": MemoryInvitations,
}
IN_SQL = {
    "sessions": SqlSessions,
    "limiter": SqlLimits,
    "messages": SqlMessages,
    "suppressions": SqlSuppressions,
    "bindings": SqlBindings,
    "reversals": SqlReversals,
    "uia_sessions": SqlUiaSessions,
    "logins": SqlLogins,
    "associations": SqlAssociations,
    "invitations": SqlInvitations,
}
OVER = {
    "validate a session that is expired",
    "redeem a session that is expired",
    "validate a session that is ended",
    "redeem a session that is ended",
    "redeem a session that is consumed",
    "validate a session that is a decoy",
    "redeem a session that is a decoy",
}
"""What nobody can do, whatever they know."""


def in_memory() -> Stores:
    """Make stores in memory."""
    return {name: make() for name, make in IN_MEMORY.items()}


def everything(held: object, within: tuple[int, ...] = ()) -> str:
    """Return all that a value holds as text, also what its representation hides."""
    inside = (*within, id(held))
    parts: Iterable[object] = ()
    if isinstance(held, Mapping):
        parts = (*held, *held.values())
    elif isinstance(held, list | tuple | set | frozenset):
        parts = held
    elif attrs.has(type(held)):
        parts = [getattr(held, each.name) for each in attrs.fields(type(held))]
    elif hasattr(held, "__dict__") and not isinstance(held, type | Enum):
        parts = vars(held).values()
    else:
        return str(getattr(held, "value", held))
    return " ".join(everything(each, inside) for each in parts if id(each) not in within)


@pytest.mark.rule("SEC-20")
class TestMemory(LeakContract):
    @pytest.fixture
    def make_stores(self) -> MakeStores:
        return in_memory

    @pytest.fixture
    def dump(self) -> Callable[[Stores], str]:
        return everything


@pytest.mark.rule("SEC-20")
class TestSqlite(LeakContract):
    @pytest.fixture
    def files(self, tmp_path: Path) -> list[Path]:
        return [tmp_path]

    @pytest.fixture
    def make_stores(self, files: list[Path]) -> Iterator[MakeStores]:
        numbers, folder = count(), files[0]
        with ExitStack() as opened:

            def make() -> Stores:
                files.append(folder / f"{next(numbers)}.db")
                db = opened.enter_context(closing(Sqlite(files[-1])))
                run_sync(migrate(db))
                return {name: store(db) for name, store in IN_SQL.items()}

            yield make

    @pytest.fixture
    def dump(self, files: list[Path]) -> Callable[[Stores], str]:
        def rows(_: Stores) -> str:
            with closing(connect(files[-1])) as beside:
                return "\n".join(line for line in beside.iterdump() if line.startswith("INSERT"))

        return rows


def with_secrets(make_scene: Callable[[Stores], Scene], write: Callable[[Secret], str]) -> tuple[Scene, set[str]]:
    """Return a scene, and what is found in its dump and in what else ``write`` makes of each secret."""
    stores = in_memory()
    scene = make_scene({name: stores[name] for name in STORES[make_scene]})
    planted = " ".join(map(write, scene.secrets))
    return scene, set(found_in(scene, f"{everything(stores)} {planted}"))


@pytest.mark.parametrize("make_scene", [of_homeserver, of_identity_server])
def test_everything_that_is_tried_works_with_the_secret(make_scene: Callable[[Stores], Scene]) -> None:
    """With every secret in the dump each attempt succeeds, but for those that nobody can make."""
    scene, found = with_secrets(make_scene, lambda secret: secret.text)
    assert {what for what, _ in scene.attempts} - found - OVER == set()
    assert {f"read {secret.what}" for secret in scene.secrets} <= found
    assert found & OVER == set()


@pytest.mark.parametrize(
    "write",
    [
        lambda secret: secret.text.encode().hex(),
        lambda secret: b64encode(secret.text.encode()).decode(),
        lambda secret: f'{{"link": "https://hs.example.org/?sid={secret.sid}&token={secret.text}&x=1"}}',
    ],
    ids=["hex", "base64", "link"],
)
def test_a_secret_is_found_however_it_is_written(write: Callable[[Secret], str]) -> None:
    """A secret in hexadecimal, in base64 or within a link is read, and used."""
    scene, found = with_secrets(of_identity_server, write)
    assert {what for what, _ in scene.attempts} <= found
    assert {f"read {secret.what}" for secret in scene.secrets} <= found


@pytest.mark.parametrize("text", ["{secret}", "{sid}{secret}", "{secret}:{sid}"])
def test_a_hash_without_a_key_is_a_leak(text: str) -> None:
    """A code or a client secret whose plain hash is stored can be guessed, and counts as read."""

    def write(secret: Secret) -> str:
        return sha256(text.format(secret=secret.text, sid=secret.sid).encode()).hexdigest()

    assert with_secrets(of_identity_server, write)[1] >= {"read a code", f"read {CLIENT_SECRET}"}


@pytest.mark.parametrize("planted", [PEPPER.decode(), PEPPER.hex()])
def test_the_pepper_in_a_dump_is_a_leak(planted: str) -> None:
    """A pepper that is kept in the database opens everything, so it is found."""
    assert with_secrets(of_identity_server, lambda _: planted)[1] == {"read the pepper"}


def test_what_is_no_dump_is_refused() -> None:
    """A dump without the sessions that were stored would show nothing."""
    with pytest.raises(ValueError, match="lacks the session that is expired"):
        find_leaks(in_memory, lambda _: "something else")


def test_what_is_no_store_is_refused() -> None:
    """A name that neither role has is said."""
    with pytest.raises(ValueError, match=r"\['session'\] are no stores"):
        find_leaks(lambda: {"session": MemorySessions()}, everything)
