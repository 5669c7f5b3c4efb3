"""Twilio's own client over our HTTP port. Imported when the first sender is made: it is heavy."""

from __future__ import annotations

import logging
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from attrs import field, frozen
from twilio.base.exceptions import TwilioException
from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from ...net.direct_https import request_to
from ...net.fetch import Fetch, HttpFailure, HttpReply
from ...protocol.members import redacted
from ._outcomes import Trouble

_log = logging.getLogger("matrix_threepid.senders.twilio.sender")
# The client takes what is not given from the environment unless it is given another one, and an empty one is none.
_NOT_THE_ENVIRONMENT = {"": ""}
_ODD = (ValueError, TypeError, KeyError, AttributeError)
"""What the client raises for an answer that is no JSON, or other JSON than it expects."""


@frozen
class Account:
    """Whose messages they are, and how they get there. ``base_url``: in place of Twilio's own hosts."""

    sid: str
    token: str = field(repr=redacted)
    fetch: Fetch
    base_url: str | None

    async def ask(self, deadline: int, question: Callable[[Any], Awaitable[Any]]) -> Any:
        """Have a client make one request, which may take so many ms; return what it answers. Raises ``Trouble``."""
        bridge = Bridge(self.fetch, deadline)
        try:
            return await question(self._client(bridge))
        except (TwilioException, ConnectionError, *_ODD) as error:
            raise Trouble(bridge.came, getattr(error, "code", None)) from None

    def _client(self, bridge: Bridge) -> Any:
        client = Client(self.sid, self.token, http_client=bridge, environment=_NOT_THE_ENVIRONMENT)
        if self.base_url is not None:
            client.api.base_url = client.verify.base_url = self.base_url
        return client


class Bridge(AsyncHttpClient):  # type: ignore[misc]
    """What Twilio's client sends its requests with. ``came``: what came of the last."""

    def __init__(self, fetch: Fetch, deadline: int) -> None:
        super().__init__(_log, True)
        self._fetch, self._deadline = fetch, deadline
        self.came: HttpReply | HttpFailure | None = None

    async def request(  # noqa: PLR0913, PLR0917  the client calls it so
        self,
        method: str,
        url: str,
        params: Mapping[str, object] | None = None,
        data: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        """Make one request. Raises ``ConnectionError``."""
        target = f"{url}?{urlencode(params, doseq=True)}" if params else url
        body = urlencode(data, doseq=True).encode() if data else None
        sent = {**(headers or {}), **(_authorization(*auth) if auth else {})}
        self.came = await self._fetch.fetch(request_to(method, target, tuple(sent.items()), body), self._deadline)
        if isinstance(self.came, HttpFailure):
            raise ConnectionError
        return Response(self.came.status, self.came.body.decode("utf-8", "replace"))


def _authorization(username: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{username}:{password}".encode()).decode()}
