"""The same handlers run under asyncio, trio and Twisted, and with no loop at all."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from looping import LOOPS, Loop, Work, give_ports
from twisted.internet.defer import Deferred

from matrix_threepid import run_sync
from matrix_threepid.testing import ALICE, PASSWORD, World

FORM = {"content-type": "application/x-www-form-urlencoded"}


async def journey(world: World) -> list[Any]:
    """Ask, open the link, confirm, add with a password, list, delete, list; return what came of each."""
    asked = await world.acall(
        "POST",
        "/account/3pid/email/requestToken",
        {"email": "alice@example.org", "client_secret": "secret", "send_attempt": 1},
        ALICE,
    )
    link = urlsplit(world.outbox.last.link or "")
    opened = await world.acall("GET", link.path, query=link.query)
    confirmed = await world.acall("POST", link.path, link.query.encode(), headers=FORM)
    body: dict[str, Any] = {"sid": asked.json()["sid"], "client_secret": "secret"}
    refused = await world.acall("POST", "/account/3pid/add", body, ALICE)
    auth = {"type": "m.login.password", "password": PASSWORD, "session": refused.json()["session"]}
    added = await world.acall("POST", "/account/3pid/add", {**body, "auth": auth}, ALICE)
    listed = await world.acall("GET", "/account/3pid", user=ALICE)
    named = {"medium": "email", "address": "alice@example.org"}
    deleted = await world.acall("POST", "/account/3pid/delete", named, ALICE)
    after = await world.acall("GET", "/account/3pid", user=ALICE)
    found = [[held["address"] for held in answer.json()["threepids"]] for answer in (listed, after)]
    return [*(answer.status for answer in (asked, opened, confirmed, refused, added, deleted)), *found]


@pytest.mark.rule("SEC-262")
@pytest.mark.parametrize("loop", LOOPS, ids=lambda loop: loop.name)
def test_the_whole_journey_runs_under_every_loop(world: World, loop: Loop) -> None:
    """Ask, confirm, add, list and delete come out the same, whatever runs the handlers and whatever ports return."""
    answered: Counter[str] = Counter()

    def answer(work: Work) -> Any:
        answered[work.__qualname__] += 1
        return loop.answer(work)

    give_ports(world, answer)
    assert loop.run(journey(world)) == [200, 200, 303, 401, 200, 200, ["alice@example.org"], []]
    assert {"MemorySessions.replace", "FakeAccounts.add", "FakeUia.require", "Outbox.send"} <= set(answered)


async def asyncio_sleep(work: Work) -> Any:
    work.close()
    await asyncio.sleep(0)


def pending_deferred(work: Work) -> Any:
    work.close()
    return Deferred()


@pytest.mark.parametrize(
    ("answer", "named"), [(asyncio_sleep, "asyncio_sleep > sleep"), (pending_deferred, "Deferred")]
)
def test_run_sync_says_what_it_would_have_to_wait_for(world: World, answer: Callable[[Work], Any], named: str) -> None:
    """A port that waits where nothing can is named, with the way from the handler to it."""
    give_ports(world, answer)
    with pytest.raises(RuntimeError, match=f"Service.handle > .*{named}"):
        run_sync(world.acall("GET", "/account/3pid", user=ALICE))
