"""What Synapse logs of the requests that the module answers; without a Synapse."""

from __future__ import annotations

import asyncio
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest
from attrs import define
from twisted.internet.defer import CancelledError
from twisted.web.http_headers import Headers

from matrix_threepid import Request, run_sync
from matrix_threepid.synapse.resources import serve_first
from matrix_threepid.testing import World

LIST = "/_matrix/client/v3/account/3pid"


@define
class Cancelled:
    """``Callers`` whose own work was cancelled, by a time limit perhaps."""

    by: type[BaseException]

    async def identify(self, request: Request) -> None:
        raise self.by


@pytest.mark.parametrize("by", [CancelledError, asyncio.CancelledError], ids=["twisted", "asyncio"])
def test_a_call_that_was_cancelled_is_logged_without_its_query(by: type[BaseException]) -> None:
    """Synapse logs the ``uri`` of a request whose call was cancelled, so it holds no secret of the query then."""
    world, answers = World(callers=Cancelled(by)), dict[str, Any]()

    def register_paths(method: str, patterns: Any, answer: Any, _: str) -> None:
        if method == "GET" and patterns[0].match(LIST):
            answers[LIST] = answer

    inside: Any = SimpleNamespace(serve_first=lambda add: add(SimpleNamespace(register_paths=register_paths)))
    serve_first(inside, world.service)
    request = SimpleNamespace(
        method=b"GET",
        path=LIST.encode(),
        uri=f"{LIST}?access_token=secret".encode(),
        requestHeaders=Headers(),
        content=BytesIO(),
        getClientAddress=lambda: None,
    )
    with pytest.raises(by):
        run_sync(answers[LIST](request))
    assert request.uri == LIST.encode()
