"""All journeys on a real Synapse with our module: the newest in every way the docs show, the oldest in two."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest

from matrix_threepid.testing.journeys import Parts, Surroundings
from matrix_threepid.testing.journeys.contract import JourneyContract

from .databases import Database, postgresql, sqlite
from .http import Client
from .moduled import WAYS, site_in
from .programs import OLDEST
from .site import Site
from .workers import with_workers

Way = Callable[[Site, Database], AbstractContextManager[str]]
SERVED = [
    ("oldest", sqlite),
    ("in-front", sqlite),
    ("in-front", postgresql),
    ("nginx", sqlite),
    ("haproxy", postgresql),
    ("workers", postgresql),
    ("workers-separate", postgresql),
    ("workers-oldest", postgresql),
]

WORKERS: dict[str, Callable[..., AbstractContextManager[str]]] = {
    "workers": with_workers,
    "workers-separate": partial(with_workers, endpoints="separate"),
    "workers-oldest": partial(with_workers, program=OLDEST),
}


@pytest.fixture(scope="module", params=SERVED, ids=lambda served: f"{served[0]}-{served[1].__name__}")
def base_url(
    request: pytest.FixtureRequest, parts: Parts, files: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A Synapse with everything on."""
    way, database = request.param
    with (WAYS | WORKERS)[way](site_in(tmp_path_factory.mktemp("synapse"), parts, files), database) as url:
        yield url


@pytest.fixture(scope="module")
def surroundings(parts: Parts, base_url: str) -> Surroundings:
    return parts.around(base_url)


@pytest.mark.rule("SEC-263")
class TestJourneys(JourneyContract):
    """The same stories as everywhere; only ``/login`` is not ours."""

    left_out = ("log-in-with-a-number",)


@pytest.mark.parametrize("path", ["versions", "v3/login", "v3/register/available?username=nobody"])
def test_the_rest_of_synapse_still_answers(base_url: str, path: str) -> None:
    """What is not about third-party identifiers is Synapse's, as before."""
    client = Client(int(base_url.rpartition(":")[2]))
    assert client.call("GET", f"/_matrix/client/{path}").status == 200
