"""The client-server API as a client uses it: calls with a token, and user-interactive authentication."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from .browser import Answer, Failed, fetch

BASE = "/_matrix/client/v3"
Stage = Mapping[str, Any]
"""What completes a stage of user-interactive authentication: ``auth`` without its ``session``."""


class Client:
    """A client of the server at ``url``."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._token: str | None = None

    def send(self, method: str, path: str, body: Any = None) -> Answer:
        """Make a call; ``path`` is below ``/_matrix/client/v3`` unless it starts with ``/_``."""
        whole = path if path.startswith("/_matrix") else f"{BASE}{path}"
        return answered(method, self.url + whole, body, self._token)

    def call(self, method: str, path: str, body: Any = None, expected: int = 200) -> Any:
        """Make a call and return its JSON. Raises ``Failed`` for another status."""
        answer = self.send(method, path, body)
        expect_status(answer, f"{method} {path}", expected)
        return answer.json()

    def refused(self, path: str, body: Any, *errcodes: str) -> Answer:
        """Make a POST that must be refused with one of these errcodes; with any errcode if none is given."""
        return expect_refusal(self.send("POST", path, body), f"POST {path}", *errcodes)

    def interactive(self, path: str, body: Mapping[str, Any], *stages: Stage) -> Answer:
        """Make a POST with user-interactive authentication; return the answer to the last stage that can be completed.

        Raises ``Failed`` if the server asks for no authentication. Source: `user-interactive authentication
        <https://spec.matrix.org/latest/client-server-api/#user-interactive-authentication-api>`__.
        """
        answer = self.send("POST", path, body)
        if answer.status < 400:
            raise Failed(f"POST {path} asked for no authentication, and answered {answer.told}")
        offered = {stage["type"]: stage for stage in stages}
        while (stage := _next(answer, offered)) is not None:
            answer = self.send("POST", path, {**body, "auth": {**stage, "session": answer.member("session")}})
        return answer

    def authenticated(self, path: str, body: Mapping[str, Any], *stages: Stage) -> Answer:
        """Make a POST and complete its user-interactive authentication. Raises ``Failed``."""
        answer = self.interactive(path, body, *stages)
        expect_status(answer, f"POST {path}")
        return answer


def _next(answer: Answer, offered: dict[str, Stage]) -> Stage | None:
    """Return the ``auth`` of ``offered`` for the next stage of a flow that can be completed; ``None`` without one."""
    state = answer.json() if answer.status == 401 else {}
    done = state.get("completed", [])
    for flow in state.get("flows", ()):
        left = [stage for stage in flow["stages"] if stage not in done]
        if left and all(stage in offered for stage in left):
            return offered.pop(left[0])
    return None


def answered(method: str, url: str, body: Any, token: str | None) -> Answer:
    """Make a call with a JSON body (or bytes, unchanged) and an access token, if they are given."""
    headers = {"Content-Type": "application/json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    raw = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    return fetch(method, url, raw, follow=True, **headers)


def expect_status(answer: Answer, call: str, *statuses: int) -> Answer:
    """Return the answer. Raises ``Failed`` unless it has one of these statuses (default: 200)."""
    if answer.status not in (statuses or (200,)):
        raise Failed(f"{call} answered {answer.told}, not {_either(statuses or (200,))}")
    return answer


def expect_refusal(answer: Answer, call: str, *errcodes: str) -> Answer:
    """Return the answer. Raises ``Failed`` unless it is a 4xx with one of these error codes, or with any."""
    named = answer.errcode is not None and (not errcodes or answer.errcode in errcodes)
    if not 400 <= answer.status < 500 or not named:
        raise Failed(f"{call} answered {answer.told}, not 4xx with {_either(errcodes or ('an errcode',))}")
    return answer


def _either(values: Sequence[object]) -> str:
    return " or ".join(map(str, values))
