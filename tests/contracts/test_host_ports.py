"""The contracts of what a host gives, over the fakes and over the example server; and of pages and signatures."""

# ruff: noqa: D101  the contract says what is tested
from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import data
import pytest
from identity.test_signed_requests import Keys

from examples.homeserver.accounts import Accounts
from examples.homeserver.config import Config
from examples.homeserver.devices import Devices
from examples.homeserver.exchanges import Exchanges
from examples.homeserver.keeper import Keeper
from examples.homeserver.keys import fresh_key
from examples.homeserver.passwords import Passwords
from examples.homeserver.peers import Peers
from examples.homeserver.rooms import MEMBER, VERSION, Rooms, member
from examples.homeserver.tables import HOMESERVER, ask, prepare
from matrix_threepid import Caller, Homeserver
from matrix_threepid.endpoints import Call
from matrix_threepid.flows.interactive import require
from matrix_threepid.identity.signed_requests import ServerKeys, XMatrixVerifier
from matrix_threepid.identity.x_matrix import read_headers
from matrix_threepid.memory.limits import MemoryLimits
from matrix_threepid.ports import Challenge
from matrix_threepid.protocol.errors import Forbidden, Unauthorized
from matrix_threepid.protocol.wire import Request
from matrix_threepid.settings import read
from matrix_threepid.stores.sqlite import Sqlite
from matrix_threepid.testing import (
    PASSWORD,
    AccountKeeperContract,
    CallersContract,
    FakeAccounts,
    FakeCallers,
    FakeClock,
    FakeGate,
    FakeKeeper,
    FakeRooms,
    FakeUia,
    GateContract,
    PagesContract,
    RequestVerifierContract,
    RoomsContract,
    StagesContract,
    UiaContract,
    World,
)
from matrix_threepid.texts.pages import BuiltInPages

from .staged_host import StagedHost

TABLE = data.load("../identity/data/x_matrix")
_SETTINGS = {"listen": "127.0.0.1:0", "server_name": "hs.example.org"}


class TestFakeCallers(CallersContract):
    unsupported = dict.fromkeys(("end", "lock"), "its tokens are user ids")

    @pytest.fixture
    def callers(self) -> FakeCallers:
        return FakeCallers()

    def token(self, callers: Any, user_id: str, kind: str = "") -> str:
        callers.kinds[user_id] = {kind: True} if kind else {}
        return user_id


class TestFakeGate(GateContract):
    @pytest.fixture
    def gate(self) -> FakeGate:
        return FakeGate("a word", {"denied@example.org"})

    def right(self, challenge: Challenge) -> dict[str, Any]:
        return {"type": "m.login.registration_token", "token": "a word", "session": challenge.session}

    def wrong(self, challenge: Challenge) -> dict[str, Any]:
        return {**self.right(challenge), "token": "another"}

    def denied(self) -> str:
        return "denied@example.org"


class TestFakeUia(UiaContract):
    @pytest.fixture
    def uia(self) -> FakeUia:
        return FakeUia()

    def right(self, caller: Caller, session: str) -> dict[str, Any]:
        return {"type": "m.login.password", "session": session, "password": PASSWORD}

    def wrong(self, caller: Caller, session: str) -> dict[str, Any]:
        return {**self.right(caller, session), "password": "a guess of eve's"}


async def _deactivate(rooms: FakeRooms, user_id: str) -> None:
    rooms.users.remove(user_id)


class TestFakeRooms(RoomsContract):
    @pytest.fixture
    def rooms(self) -> FakeRooms:
        return FakeRooms(users={self.alice, self.inviter})

    def make_room(self, rooms: Any) -> str:
        room_id = f"!room{len(rooms.invitations)}:hs.example.org"
        rooms.invitations[room_id] = {}
        return room_id

    def send(self, rooms: Any, event: Mapping[str, Any]) -> None:
        rooms.invitations[event["room_id"]][event["state_key"]] = event

    def put(self, rooms: Any, room_id: str, user_id: str, membership: str) -> None:
        rooms.members[room_id, user_id] = membership

    def member(self, rooms: Any, room_id: str, user_id: str) -> Mapping[str, Any]:
        contents = [
            each["content"] for each in rooms.sent if (each["room_id"], each["state_key"]) == (room_id, user_id)
        ]
        return dict(contents[-1])

    def asked(self, rooms: Any) -> Sequence[tuple[str, Mapping[str, Any]]]:
        return list(rooms.asked)

    deactivate = _deactivate


async def _deactivate_account(rooms: Rooms, user_id: str) -> None:
    await rooms.accounts.deactivate(user_id)


