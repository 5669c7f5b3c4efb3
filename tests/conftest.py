"""Every test gets its worlds from ``make_world`` (or ``world``), and SEC-0's invariants are checked after it."""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hurried import hurry

from matrix_threepid.testing import World, check_invariants

# Thousands of collected tests live to the end, and a search for garbage among them finds none. So nothing is searched
# while they are collected, and later searches leave them out.
gc.disable()
# Tests start more than a hundred interpreters, each of which would compile the library anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
hurry()


def pytest_collection_finish() -> None:
    """Search for garbage from now on, in what the tests make."""
    gc.freeze()
    gc.enable()


def pytest_sessionfinish() -> None:
    """Let those who look for all objects find them again."""
    gc.unfreeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip searches, which take minutes, unless ``python -m tests.proof`` asks for them."""
    if "MATRIX_THREEPID_PROOF" not in os.environ:
        for item in items:
            if item.get_closest_marker("search"):
                item.add_marker(pytest.mark.skip(reason="a search: python -m tests.proof"))


@pytest.fixture(autouse=True)
def everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URI of a PostgreSQL that all tests of a worker share; each has a schema or a database of its own."""
    from stores.postgres import server

    with server() as uri:
        yield uri


@pytest.fixture
def make_world(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[Callable[..., World]]:
    """Return ``World``; a test that means a 5xx to happen says so: ``@pytest.mark.answers_5xx(503)``."""
    worlds: list[World] = []

    def make(policy: Any = None, **ports: Any) -> World:
        worlds.append(World(policy, **ports))
        return worlds[-1]

    yield make
    marker = request.node.get_closest_marker("answers_5xx")
    for world in worlds:
        check_invariants(world, caplog.text, marker.args if marker else ())


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """A world with the default policy and generous limits."""
    return make_world()
