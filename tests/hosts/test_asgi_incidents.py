"""Bugs give nothing away under ASGI; cancellation is none, and what has begun is finished."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
import trio
import trio.testing

from matrix_threepid.hosts.asgi import Asgi
from matrix_threepid.protocol.wire import Request
from matrix_threepid.testing import World

from .driving import ASK, BODY, LIST, Exchange, chunks, delivered_later, run, scope_of, token


class Broken:
    """``Callers`` with a bug whose text nobody may read."""

    async def identify(self, request: Request) -> None:
        raise KeyError("dsn=postgres://user:hunter2@db")


@pytest.mark.rule("SEC-135")
def test_a_bug_is_told_by_name_only(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """The client gets the name of the incident; the log has the traceback under it; neither has the request's."""
    world.rewire(callers=Broken())
    answer = run(Asgi(world.service), scope_of("GET", LIST, token("@secret-token"), query_string=b"token=in-query"))
    record = next(record for record in caplog.records if record.levelno == logging.ERROR)
    name = record.getMessage().removeprefix("incident ")
    assert (answer.status, json.loads(answer.body)) == (
        500,
        {"errcode": "M_UNKNOWN", "error": f"Internal server error (incident {name})"},
    )
    assert "hunter2" in caplog.text
    assert "secret-token" not in caplog.text
    assert "in-query" not in caplog.text


class Forever:
    """``Callers`` that never answer."""

    def __init__(self, wait: Callable[[], Any]) -> None:
        self._wait = wait

    async def identify(self, request: Request) -> None:
        await self._wait()


@pytest.mark.rule("SEC-135")
def test_asyncio_cancellation_passes_through(world: World) -> None:
    """A request that asyncio cancels ends at once: no answer, no incident."""
    world.rewire(callers=Forever(asyncio.Event().wait))
    exchange = Exchange(*chunks(b""))

    async def cancelled() -> bool:
        task = asyncio.ensure_future(Asgi(world.service)(scope_of(), exchange.receive, exchange.send))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert asyncio.run(cancelled())
    assert exchange.sent == []


def test_trio_cancellation_passes_through(world: World) -> None:
    """A request that trio cancels ends at once: no answer, no incident."""
    world.rewire(callers=Forever(trio.sleep_forever))
    exchange = Exchange(*chunks(b""))

    async def cancelled() -> bool:
        with trio.CancelScope() as scope:
            scope.cancel()
            await Asgi(world.service)(scope_of(), exchange.receive, exchange.send)
        return scope.cancelled_caught

    assert trio.run(cancelled)
    assert exchange.sent == []


class Gate:
    """Where the sending of a message waits: ``asked`` is set when it does, ``go`` lets it go on."""

    def __init__(self, event: Callable[[], Any]) -> None:
        self.asked, self.go = event(), event()

    async def wait(self) -> None:
        self.asked.set()
        await self.go.wait()


@pytest.mark.rule("SEC-36")
def test_what_has_begun_is_finished_in_asyncio(world: World) -> None:
    """A message under way when the request is cancelled is written down as sent, and goes out once."""

    async def hung_up() -> None:
        gate = Gate(asyncio.Event)
        world.outbox.before = gate.wait
        exchange = Exchange(*chunks(BODY))
        asking = asyncio.ensure_future(Asgi(world.service)(scope_of("POST", ASK), exchange.receive, exchange.send))
        await gate.asked.wait()
        asking.cancel()
        await asyncio.wait([asking])
        assert (asking.cancelled(), exchange.sent) == (True, [])
        others = asyncio.all_tasks() - {asyncio.current_task()}
        gate.go.set()
        await asyncio.wait(others)

    asyncio.run(hung_up())
    world.outbox.before = None
    assert (delivered_later(world), len(world.outbox.messages)) == (0, 1)


@pytest.mark.rule("SEC-36")
def test_what_has_begun_is_finished_in_trio(world: World) -> None:
    """A message under way when the request is cancelled is written down as sent, and goes out once."""

    async def hung_up() -> None:
        gate = Gate(trio.Event)
        world.outbox.before = gate.wait
        exchange = Exchange(*chunks(BODY))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Asgi(world.service), scope_of("POST", ASK), exchange.receive, exchange.send)
            await gate.asked.wait()
            nursery.cancel_scope.cancel()
        assert exchange.sent == []
        gate.go.set()
        await trio.testing.wait_all_tasks_blocked()

    trio.run(hung_up)
    world.outbox.before = None
    assert (delivered_later(world), len(world.outbox.messages)) == (0, 1)
