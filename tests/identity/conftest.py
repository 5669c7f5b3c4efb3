"""Homeservers that talk to identity servers on loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from matrix_threepid.testing import World
from matrix_threepid.testing.rogue import RogueServer, certified

from .acting import SERVERS, Outside, honest


@pytest.fixture
def server() -> Iterator[RogueServer]:
    """A server with all names of identity servers, good until it is told otherwise."""
    with RogueServer(certified(*SERVERS), honest).serving() as server:
        yield server


@pytest.fixture
def make_outside(server: RogueServer, make_world: Callable[..., World]) -> Callable[..., Outside]:
    """Return a function that makes an ``Outside`` with policy choices."""

    def make(**policy: Any) -> Outside:
        return Outside(server, make_world, **policy)

    return make


@pytest.fixture
def outside(make_outside: Callable[..., Outside]) -> Outside:
    """An ``Outside`` with the default policy."""
    return make_outside()
