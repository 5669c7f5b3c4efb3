"""Run jobs beside the requests of a host: ``keeping_house``, and what the argument ``keep`` of each host does."""

from __future__ import annotations

import asyncio
import atexit
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, MutableMapping, Sequence
from contextlib import asynccontextmanager
from threading import Lock
from typing import Any

from ..forks import forget_at_fork
from ..housekeeping import Job
from ..protocol.errors import ConfigurationError
from ..running_loop import running_library
from ..service import Service
from ._shared import has_jobs, jobs_of
from .housekeeping import GRACE, _end, keep_house, keep_house_in_threads, keep_house_in_trio

Keep = bool | Iterable[Service | Job]
"""Whose jobs a host runs: ``True`` for those of its service, ``False`` for none, or services and jobs."""
Kept = tuple[Service | Job, ...]
Stop = Callable[[], Awaitable[None]]
"""Stops jobs, and returns once what had begun is finished."""
Message = MutableMapping[str, Any]
_App = Callable[[Any, Any, Any], Awaitable[None]]
_log = logging.getLogger("matrix_threepid.hosts")


def kept_by(host: str, service: Service, keep: Keep) -> Kept:
    """Return whose jobs a host runs. Raises ``ConfigurationError`` for anything but a ``Keep``."""
    if isinstance(keep, bool):
        return (service,) if keep else ()
    kept = tuple(keep) if isinstance(keep, Iterable) else (None,)
    if not all(map(has_jobs, kept)):
        raise ConfigurationError(f"{host}: keep: must be True, False, or a sequence of services and jobs")
    return kept


@asynccontextmanager
async def keeping_house(*kept: Service | Job, grace: float = GRACE) -> AsyncIterator[None]:
    """Run jobs while the block runs, in asyncio or trio; at its end finish what has begun.

    * ``kept``: services and jobs.
    * ``grace``: the s that work may take to finish after the block, 30 by default; then it is cancelled.

    Raises ``ConfigurationError`` at the start for anything but services and jobs.

    It fits into the lifespan of an application:

    >>> from contextlib import asynccontextmanager
    >>> from matrix_threepid.testing import World
    >>> service = World().service
    >>> @asynccontextmanager
    ... async def lifespan(app):
    ...     async with keeping_house(service):
    ...         yield
    """
    stop = _started(kept, grace)
    try:
        yield
    finally:
        await stop()


def _started(kept: Kept, grace: float) -> Stop:
    # Here, since an error of a task of its own would be heard at the end, and one of a system task ends trio.
    jobs = jobs_of(kept)
    return (_started_in_trio if running_library() == "trio" else _started_in_asyncio)(jobs, grace)


def _started_in_asyncio(jobs: Sequence[Job], grace: float) -> Stop:
    task = asyncio.ensure_future(keep_house(*jobs, grace=grace))

    async def stop() -> None:
        await _end([task])
        if not task.cancelled():
            task.result()  # raises what has ended the jobs before

    return stop


def _started_in_trio(jobs: Sequence[Job], grace: float) -> Stop:
    import trio

    scope, ended = trio.CancelScope(), trio.Event()

    async def run() -> None:
        try:
            with scope:
                await keep_house_in_trio(*jobs, grace=grace)
        finally:
            ended.set()

    # A system task, since an application may start and stop in tasks of their own, and a nursery belongs to one.
    trio.lowlevel.spawn_system_task(run)

    async def stop() -> None:
        scope.cancel()
        with trio.CancelScope(shield=True):  # for `grace` at most
            await ended.wait()

    return stop


class Lifespan:
    """Runs jobs from the start to the end of an ASGI server (https://asgi.readthedocs.io/en/latest/specs/lifespan.html).

    * ``kept``: whose jobs; empty: none.
    """

    def __init__(self, kept: Kept) -> None:
        self._kept = kept
        self._awaited = bool(kept)  # whether no lifespan event has come, although there are jobs

    def missed(self) -> None:
        """Warn once if a request comes, and the events with which the jobs begin have not come."""
        if self._awaited:
            self._awaited = False
            _log.warning(
                "Asgi: keep: neither server nor framework sends lifespan events here, so no job runs; use "
                "hosts.keeping_house in the lifespan of the application, see docs/hosts/index.md"
            )

    async def run(self, app: _App, otherwise: _App, scope: Message, receive: Any, send: Any) -> None:
        """Have an application answer the events, and run the jobs between its start and its end.

        * ``otherwise``: answers them if the application knows none: it raises or returns before it has received one.
        """
        self._awaited = False
        asked = False
        stop: Stop | None = None

        async def receiving() -> Message:
            nonlocal asked
            asked = True
            message: Message = await receive()
            # Before the application hears of its end, since it may close what the jobs need.
            if message["type"] == "lifespan.shutdown":
                await stopped()
            return message

        async def sending(message: Message) -> None:
            nonlocal stop
            if message["type"] == "lifespan.startup.complete" and self._kept:
                stop = _started(self._kept, GRACE)
            await send(message)

        async def stopped() -> None:
            nonlocal stop
            if stop is not None:
                now, stop = stop, None
                await now()

        try:
            try:
                await app(scope, receiving, sending)
            except Exception:
                if asked or not self._kept:
                    raise
            if not asked and self._kept:
                await otherwise(scope, receiving, sending)
        finally:
            await stopped()


class InThreads:
    """Runs jobs in threads from the first request of each process to its end.

    * ``kept``: whose jobs; empty: none.
    * ``run``: runs a coroutine to its end.
    """

    def __init__(self, kept: Kept, run: Callable[[Coroutine[Any, Any, Any]], Any]) -> None:
        self._kept, self._run = kept, run
        self.forget()
        forget_at_fork(self)

    def forget(self) -> None:
        """Begin anew in a forked child, which has no threads."""
        self._lock = Lock()
        self._begun = not self._kept
        self._stop: Callable[[], None] | None = None

    def begin(self) -> None:
        """Start the jobs, unless they run. Not earlier than a request: a server may fork before it serves."""
        if self._begun:
            return
        with self._lock:
            if not self._begun:
                self._begun = True
                self._stop = keep_house_in_threads(*self._kept, run=self._run)
                atexit.register(self.end)

    def end(self) -> None:
        """Stop the jobs for good, and wait until what has begun is finished, 30 s at most."""
        with self._lock:
            self._begun, stop, self._stop = True, self._stop, None
        atexit.unregister(self.end)
        if stop is not None:
            stop()
