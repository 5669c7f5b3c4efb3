"""One process of ``serve``: databases, listeners, jobs, and an orderly end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from threading import Timer

from ...hosts import App, keep_house
from ...protocol.errors import ConfigurationError
from .apps import Observed, application
from .parts import opened
from .settings import ServeSettings

_log = logging.getLogger("matrix_threepid.serve")
_GRACE = 2.0


async def serve(settings: ServeSettings, listening: socket.socket | None, observing: socket.socket | None) -> None:
    """Serve until SIGTERM or SIGINT. Raises ``ConfigurationError`` before anything is served.

    * ``listening``: where requests are answered; ``None`` in a process that only observes its workers.
    * ``observing``: where metrics and health are answered; ``None`` for nowhere.
    """
    stop = asyncio.Event()
    for wish in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(wish, stop.set)
    counts = listening is not None and settings.observe is not None
    async with AsyncExitStack() as stack:
        served = await stack.enter_async_context(opened(settings, metrics=counts))
        if listening is not None:
            house = asyncio.create_task(keep_house(*served.jobs, grace=settings.stop_s))
            stack.push_async_callback(_ended, house)
            await stack.enter_async_context(_serving(application(settings, served), listening, settings.stop_s))
        if observing is not None:
            app = Observed(served, _exposition())
            await stack.enter_async_context(_serving(app, observing, 1))
        _log.info("ready")
        await stop.wait()
        _log.info("stopping: requests have %d s to end", settings.stop_s)
        _end_in_any_case(settings.stop_s + _GRACE)


def _end_in_any_case(seconds: float) -> None:
    """End the process after a while: a mail server that does not answer must not hold it up."""
    last = Timer(seconds, os._exit, [0])
    last.daemon = True
    last.start()


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])


def _serving(app: App, listening: socket.socket, stop_s: int) -> AbstractAsyncContextManager[None]:
    try:
        from ...hosts.uvicorn import served_by_uvicorn
    except ImportError:
        raise ConfigurationError("serve needs uvicorn: pip install 'matrix-threepid[serve]'") from None
    return served_by_uvicorn(app, listening, stop_s)


def _exposition() -> Callable[[], bytes]:
    """Return what renders the metrics: of this process, or of all workers if there are several."""
    import prometheus_client as client
    from prometheus_client import multiprocess

    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return lambda: bytes(client.generate_latest())

    def of_all() -> bytes:
        registry = client.CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call,unused-ignore]
        return bytes(client.generate_latest(registry))

    return of_all
