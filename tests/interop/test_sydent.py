"""Our homeserver side and its HTTP against a real Sydent."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from time import monotonic

import pytest
from smtp.sink import sink

from matrix_threepid import run_sync
from matrix_threepid.deactivate import deactivate_threepids
from matrix_threepid.flows.unbind_retry import retry_unbinds
from matrix_threepid.identity.client import HttpIdentityClient
from matrix_threepid.identity.signed_requests import RequestSigner
from matrix_threepid.identity.signing import new_signing_key
from matrix_threepid.net.fetch import HttpReply, HttpRequest
from matrix_threepid.net.safe_https import PinnedHttps
from matrix_threepid.testing import World
from matrix_threepid.testing.rogue import Names

from .side import HERE, Side, https
from .sydent import UNBIND_V2, Homeserver, Sydent, sydent_at

SUCCESS, NO_SUPPORT = ({"id_server_unbind_result": result} for result in ("success", "no-support"))


@pytest.fixture(scope="module")
def homeserver() -> Iterator[Homeserver]:
    """What Sydent asks our homeserver."""
    with Homeserver().serving() as homeserver:
        yield homeserver


@pytest.fixture(scope="module")
def sydent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sydent]:
    """A real Sydent with terms to accept."""
    with sink() as mails, sydent_at(tmp_path_factory.mktemp("sydent"), mails) as sydent:
        yield sydent


@pytest.fixture
def side(make_world: Callable[..., World], sydent: Sydent, homeserver: Homeserver) -> Side:
    return Side(make_world, sydent, homeserver)


@pytest.fixture
def only_v1(sydent: Sydent) -> Iterator[None]:
    """Unbinding under v2 is not known."""
    sydent.front.knows_v2 = False
    yield
    sydent.front.knows_v2 = True


@pytest.mark.rule("SEC-263")
@pytest.mark.parametrize("how", ["unbind", "delete"])
def test_what_is_bound_is_taken_back(side: Side, how: str) -> None:
    """Sydent takes our bind with the user's token, and our signed unbind under v2; it asked us for our key."""
    side.publish()
    assert side.remove(how) == SUCCESS
    assert side.owner is None


def test_version_1_is_tried_where_2_is_not_known(side: Side, only_v1: None) -> None:
    """Where v2 has no unbind, the signed request goes to v1, and Sydent takes it."""
    side.publish()
    assert side.remove("unbind") == SUCCESS
    assert side.owner is None
    paths = [heard.path for heard in side.sydent.front.server.heard[-2:]]
    assert paths == [UNBIND_V2, "/_matrix/identity/api/v1/3pid/unbind"]


def test_deactivation_takes_back_what_is_bound(side: Side) -> None:
    """Nothing of the user is left at Sydent."""
    side.publish()
    assert run_sync(deactivate_threepids(side.world.homeserver, side.user)) == "success"
    assert side.owner is None


def test_an_owner_takes_an_address_back_by_a_session(side: Side) -> None:
    """What a client has unbound with a session of its own is no error for us afterwards."""
    credentials = side.publish()
    body = {"mxid": side.user, "threepid": side.named, **credentials}
    assert side.sydent.unbind(body).status == 200
    assert side.owner is None
    assert side.remove("unbind") == SUCCESS


@pytest.mark.parametrize("token", ["nonsense", "another user's"])
def test_a_wrong_token_binds_nothing(side: Side, token: str) -> None:
    """A token Sydent does not know, and one of another user: its refusal reaches the client."""
    own = side.sydent.sign_in(side.user)
    credentials = side.sydent.prove(side.address, own)
    other = side.sydent.sign_in(f"@other:{side.user.partition(':')[2]}")
    answer = side.bind(credentials, other if token != "nonsense" else token)
    assert answer.json()["errcode"] == "M_UNAUTHORIZED"
    assert answer.status in (401, 403)
    assert side.owner is None
    assert side.remove("delete") == NO_SUPPORT


def test_terms_that_are_not_accepted_are_told(side: Side) -> None:
    """Sydent wants its terms accepted; the client hears so and can show them."""
    accepted = side.sydent.sign_in(f"@other:{side.user.partition(':')[2]}")
    credentials = side.sydent.prove(side.address, accepted)
    answer = side.bind(credentials, side.sydent.sign_in(side.user, accept=False))
    assert (answer.status, answer.json()["errcode"]) == (403, "M_TERMS_NOT_SIGNED")
    assert side.owner is None


def test_an_unvalidated_session_binds_nothing(side: Side) -> None:
    """Sydent says that the session is not validated, and so do we."""
    token = side.sydent.sign_in(side.user)
    answer = side.bind(side.sydent.ask(side.address, token), token)
    assert (answer.status, answer.json()["errcode"]) == (400, "M_SESSION_NOT_VALIDATED")
    assert side.owner is None


def test_an_answer_that_never_ends_is_left(side: Side) -> None:
    """However long the answer to an unbind with an unvalidated session takes, our HTTP is done at its deadline."""
    token = side.sydent.sign_in(side.user)
    content = {"mxid": side.user, "threepid": side.named, **side.sydent.ask(side.address, token)}
    port = side.sydent.front.server.port
    request = HttpRequest(
        method="POST",
        host="localhost",
        port=port,
        authority=side.sydent.name,
        path=UNBIND_V2,
        body=json.dumps(content).encode(),
    )
    began = monotonic()
    reply = run_sync(https(side.sydent).fetch(request, 1000))
    assert monotonic() - began < 4
    assert isinstance(reply, HttpReply)
    assert reply.status == 403
    assert reply.cut is not None


def test_a_key_sydent_does_not_find_unbinds_nothing(side: Side, homeserver: Homeserver) -> None:
    """Signed with a key we do not publish: Sydent refuses, the binding stays known and is taken back later."""
    side.publish()
    real = side.world.homeserver.identity
    wrong = HttpIdentityClient(https(side.sydent), RequestSigner(homeserver.name, new_signing_key("a_2")))
    side.world.rewire(identity=wrong)
    answer = side.world.post("/account/3pid/unbind", side.named, side.user)
    assert answer.status != 200
    assert side.owner == side.user
    side.world.rewire(identity=real)
    assert side.remove("unbind") == SUCCESS
    assert side.owner is None


@pytest.mark.answers_5xx(502, 503, 504)
def test_an_outage_is_made_good_later(side: Side, homeserver: Homeserver) -> None:
    """Deleted while Sydent was away: the address is gone at once, the binding as soon as Sydent is back."""
    side.publish()
    real = side.world.homeserver.identity
    away = PinnedHttps(allow_addresses=[HERE], ports=[1], resolve=Names({"localhost": (HERE,)}))
    side.world.rewire(identity=HttpIdentityClient(away, RequestSigner(homeserver.name, homeserver.key)))
    assert side.remove("delete") == NO_SUPPORT
    assert side.owner == side.user
    side.world.rewire(identity=real)
    side.world.clock.advance(86_400_000)
    assert run_sync(retry_unbinds(side.world.homeserver)) == 1
    assert side.owner is None
