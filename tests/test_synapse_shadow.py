"""The shadow of a Synapse: what it keeps of a request, and what it does if too many come; without a Synapse."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest

from matrix_threepid import Service, run_sync
from matrix_threepid.synapse import shadow
from matrix_threepid.synapse.shadow import Shadow
from matrix_threepid.testing import World

PATH = "/_matrix/client/v3/account/3pid/email/requestToken"


class Sent:
    """A request of Synapse's whose answer is sent at once."""

    def __init__(self, body: Any) -> None:
        self.method, self.path = b"POST", PATH.encode()
        self.content = BytesIO(body if isinstance(body, bytes) else json.dumps(body).encode())
        self.requester, self.args = None, {b"access_token": [b"a"]}
        self.then: Callable[[Any], None] = lambda _: None

    def getClientAddress(self) -> Any:
        return SimpleNamespace(host="192.0.2.1")

    def getHeader(self, _: str) -> None:
        return None

    def notifyFinish(self) -> Any:
        return self

    def addBoth(self, then: Callable[[Any], None]) -> None:
        self.then = then


@pytest.fixture
def judged() -> list[Any]:
    """What the service of the shadow was asked for."""
    return []


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch, judged: list[Any]) -> Callable[[Any], None]:
    """Has an endpoint of Synapse's answer 200, and its shadow see it."""
    metrics: list[Any] = []

    class Counter:
        def __init__(self, *_: object) -> None:
            self.labels = lambda *values: SimpleNamespace(inc=lambda: metrics.append(values))

    monkeypatch.setattr("prometheus_client.Counter", Counter)
    api = SimpleNamespace(delayed_background_call=lambda *_, **__: None)
    made = Shadow(api, None, Service(World().homeserver))  # type: ignore[arg-type]
    callbacks: list[Any] = []

    def register(resource: Any) -> None:
        pattern = SimpleNamespace(match=lambda path: path == PATH)
        callbacks.append(resource("POST", [pattern], lambda _: (200, {"sid": "x"})))

    inside = SimpleNamespace(serve_first=lambda register_on: register_on(None), watch=lambda _, wrap: register(wrap))
    made.watch(inside)  # type: ignore[arg-type]

    def see(body: Any) -> None:
        request = Sent(body)
        run_sync(callbacks[0](request))
        request.then(None)
        judged[:] = [*made._waiting]
        judged.extend(metrics)

    return see


def test_secrets_are_not_kept(watched: Callable[[Any], None], judged: list[Any]) -> None:
    """What waits to be judged has no ``auth``, password or token in it."""
    watched({"email": "a@example.org", "auth": {"password": "geheim"}, "token": "geheim", "id_access_token": "geheim"})
    (seen,) = judged
    assert json.loads(seen.request.body) == {"email": "a@example.org", "id_access_token": "removed"}
    assert "geheim" not in repr(seen)


@pytest.mark.parametrize(
    ("body", "errcode"),
    [(b"{", "M_NOT_JSON"), (b"[1]", "M_BAD_JSON"), (b'{"a": 1, "a": 2}', "M_BAD_JSON"), (b" " * 20_000, "M_TOO_LARGE")],
)
def test_a_wrong_body_stays_wrong(watched: Callable[[Any], None], judged: list[Any], body: bytes, errcode: str) -> None:
    """What is no object of JSON is answered as it would be, although nothing of it is kept."""
    watched(body)
    (seen,) = judged
    answer = run_sync(Service(World().homeserver).handle(seen.request))
    assert json.loads(answer.body)["errcode"] == errcode


def test_no_more_than_so_many_wait(watched: Callable[[Any], None], judged: list[Any]) -> None:
    """What comes while the queue is full is dropped and counted."""
    for _ in range(shadow._WAITING + 1):
        watched({"email": "a@example.org"})
    assert len(judged) == shadow._WAITING + 1
    assert judged[-1] == ("request_add_email_token", "dropped", "", "")
