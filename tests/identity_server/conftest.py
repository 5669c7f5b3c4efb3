"""Places come from ``make_place``; the invariants every test keeps are checked after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from matrix_threepid.testing import check_invariants

from .acting import Place
from .apis import APIS, DELEGATE, V1, V2, Api


@pytest.fixture
def make_place(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[Callable[..., Place]]:
    """Return ``Place``; a test that means a 5xx to happen says so: ``@pytest.mark.answers_5xx(503)``."""
    places: list[Place] = []

    def make(api: Api = V2, policy: Any = None, **ports: Any) -> Place:
        places.append(Place(api, policy, **ports))
        return places[-1]

    yield make
    marker = request.node.get_closest_marker("answers_5xx")
    for place in places:
        check_invariants(place, caplog.text, marker.args if marker else ())


@pytest.fixture(params=APIS, ids=lambda api: api.name)
def validator(request: pytest.FixtureRequest, make_place: Callable[..., Place]) -> Place:
    """Each way addresses are validated: v2, v1, and as a delegate."""
    return make_place(request.param)


@pytest.fixture(params=[V2, V1], ids=lambda api: api.name)
def publisher(request: pytest.FixtureRequest, make_place: Callable[..., Place]) -> Place:
    """Each way addresses are published: v2 and v1."""
    return make_place(request.param)


@pytest.fixture
def v2(make_place: Callable[..., Place]) -> Place:
    """Version 2 of an identity server."""
    return make_place(V2)


@pytest.fixture
def delegate(make_place: Callable[..., Place]) -> Place:
    """A delegate."""
    return make_place(DELEGATE)
