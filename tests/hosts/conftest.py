"""What the tests of hosts share."""

from __future__ import annotations

import pytest

from matrix_threepid.hosts.asgi import Asgi
from matrix_threepid.testing import World


@pytest.fixture
def app(world: World) -> Asgi:
    """An application alone, over the default world."""
    return Asgi(world.service)
