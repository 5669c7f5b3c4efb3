"""``running_loop``: which event loop drives the running coroutine, if any does."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, Literal

from sniffio import AsyncLibraryNotFoundError, current_async_library

from .offload import driven_by_run_sync

Loop = Literal["asyncio", "trio", "twisted"]


def running_loop() -> Loop | None:
    """Return what drives the running coroutine; ``None`` without an event loop, and under ``run_sync``."""
    if driven_by_run_sync():
        return None
    library = running_library()
    if library == "trio":
        return "trio"
    if _in_reactor() and (library is None or _twisted_is_nearest()):
        return "twisted"
    return "asyncio" if library == "asyncio" else None


def running_library() -> str | None:
    """Return ``sniffio``'s name of the library that drives this coroutine; it knows asyncio and trio, not Twisted."""
    try:
        return current_async_library()
    except AsyncLibraryNotFoundError:
        return None


def _in_reactor() -> bool:
    """Return whether Twisted's reactor runs, and in this thread."""
    # Not imported here: the first import installs the default reactor, and the program may want another.
    reactor: Any = sys.modules.get("twisted.internet.reactor")
    if reactor is None or not reactor.running:
        return False
    from twisted.python import threadable

    is_in_io_thread: Callable[[], bool] = threadable.isInIOThread
    return is_in_io_thread()


def _twisted_is_nearest() -> bool:
    """Return whether Twisted drives the running coroutine although a task of asyncio is in the middle of a step.

    That happens on asyncio's reactor: a task that fires a ``Deferred`` resumes the coroutines that await it, on its own
    stack. The one whose frame is nearest on the stack drives the coroutine; a task has no frame but that of the loop.
    """
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_globals.get("__name__") != "asyncio.events":
        if frame.f_code.co_name == "_inlineCallbacks":
            return True
        frame = frame.f_back
    return False
