"""Several things at once: under event loops, and in turns that a seed decides."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
from random import Random
from typing import Any

import trio

from matrix_threepid.testing import World

from .acting import PORTS, Wrapped


class _Turn:
    def __await__(self) -> Generator[None, None, None]:
        yield


class Turns:
    """Runs coroutines in turns; a seed decides whose turn it is. Outside of ``run`` nobody waits."""

    def __init__(self) -> None:
        self._running = False

    async def pause(self) -> None:
        """Wait for the next turn."""
        if self._running:
            await _Turn()

    def run(self, seed: int, *coroutines: Coroutine[Any, Any, Any]) -> list[Any]:
        """Return what the coroutines return, in their order."""
        random_bytes, left, results = Random(seed), dict(enumerate(coroutines)), {}  # noqa: S311  an order, no secret
        self._running = True
        while left:
            name = random_bytes.choice(sorted(left))
            try:
                left[name].send(None)
            except StopIteration as stop:
                results[name] = stop.value
                del left[name]
        self._running = False
        return [results[name] for name in sorted(results)]


Work = Callable[[], Awaitable[Any]]


def under_asyncio(*work: Work) -> list[Any]:
    """Run all at once under asyncio."""

    async def main() -> list[Any]:
        return list(await asyncio.gather(*(each() for each in work)))

    return asyncio.run(main())


def under_trio(*work: Work) -> list[Any]:
    """Run all at once under trio."""
    answers: dict[int, Any] = {}

    async def one(name: int) -> None:
        answers[name] = await work[name]()

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for name in range(len(work)):
                nursery.start_soon(one, name)

    trio.run(main)
    return [answers[name] for name in sorted(answers)]


async def _asyncio_pause() -> None:
    await asyncio.sleep(0)


LOOPS = {"asyncio": (under_asyncio, _asyncio_pause), "trio": (under_trio, trio.lowlevel.checkpoint)}

"""How to run work under each loop, and how work lets others run there."""


def merges(first: Sequence[Any], second: Sequence[Any]) -> list[list[Any]]:
    """Return every order of both that keeps the order of each."""
    if not first or not second:
        return [[*first, *second]]
    return [[first[0], *rest] for rest in merges(first[1:], second)] + [
        [second[0], *rest] for rest in merges(first, second[1:])
    ]


def waiting(world: World, pause: Callable[[], Awaitable[None]]) -> World:
    """Let others run before every call of a port and before every sending."""

    async def before(_: str) -> None:
        await pause()

    world.rewire(**{name: Wrapped(getattr(world.homeserver, name), before) for name in PORTS})
    world.outbox.before = pause
    return world
