"""A signed unbind that comes again; where ``signed_once`` says so it does nothing to a new bind (SEC-125)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from matrix_threepid.identity.signed_requests import RequestSigner
from matrix_threepid.memory.associations import MemoryAssociations
from matrix_threepid.model.threepid import Threepid
from matrix_threepid.testing import ALICE

from .acting import DAY, FORBIDDEN, NAME, OTHERS, Place, done, refusal, wanted
from .apis import V1, V2, Api


@pytest.fixture(params=[V2, V1], ids=lambda api: api.name)
def strict(request: pytest.FixtureRequest, make_place: Callable[..., Place]) -> Place:
    """Each way addresses are published, where a signed unbind counts once."""
    return make_place(request.param, signed_once=True)


def bind_unbind_bind(place: Place) -> str:
    """Let Alice bind, her homeserver unbind, and Alice bind again; return the header of the unbind."""
    header = place.signed(wanted())
    place.publish()
    assert done(place.unbind(wanted(), header))
    place.bind(place.prove(client_secret="again"))
    assert place.published() == ALICE
    return header


@pytest.mark.rule("SEC-125")
def test_a_replay_does_not_undo_a_new_bind(strict: Place) -> None:
    """What was bound after a signed unbind stays for 24 hours, however the same signature is written."""
    header = bind_unbind_bind(strict)
    for spelling in (header, header.replace(",", " , "), header.replace("X-Matrix", "x-matrix"), header + ","):
        assert refusal(strict.unbind(wanted(), spelling)) == FORBIDDEN
    strict.clock.advance(DAY - 1)
    assert refusal(strict.unbind(wanted(), header)) == FORBIDDEN
    assert strict.published() == ALICE
    strict.clock.advance(1)
    assert done(strict.unbind(wanted(), header))


@pytest.mark.rule("SEC-125")
def test_a_lost_answer_may_be_asked_for_again(strict: Place) -> None:
    """While nothing is bound anew the same request is answered alike, as often as it comes."""
    strict.publish()
    header = strict.signed(wanted())
    assert all(done(strict.unbind(wanted(), header)) for _ in range(3))
    strict.publish_as("alice@example.org", "@bob:hs.example.org")
    assert done(strict.unbind(wanted(), header))
    assert strict.published() == "@bob:hs.example.org"


def test_a_session_unbinds_all_the_same(strict: Place) -> None:
    """Who owns the address can take it back at any time, beside a signature or without one."""
    header = bind_unbind_bind(strict)
    credentials = strict.prove(client_secret="third")
    assert done(strict.unbind(wanted(**credentials), header))
    assert strict.published() is None


def test_other_words_are_another_request(strict: Place) -> None:
    """Another signed request of the same homeserver is not taken for the first."""
    bind_unbind_bind(strict)
    body = wanted(nonce="1")
    assert done(strict.unbind(body, strict.signed(body)))
    assert strict.published() is None


def test_forged_requests_are_not_remembered(strict: Place) -> None:
    """Only what was signed and carried out counts: nobody can use a homeserver's words up for it."""
    strict.publish()
    forged = RequestSigner("hs.example.org", OTHERS).sign("POST", strict.api.path("/3pid/unbind"), NAME, wanted())
    assert refusal(strict.unbind(wanted(), forged)) == FORBIDDEN
    assert done(strict.unbind(wanted(), strict.signed(wanted())))


@pytest.mark.rule("SEC-125")
def test_all_processes_remember(make_place: Callable[..., Place]) -> None:
    """What was used is known wherever limits are shared."""
    one = make_place(V2, signed_once=True)
    header = bind_unbind_bind(one)
    home = one.homeserver
    other = make_place(V2, signed_once=True, limiter=home.limiter, associations=home.associations)
    assert refusal(other.unbind(wanted(), header)) == FORBIDDEN


class CutOff(Exception):
    """The process ends."""


class Ending(MemoryAssociations):
    """Associations in a process that ends before it removes one; afterwards another takes over."""

    ends = True

    async def remove(self, threepid: Threepid, mxid: str) -> bool:
        if self.ends:
            self.ends = False
            raise CutOff
        return await super().remove(threepid, mxid)


def test_a_request_that_was_cut_off_may_come_again(make_place: Callable[..., Place]) -> None:
    """A request is remembered once it was carried out: an outage in between does not use it up."""
    place = make_place(V2, signed_once=True, associations=Ending())
    place.publish()
    header = place.signed(wanted())
    with pytest.raises(CutOff):
        place.unbind(wanted(), header)
    assert place.published() == ALICE
    assert done(place.unbind(wanted(), header))
    assert place.published() is None


@pytest.mark.rule("SEC-125")
@pytest.mark.parametrize("api", [V2, V1], ids=lambda api: api.name)
def test_by_default_users_may_unbind_as_often_as_they_like(make_place: Callable[..., Place], api: Api) -> None:
    """Homeservers sign the same words alike, so the second unbind of a day looks like the first, and works."""
    place = make_place(api)
    header = bind_unbind_bind(place)
    assert place.signed(wanted()) == header
    assert done(place.unbind(wanted(), header))
    assert place.published() is None
