"""Twilio's own client (https://www.twilio.com/docs/libraries/reference/twilio-python/) over our port ``Fetch``.

Twilio's asynchronous transport needs aiohttp, hence asyncio; over ``Fetch`` the client runs under any loop or none, and
under our deadline. Imported when the first sender is made, because ``twilio.rest`` takes more than 100 ms to import.
"""

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
from ._outcomes import TwilioFailed

_log = logging.getLogger("matrix_threepid.senders.twilio.sender")
# The client reads missing values, such as the region, from `os.environ` unless it is given another mapping, and it
# takes an empty mapping for a missing one.
_NOT_THE_ENVIRONMENT = {"": ""}
_ODD = (ValueError, TypeError, KeyError, AttributeError)
"""What the client raises for an answer that is not JSON, or not the JSON it expects."""


@frozen
class Account:
    """A Twilio account, and the way to Twilio.

    * ``sid``: the SID of the account, which begins with AC.
    * ``token``: the auth token of the account.
    * ``fetch``: makes the requests.
    * ``base_url``: a URL in place of Twilio's own hosts; ``None``: those.
    """

    sid: str
    token: str = field(repr=redacted)
    fetch: Fetch
    base_url: str | None

    async def ask(self, deadline: int, question: Callable[[Any], Awaitable[Any]]) -> Any:
        """Have a client make one request, and return the client's answer.

        * ``deadline``: the ms that the request may take.
        * ``question``: calls a method of the client that it is given, and returns the awaitable of that.

        Raises ``TwilioFailed`` if the request was not answered, or not with success.
        """
        transport = FetchTransport(self.fetch, deadline)
        try:
            return await question(self._client(transport))
        except (TwilioException, ConnectionError, *_ODD) as error:
            # Without the cause: Twilio's exceptions quote its answer, which may hold the number.
            raise TwilioFailed(transport.answer, getattr(error, "code", None)) from None

    def _client(self, transport: FetchTransport) -> Any:
        # A client for each request, as its transport holds the deadline and the answer of one request.
        client = Client(self.sid, self.token, http_client=transport, environment=_NOT_THE_ENVIRONMENT)
        if self.base_url is not None:
            client.api.base_url = client.verify.base_url = self.base_url
        return client


class FetchTransport(AsyncHttpClient):  # type: ignore[misc]
    """The transport of Twilio's client, over a ``Fetch``.

    * ``fetch``: makes the requests.
    * ``deadline``: the ms that a request may take.
    * ``answer``: the reply or failure of the last request; ``None`` before the first.
    """

    def __init__(self, fetch: Fetch, deadline: int) -> None:
        super().__init__(_log, True)
        self._fetch, self._deadline = fetch, deadline
        self.answer: HttpReply | HttpFailure | None = None

    async def request(  # noqa: PLR0913, PLR0917  the signature is that of AsyncHttpClient
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
        """Make one request. Raises ``ConnectionError`` if it is not answered; ``answer`` says why."""
        target = f"{url}?{urlencode(params, doseq=True)}" if params else url
        body = urlencode(data, doseq=True).encode() if data else None
        sent = {**(headers or {}), **(_authorization(*auth) if auth else {})}
        # `timeout` is not used: the deadline covers the whole request, and redirects are never followed.
        self.answer = await self._fetch.fetch(request_to(method, target, tuple(sent.items()), body), self._deadline)
        if isinstance(self.answer, HttpFailure):
            raise ConnectionError
        return Response(self.answer.status, self.answer.body.decode("utf-8", "replace"))


def _authorization(username: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{username}:{password}".encode()).decode()}
