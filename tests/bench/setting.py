"""What one repetition of a unit runs in: a fresh host over a fresh store, and people nobody has seen."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from contextlib import ExitStack
from random import Random
from secrets import token_hex
from typing import Any, TypeVar

from attrs import define, field, frozen

from matrix_threepid.model.threepid import AccountThreepid, AddOutcome, Medium, Owner, Threepid
from matrix_threepid.offload import run_sync
from matrix_threepid.ports import system_clock
from matrix_threepid.protocol.wire import Request
from matrix_threepid.stores.sql import Database
from matrix_threepid.testing import World

from .grown import Shared, opened
from .places import Place

T = TypeVar("T")


def at_once(answer: Awaitable[T]) -> T:
    """Return what a port answers; it must not have to wait."""
    return run_sync(_awaited(answer))


async def _awaited(answer: Awaitable[T]) -> T:
    return await answer


@frozen(kw_only=True)
class Options:
    """What the command line says.

    ``store``: ``memory``, ``sqlite:PATH`` or ``postgres:DSN``. ``ops``, ``reps``: operations a repetition,
    repetitions of a unit; ``interpreters``: how often units start a process; ``entries``: how many are held when
    memory is measured; ``sizes``: how many sessions grown stores have, ``rows``: those of the one in hand.
    """

    store: str = "memory"
    driver: str = "bare"
    ops: int = 2000
    reps: int = 5
    seed: int = 1
    interpreters: int = 7
    entries: int = 100_000
    sizes: tuple[int, ...] = (0, 100_000)
    rows: int = 0
    shared: Shared = field(factory=Shared, repr=False, eq=False)

    @property
    def kind_of_store(self) -> str:
        """The store's name without its place."""
        return self.store.partition(":")[0]


class People:
    """Endless strangers out of a seed."""

    def __init__(self, seed: str) -> None:
        self._random = Random(seed)  # noqa: S311  test data, the same in every run of a seed

    def secret(self) -> str:
        """Return a client secret."""
        return f"{self._random.getrandbits(128):032x}"

    def address(self) -> str:
        """Return an address as people type it."""
        return f"Person.{self._random.getrandbits(40):010x}@mail{self._random.randrange(100)}.example.org"

    def user(self) -> str:
        """Return a user id, which is its access token as well."""
        return f"@u{self._random.getrandbits(40):010x}:hs.example.org"

    def client(self) -> str:
        """Return an IPv4 address."""
        return ".".join(str(self._random.randrange(1, 255)) for _ in range(4))


@define
class IndexedAccounts:
    """``Accounts`` as a real host has them: found by identifier and by user alike."""

    owners: dict[Threepid, Owner] = field(factory=dict, repr=False)
    held: dict[str, list[AccountThreepid]] = field(factory=dict, repr=False)

    async def owner(self, threepid: Threepid) -> Owner | None:
        return self.owners.get(threepid)

    async def list(self, user_id: str) -> Sequence[AccountThreepid]:
        return self.held.get(user_id, ())

    async def add(self, user_id: str, threepid: AccountThreepid) -> AddOutcome:
        owner = self.owners.setdefault(threepid.threepid, Owner(user_id, threepid.spelling))
        if owner.user_id != user_id:
            return AddOutcome.TAKEN
        self.held.setdefault(user_id, []).append(threepid)
        return AddOutcome.ADDED

    async def remove(self, user_id: str, threepid: Threepid) -> bool:
        mine = self.held.get(user_id, [])
        kept = [each for each in mine if each.threepid != threepid]
        self.held[user_id] = kept
        return len(kept) < len(mine) and self.owners.pop(threepid, None) is not None

    def give(self, user_id: str, address: str) -> None:
        """Put an address on an account before anything is timed."""
        threepid = AccountThreepid(medium=Medium.EMAIL, address=address, validated_at=1, added_at=2, spelling=address)
        self.owners[threepid.threepid] = Owner(user_id, address)
        self.held.setdefault(user_id, []).append(threepid)


class Yes:
    """``Uia`` that is always satisfied: what a host's own costs is not measured."""

    async def require(self, request: Request, caller: Any, body: Any, action: str) -> None:
        return None


@define(slots=False)
class Setting:
    """One repetition. Databases are its own and go when it is over, unless it is given a ``db`` to work on."""

    options: Options
    people: People
    ops: int
    cleanup: ExitStack = field(factory=ExitStack, repr=False)
    db: Database | None = None

    def world(self, **policy: Any) -> World:
        """Return a host with empty accounts over an empty store of the kind asked for, or over ``db``."""
        return World(policy, accounts=IndexedAccounts(), uia=Yes(), clock=system_clock, **self._stores())

    def place(self) -> Place:
        """Return an empty database with our tables."""
        made = opened(self.options.store, f"empty_{token_hex(6)}")
        self.cleanup.callback(made.remove)
        return made

    def _stores(self) -> dict[str, Any]:
        if self.options.kind_of_store == "memory":
            return {}
        from matrix_threepid.stores.sql import SqlBindings, SqlLimits, SqlSessions

        db = self.db or self.place().db
        return {"sessions": SqlSessions(db), "limiter": SqlLimits(db), "bindings": SqlBindings(db)}
