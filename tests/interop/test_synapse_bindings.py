"""A real Synapse that publishes its users' addresses at our identity server, and takes them back."""

from __future__ import annotations

import pytest

from matrix_threepid import Medium

from .roles import Published
from .synapse import Synapse, User

UNBIND = "/_matrix/identity/v2/3pid/unbind"
SUCCESS = {"id_server_unbind_result": "success"}
_numbers = iter(range(1000))


@pytest.fixture
def user(synapse: Synapse, request: pytest.FixtureRequest) -> User:
    """A user of this test alone."""
    return synapse.register(f"binder{next(_numbers)}")


@pytest.fixture
def address(user: User) -> str:
    """A mail address of this test alone."""
    return f"{user.id[1:].partition(':')[0]}@example.org"


def bind(user: User, at: Published, address: str, **members: str) -> dict[str, str]:
    """Return the body of a bind with a validated session."""
    credentials = at.prove(address, user.id)
    return {"id_server": at.name, "id_access_token": user.id, **credentials, **members}


@pytest.fixture
def bound(user: User, identity_server: Published, address: str) -> str:
    """The address, published through Synapse."""
    answer = user.post("/account/3pid/bind", bind(user, identity_server, address))
    assert answer.status == 200, answer
    assert identity_server.owner(Medium.EMAIL, address) == user.id
    return address


def named(address: str) -> dict[str, str]:
    return {"medium": "email", "address": address}


def test_synapse_binds(user: User, identity_server: Published, address: str) -> None:
    """Synapse hands its user's token and session to us; then the address is the user's."""
    answer = user.post("/account/3pid/bind", bind(user, identity_server, address))
    assert answer.status == 200
    assert identity_server.owner(Medium.EMAIL, address) == user.id
    assert identity_server.heard.headers[-1] == ("/_matrix/identity/v2/3pid/bind", f"Bearer {user.id}")


@pytest.mark.parametrize("named_server", [True, False])
def test_synapse_unbinds_by_its_signature(
    user: User, identity_server: Published, bound: str, synapse: Synapse, named_server: bool
) -> None:
    """Synapse signs for its user, we ask it for its key and believe it, whether the client names the server or not."""
    where = {"id_server": identity_server.name} if named_server else {}
    answer = user.post("/account/3pid/unbind", {**named(bound), **where})
    assert (answer.status, answer.body) == (200, SUCCESS)
    assert identity_server.owner(Medium.EMAIL, bound) is None
    path, header = identity_server.heard.headers[-1]
    assert path == UNBIND
    assert header.startswith("X-Matrix ")
    assert identity_server.fetch.asked == [f"{synapse.name}/_matrix/key/v2/server"]


def test_a_signature_cannot_be_used_for_anything_else(user: User, identity_server: Published, bound: str) -> None:
    """What Synapse signed for one user and address does nothing for others."""
    user.post("/account/3pid/unbind", named(bound))
    _, header = identity_server.heard.headers[-1]
    victim = f"@victim:{user.id.partition(':')[2]}"
    credentials = identity_server.prove("victim@example.org", victim)
    assert identity_server.call("/3pid/bind", {**credentials, "mxid": victim}, victim).status == 200
    forged = {"mxid": victim, "threepid": named("victim@example.org")}
    answer = identity_server.client.call("POST", UNBIND, forged, headers={"Authorization": header})
    assert answer.refusal == (403, "M_FORBIDDEN")
    assert identity_server.owner(Medium.EMAIL, "victim@example.org") == victim


def test_synapse_deletes(user: User, identity_server: Published, bound: str) -> None:
    """Delete takes the binding back as well."""
    answer = user.post("/account/3pid/delete", {**named(bound), "id_server": identity_server.name})
    assert (answer.status, answer.body) == (200, SUCCESS)
    assert identity_server.owner(Medium.EMAIL, bound) is None


def test_synapse_deactivates(user: User, identity_server: Published, bound: str) -> None:
    """Deactivation takes back what is bound."""
    answer = user.authenticated("/account/deactivate", {"id_server": identity_server.name})
    assert (answer.status, answer.body) == (200, SUCCESS)
    assert identity_server.owner(Medium.EMAIL, bound) is None


def test_unbinding_what_is_not_bound_succeeds(user: User, identity_server: Published, address: str) -> None:
    """Synapse hears that all is well, so that nobody has to try again."""
    answer = user.post("/account/3pid/unbind", {**named(address), "id_server": identity_server.name})
    assert (answer.status, answer.body) == (200, SUCCESS)


def test_nobody_takes_back_what_is_another_s(
    synapse: Synapse, user: User, identity_server: Published, bound: str
) -> None:
    """A homeserver's signature for one of its users removes nothing of another one."""
    other = synapse.register(f"binder{next(_numbers)}")
    answer = other.post("/account/3pid/unbind", {**named(bound), "id_server": identity_server.name})
    assert answer.status == 200
    assert identity_server.owner(Medium.EMAIL, bound) == user.id


@pytest.mark.parametrize(
    ("members", "refused"),
    [
        ({"sid": "nobody"}, (404, "M_NO_VALID_SESSION")),
        ({"client_secret": "another"}, (404, "M_NO_VALID_SESSION")),
        ({"id_access_token": "nonsense"}, (400, "M_UNAUTHORIZED")),  # Synapse keeps 401 for itself
        ({"id_access_token": "@somebody:else.example"}, (403, "M_UNAUTHORIZED")),
    ],
)
def test_our_refusals_reach_the_client(
    user: User, identity_server: Published, address: str, members: dict[str, str], refused: tuple[int, str]
) -> None:
    """Synapse passes on why nothing was bound."""
    answer = user.post("/account/3pid/bind", bind(user, identity_server, address, **members))
    assert answer.refusal == refused
    assert identity_server.owner(Medium.EMAIL, address) is None
