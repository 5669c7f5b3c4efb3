"""The certificates with which Amazon SNS signs, fetched from its own hosts and kept."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import datetime, timezone
from typing import Any, TypeAlias

from ..net.direct_https import request_to
from ..net.fetch import Fetch, HttpFailure
from ..protocol.errors import Unavailable

_URL = re.compile(
    r"https://sns\.(?P<region>[a-z0-9-]{3,32})\.amazonaws\.com(?:\.cn)?/SimpleNotificationService-[0-9a-f]{16,64}\.pem"
)
_DEADLINE = 5_000
Charge: TypeAlias = Callable[[], Awaitable[None]]
"""Charges a request that makes this server call another. Raises ``LimitExceeded``."""
_KEPT = 4
_AT_ONCE = 4
"""The certificates that are fetched at once."""


class Certificates:
    """The public keys of the certificates of one region.

    * ``region``: the region of the topic; certificates of others are not fetched.
    * ``fetch``: makes the requests.
    """

    def __init__(self, region: str, fetch: Fetch) -> None:
        self._region, self._fetch = region, fetch
        self._kept: dict[str, Any] = {}
        self._fetching: set[str] = set()

    async def key(self, url: object, now: int, charge: Charge) -> Any:
        """Return the public key of the certificate at a URL; ``None`` if that is no certificate of the signer.

        * ``url``: what the message names.
        * ``now``: the time in ms.
        * ``charge``: awaited before a certificate is fetched.

        Raises ``Unavailable`` if it cannot be fetched now, so that the provider tries again, and what ``charge`` does.
        """
        shape = _URL.fullmatch(url) if isinstance(url, str) else None
        if shape is None or shape["region"] != self._region:
            return None
        certificate = self._kept.get(shape[0])
        if certificate is None:
            certificate = await self._fetch_one(shape[0], charge)
            if certificate is None:
                return None
            while len(self._kept) >= _KEPT:
                self._kept.pop(next(iter(self._kept)))
            self._kept[shape[0]] = certificate
        moment = datetime.fromtimestamp(now / 1000, timezone.utc)
        valid = certificate.not_valid_before_utc <= moment <= certificate.not_valid_after_utc
        return certificate.public_key() if valid else None

    async def _fetch_one(self, url: str, charge: Charge) -> Any:
        from cryptography.x509 import load_pem_x509_certificate

        # Strangers can name any number of certificates. A pause between fetches would let them keep the signer's own,
        # so what counts is who asks.
        if url in self._fetching or len(self._fetching) >= _AT_ONCE:
            raise Unavailable
        self._fetching.add(url)
        try:
            await charge()
            reply = await self._fetch.fetch(request_to("GET", url, (), None), _DEADLINE)
        finally:
            self._fetching.discard(url)
        if isinstance(reply, HttpFailure) or reply.cut is not None or reply.status >= 500:
            raise Unavailable
        if reply.status != 200:
            return None
        try:
            return load_pem_x509_certificate(reply.body)
        except ValueError:
            return None
