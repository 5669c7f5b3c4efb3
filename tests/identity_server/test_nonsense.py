"""Ports of an identity server that answer what they must not: refused by name, nothing published or taken back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from matrix_threepid import ConfigurationError, ports, run_sync
from matrix_threepid.flows.lookup import rotate
from matrix_threepid.memory.associations import MemoryAssociations
from matrix_threepid.policy import LookupRules
from matrix_threepid.ports._checked import methods
from matrix_threepid.testing import ALICE

from .acting import DAY, Place, wanted
from .apis import V2

NOTHING_OF_THE_KIND: tuple[Any, ...] = (None, True, False, 0, "yes", b"", object(), [1])


class Associations(MemoryAssociations):
    """Associations one of whose methods does nothing and gives a wrong answer once ``wrongly`` names it."""

    wrongly, answer = "", None


def _wrongly(name: str) -> Any:
    async def method(self: Associations, *given: Any) -> Any:
        return self.answer if self.wrongly == name else await getattr(MemoryAssociations, name)(self, *given)

    return method


for _method in methods(ports.AssociationStore):
    setattr(Associations, _method.name, _wrongly(_method.name))


def wrong_for(protocol: type, method: str) -> list[Any]:
    """Return the answers that are no answer of a method."""
    [declared] = [each for each in methods(protocol) if each.name == method]
    return [answer for answer in NOTHING_OF_THE_KIND if not declared.accepts(answer)]


WRONG = [
    (each.name, answer)
    for each in methods(ports.AssociationStore)
    for answer in wrong_for(ports.AssociationStore, each.name)
]


@pytest.mark.parametrize(("method", "answer"), WRONG)
def test_a_store_that_answers_nonsense_is_refused(make_place: Callable[..., Place], method: str, answer: Any) -> None:
    """What is not of the declared type raises ``ConfigurationError`` that names it, and no client hears of success."""
    store = Associations()
    place = make_place(V2, {"lookup": LookupRules(algorithms=["none", "sha256"])}, associations=store, signed_once=True)
    credentials = place.publish()
    place.unbind(wanted(), place.signed(wanted()))
    pepper = place.call("GET", "/hash_details").json()["lookup_pepper"]
    asked = {"pepper": pepper, "addresses": ["alice@example.org email"], "algorithm": "none"}
    proof = place.prove(client_secret="another")
    store.wrongly, store.answer = method, answer
    uses: dict[str, Callable[[], Any]] = {
        "put": lambda: place.bind(credentials),
        # As a homeserver that comes again, whose association is looked up first; as a user does with a session.
        "get": lambda: place.unbind(wanted(), place.signed(wanted())),
        "remove": lambda: place.unbind(wanted(**proof)),
        "get_many": lambda: place.post("/lookup", asked),
        "look_up": lambda: place.post("/lookup", {**asked, "algorithm": "sha256", "addresses": ["a" * 43]}),
        "peppers": lambda: place.call("GET", "/hash_details"),
    }
    if method in ("add_pepper", "rehash"):
        place.clock.advance(31 * DAY)
    with pytest.raises(
        ConfigurationError, match=rf"AssociationStore.{method}: must answer .*, but Associations answered"
    ):
        uses.get(method, lambda: run_sync(rotate(place.homeserver)))()


@pytest.mark.parametrize("answer", [*NOTHING_OF_THE_KIND, {}, {"signatures": None}, {"signatures": "mine"}])
def test_what_is_not_signed_is_not_published(make_place: Callable[..., Place], answer: Any) -> None:
    """A signer that gives no signatures is refused before anything is published."""

    class Signer:
        def sign(self, value: Any) -> Any:
            return answer

    place = make_place(V2, signer=Signer())
    with pytest.raises(ConfigurationError, match=r"ObjectSigner.sign: must "):
        place.bind(place.prove())
    assert place.published() is None


@pytest.mark.parametrize("answer", wrong_for(ports.RequestVerifier, "origin"))
def test_an_origin_that_is_no_name_unbinds_nothing(make_place: Callable[..., Place], answer: Any) -> None:
    """A verifier that names no server is refused, and what is bound stays."""

    class Verifier:
        async def origin(self, request: Any, body: Any) -> Any:
            return answer

    place = make_place(V2, verifier=Verifier())
    place.publish()
    with pytest.raises(ConfigurationError, match=r"RequestVerifier.origin: must answer str, but Verifier answered"):
        place.unbind(wanted(), place.signed(wanted()))
    assert place.published() == ALICE
