"""Worlds that several subjects need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from together import together

from matrix_threepid.testing import World

_BOTH_WAYS = (
    "codes",
    "given_back",
    "hidden_addresses",
    "limits",
    "limits_of_limits",
    "peppers",
    "request_token",
    "submit",
)
"""The subjects whose sessions and limits are stored in one transaction where the stores can."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a subject of ``_BOTH_WAYS`` with stores that can and with stores that cannot."""
    subject = metafunc.module.__name__.rpartition("test_")[2]
    if subject in _BOTH_WAYS and "make_world" in metafunc.fixturenames:
        metafunc.parametrize("stores", [dict, together], ids=["stores apart", "stores together"], indirect=True)


@pytest.fixture
def stores(request: pytest.FixtureRequest) -> Callable[[], dict[str, Any]]:
    """Return what makes the stores of a world."""
    return getattr(request, "param", dict)


@pytest.fixture
def make_world(make_world: Callable[..., World], stores: Callable[[], dict[str, Any]]) -> Callable[..., World]:
    """Return ``World``, with such stores unless a test gives its own."""

    def make(policy: Any = None, **ports: Any) -> World:
        given = {} if {"sessions", "limiter"} & set(ports) else stores()
        return make_world(policy, **given, **ports)

    return make


@pytest.fixture
def deferring(make_world: Callable[..., World]) -> World:
    """A world whose workers send."""
    return make_world({"deferred_sending": True})