class TestExampleRooms(RoomsContract):
    run = staticmethod(asyncio.run)
    version = VERSION

    @pytest.fixture
    def rooms(self, tables: Sqlite) -> Rooms:
        for user in (self.alice, self.inviter):
            self.do(_account, tables, user, "a hash")
        accounts, peers = Accounts(tables, "hs.example.org"), Peers.of(read(Config, _SETTINGS), fresh_key())
        return Rooms(tables, "hs.example.org", accounts, Exchanges(tables, peers, FakeClock()))

    def make_room(self, rooms: Any) -> str:
        return str(self.do(rooms.create, self.inviter, None))

    def send(self, rooms: Any, event: Mapping[str, Any]) -> None:
        self.do(rooms.send, event)

    def put(self, rooms: Any, room_id: str, user_id: str, membership: str) -> None:
        self.do(rooms.send, member(room_id, self.inviter, user_id, membership))

    def member(self, rooms: Any, room_id: str, user_id: str) -> Mapping[str, Any]:
        state = self.do(rooms.state, room_id, self.inviter)
        return next(dict(each["content"]) for each in state if (each["type"], each["state_key"]) == (MEMBER, user_id))

    def asked(self, rooms: Any) -> Sequence[tuple[str, Mapping[str, Any]]]:
        return self.do(rooms.exchanges.waiting)

    deactivate = _deactivate_account


class TestStagedHost(StagesContract):
    @pytest.fixture
    def make_host(self) -> Callable[[Homeserver], StagedHost]:
        return StagedHost


@pytest.fixture
def tables(tmp_path: Path) -> Iterator[Sqlite]:
    """The example's database, with alice and bob."""
    with closing(Sqlite(tmp_path / "example.db")) as db:
        asyncio.run(prepare(db, HOMESERVER))
        yield db


class TestExampleCallers(CallersContract):
    run = staticmethod(asyncio.run)
    unsupported = dict.fromkeys(("guest", "suspended", "oauth", "lock"), "the example has none")

    @pytest.fixture
    def callers(self, tables: Sqlite) -> Devices:
        for user in (self.alice, self.bob):
            self.do(_account, tables, user)
        return Devices(tables)

    def token(self, callers: Any, user_id: str, kind: str = "") -> str:
        return str(self.do(callers.log_in, user_id, None).access_token)

    def end(self, callers: Any, token: str) -> None:
        self.do(callers.log_out, self.request(f"Bearer {token}"))


class TestFakeKeeper(AccountKeeperContract):
    @pytest.fixture
    def accounts(self) -> FakeAccounts:
        return FakeAccounts()

    @pytest.fixture
    def keeper(self, accounts: FakeAccounts) -> FakeKeeper:
        return FakeKeeper(accounts)


class TestExampleKeeper(AccountKeeperContract):
    run = staticmethod(asyncio.run)

    @pytest.fixture
    def accounts(self, tables: Sqlite) -> Accounts:
        return Accounts(tables, "hs.example.org")

    @pytest.fixture
    def keeper(self, tables: Sqlite, accounts: Accounts) -> Keeper:
        return Keeper(accounts, Passwords(accounts, MemoryLimits(), FakeClock()), Devices(tables))


class OwnUia:
    """The library's own authentication as a ``Uia``, for the contract."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def require(self, request: Request, caller: Caller, body: Mapping[str, object], action: str) -> None:
        await require(self.world.homeserver, Call(request, caller, body), action)


class TestOwnUia(UiaContract):
    @pytest.fixture
    def uia(self) -> OwnUia:
        accounts = FakeAccounts()
        keeper = FakeKeeper(accounts)
        for caller in (self.alice, self.bob):
            self.do(keeper.create, caller.user_id, self.do(keeper.hash_password, PASSWORD), ())
        return OwnUia(World(accounts=accounts, keeper=keeper, uia=None))

    right, wrong = TestFakeUia.right, TestFakeUia.wrong


async def _account(db: Sqlite, user_id: str, hashed: str | None = None) -> None:
    await ask(db, "INSERT INTO users (user_id, password) VALUES (?, ?)", user_id, hashed)


class TestBuiltInPages(PagesContract):
    @pytest.fixture
    def pages(self) -> BuiltInPages:
        return BuiltInPages()


class TestXMatrixVerifier(RequestVerifierContract):
    @pytest.fixture
    def make_verifier(self) -> Callable[[str, ServerKeys], XMatrixVerifier]:
        return lambda name, keys: XMatrixVerifier([name], keys)

    @pytest.mark.parametrize("case", **data.cases(TABLE["accepted"]))
    def test_good_headers_of_the_table_name_who_signed(self, case: dict[str, Any]) -> None:
        """However a homeserver writes its header, through the port it is read as everywhere else."""
        headers = [", ".join(case["headers"])]
        assert self._origin(case, headers[0]) == read_headers(headers)[0].origin

    @pytest.mark.parametrize("case", **data.cases(TABLE["refused"]))
    def test_all_other_headers_of_the_table_are_refused(self, case: dict[str, Any]) -> None:
        """What homeservers would not write is refused."""
        with pytest.raises((Unauthorized, Forbidden)):
            self._origin(case, ", ".join(case["headers"]) if case["headers"] else None)

    def _origin(self, case: dict[str, Any], header: str | None) -> str:
        headers = {} if header is None else {"authorization": header}
        request = Request("POST", case.get("uri", "/_matrix/identity/v2/3pid/unbind"), headers)
        verifier = XMatrixVerifier([case.get("name", TABLE["name"])], Keys(TABLE["keys"]))
        return self.do(verifier.origin, request, case.get("body", TABLE["body"]))
