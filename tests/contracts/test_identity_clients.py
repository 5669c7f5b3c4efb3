"""The contracts of identity-server clients, over ours and over the fake that is the servers as well."""

# ruff: noqa: D101  the contract says what is tested
from __future__ import annotations

from collections.abc import Callable, Mapping

import data
import pytest

from matrix_threepid.identity.client import HttpIdentityClient
from matrix_threepid.identity.signed_requests import RequestSigner
from matrix_threepid.net.safe_https import PinnedHttps
from matrix_threepid.testing import FakeIdentityServers, IdentityServerClientContract, InvitationClientContract
from matrix_threepid.testing.contracts.identity_cases import UNBIND, said
from matrix_threepid.testing.contracts.identity_servers import ClientSetting, trusting


def our_client(setting: ClientSetting) -> HttpIdentityClient:
    """Return our client in the contract's network."""
    network = setting.network
    fetch = PinnedHttps(
        allow_addresses=(network.allowed,), ports=(network.port,), context=trusting(network), resolve=network.resolve
    )
    return HttpIdentityClient(fetch, RequestSigner(setting.server_name, setting.key))


class TestHttpIdentityClient(IdentityServerClientContract):
    @pytest.fixture
    def make_client(self) -> Callable[[ClientSetting], HttpIdentityClient]:
        return our_client


class TestHttpInvitations(InvitationClientContract):
    @pytest.fixture
    def make_client(self) -> Callable[[ClientSetting], HttpIdentityClient]:
        return our_client


class InMemory(FakeIdentityServers):
    """The fake, as the contract calls servers."""

    def at(self, name: str) -> str:
        return name


class TestFakeIdentityServers(IdentityServerClientContract):
    unsupported: Mapping[str, str] = {"http": "it is in memory"}

    @pytest.fixture
    def servers(self) -> InMemory:
        return InMemory()

    @pytest.fixture
    def client(self, servers: InMemory) -> InMemory:
        return servers


class TestFakeInvitations(InvitationClientContract):
    unsupported: Mapping[str, str] = {"http": "it is in memory"}
    servers, client = TestFakeIdentityServers.servers, TestFakeIdentityServers.client


@pytest.mark.parametrize("kind", ["success", "no-support", "refused", "outage"])
def test_the_contract_asks_for_the_whole_table(kind: str) -> None:
    """Every answer whose meaning the library tests is one the contract asks about."""
    table = data.load("../identity/data/unbind_outcomes")[kind]
    rows = {name: row for name, row in table.items() if isinstance(row[0], int)}
    assert {name: said(row[0], data.spelled(row[1]) if row[1] else row[1]) for name, row in rows.items()} == {
        name: said(*UNBIND[name][:2]) for name in rows
    }
