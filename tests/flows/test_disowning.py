"""The way out of a request that somebody else made: "this was not me"."""

from __future__ import annotations

import pytest

from matrix_threepid.events import SessionDisowned
from matrix_threepid.testing import World

from .acting import DAY, FORM, PURPOSES, SUBMIT, ask_for, dump, refusal, submit, token_of
from .reading import query_of, read


@pytest.mark.rule("SEC-44")
@pytest.mark.parametrize("purpose", PURPOSES)
def test_this_was_not_me_stops_the_request(world: World, purpose: str) -> None:
    """The second page's button ends the session: its link and token are dead, and listeners hear of it."""
    sid = ask_for(world, purpose).json()["sid"]
    page = read(world.open_link())
    [way_out] = page.of("a")
    assert "button" in [
        tag for tag, _ in read(world.call("GET", SUBMIT, query=(way_out["href"] or "").partition("?")[2])).found
    ]
    assert "stopped" in read(world.confirm(answer="refuse")).text
    assert len(world.events.of(SessionDisowned)) == 1
    assert world.open_link().status == 400
    assert "Request stopped" in read(world.open_link()).text
    assert world.confirm().status == 400
    assert refusal(submit(world, sid, token_of(world.outbox.last))) == (400, "M_SESSION_EXPIRED")


@pytest.mark.rule("SEC-44", "SEC-45")
def test_who_was_disowned_cannot_ask_again_for_a_day(world: World) -> None:
    """After "this was not me" that client gets no mail to that address for 24 hours; others do."""
    world.ask()
    world.confirm(answer="refuse")
    refused = world.ask(secret="again")
    assert refusal(refused) == (429, "M_LIMIT_EXCEEDED")
    assert refused.json()["retry_after_ms"] <= DAY
    assert world.ask(secret="again", client="198.51.100.1").status == 200
    assert world.ask("other@example.org").status == 200
    world.clock.advance(DAY - 1000)
    assert refusal(world.ask(secret="later")) == (429, "M_LIMIT_EXCEEDED")
    world.clock.advance(1000)
    assert world.ask(secret="later").status == 200


def test_too_late_to_stop(world: World) -> None:
    """Once the address is on the account the page does not claim to have stopped anything."""
    world.add(world.prove())
    assert "Already confirmed" in read(world.confirm(answer="refuse")).text
    assert not world.events.of(SessionDisowned)
    assert world.threepids() == ["alice@example.org"]


@pytest.mark.rule("SEC-47")
@pytest.mark.parametrize(
    ("site", "status"), [("cross-site", 403), ("same-site", 403), ("same-origin", 303), ("none", 303)]
)
def test_a_form_of_another_site_is_refused(world: World, site: str, status: int) -> None:
    """A POST a browser marks as coming from another site changes nothing."""
    world.ask()
    answer = world.call("POST", SUBMIT, query_of(world).encode(), headers={**FORM, "sec-fetch-site": site})
    assert answer.status == status
    assert (dump(world)[0].validated_at is not None) is (status == 303)
