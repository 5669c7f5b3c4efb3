"""Worlds that several subjects need."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from matrix_threepid.testing import World


@pytest.fixture
def deferring(make_world: Callable[..., World]) -> World:
    """A world whose workers send."""
    return make_world({"deferred_sending": True})
