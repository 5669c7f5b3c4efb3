"""``RequestVerifierContract``: the promises of the port ``RequestVerifier``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from attrs import evolve

from ...identity.signed_requests import RequestSigner
from ...identity.signing import SigningKey, new_signing_key
from ...ports import RequestVerifier
from ...protocol.errors import Forbidden, Unauthorized, Unavailable
from ...protocol.wire import Request
from .base import Contract

OWN_NAME, ORIGIN = "id.example.org", "hs.example.org"
_V2, _V1 = "/_matrix/identity/v2/3pid/unbind", "/_matrix/identity/api/v1/3pid/unbind"
_BODY: Mapping[str, Any] = {"mxid": "@alice:hs.example.org", "threepid": {"medium": "email", "address": "a@b.example"}}
_CHANGES: dict[str, tuple[dict[str, Any], Mapping[str, Any]]] = {
    "another method": ({"method": "PUT"}, _BODY),
    "another path": ({"path": f"{_V2}/"}, _BODY),
    "a query": ({"query": "a=b"}, _BODY),
    "another user": ({}, {**_BODY, "mxid": "@bob:hs.example.org"}),
    "another address": ({}, {**_BODY, "threepid": {"medium": "email", "address": "c@b.example"}}),
    "one member more": ({}, {**_BODY, "more": 1}),
    "no body": ({}, {}),
}
_HEADERS: dict[str, str | None] = {
    "none": None,
    "empty": "",
    "a token": "Bearer abc",
    "no signature": 'X-Matrix origin="hs.example.org",key="ed25519:a_1"',
    "half a header": 'X-Matrix origin="hs.exa',
    "no base64": 'X-Matrix origin="hs.example.org",key="ed25519:a_1",sig="\u00e9"',
    "another algorithm": 'X-Matrix origin="hs.example.org",key="rsa:a_1",sig="AAAA"',
    "an empty signature": 'X-Matrix origin="hs.example.org",key="ed25519:a_1",sig=""',
}


class KnownKeys:
    """``ServerKeys`` of one homeserver.

    * ``away``: whether keys cannot be fetched at the moment.
    """

    def __init__(self, origin: str, key: SigningKey) -> None:
        self._known = {(origin, key.id): key.public}
        self.away = False

    async def find(self, server_name: str, key_id: str) -> str | None:
        """Return a key of this homeserver."""
        if self.away:
            raise Unavailable
        return self._known.get((server_name, key_id))


class RequestVerifierContract(Contract):
    """The contract of ``RequestVerifier``. Needs the extra ``signing``.

    * ``make_verifier`` (fixture): a function from the server's own name and ``ServerKeys`` to a ``RequestVerifier``.
    """

    @pytest.fixture
    def key(self) -> SigningKey:
        """The homeserver's key."""
        return new_signing_key("a_1")

    @pytest.fixture
    def keys(self, key: SigningKey) -> KnownKeys:
        """The keys that homeservers publish."""
        return KnownKeys(ORIGIN, key)

    @pytest.fixture
    def verifier(self, make_verifier: Any, keys: KnownKeys) -> RequestVerifier:
        """The verifier of ``id.example.org``."""
        made: RequestVerifier = make_verifier(OWN_NAME, keys)
        return made

    @pytest.mark.parametrize("path", [_V2, _V1])
    def test_a_good_signature_names_who_signed(self, verifier: RequestVerifier, key: SigningKey, path: str) -> None:
        """The homeserver that signed this request for us is returned, for either version of the API."""
        assert self.do(verifier.origin, self.signed(key, path=path), _BODY) == ORIGIN

    @pytest.mark.parametrize(("change", "body"), _CHANGES.values(), ids=_CHANGES)
    def test_the_signature_covers_the_request(
        self, verifier: RequestVerifier, key: SigningKey, change: dict[str, Any], body: Mapping[str, Any]
    ) -> None:
        """A signature is for one method, path, query and body."""
        self._refused(verifier, evolve(self.signed(key), **change), body)

    def test_a_signature_for_another_server_is_refused(self, verifier: RequestVerifier, key: SigningKey) -> None:
        """A signature for another identity server is refused, whatever the header names as destination."""
        elsewhere = self.signed(key, destination="other.example.org")
        self._refused(verifier, elsewhere)
        renamed = elsewhere.headers["authorization"].replace("other.example.org", OWN_NAME)
        self._refused(verifier, evolve(elsewhere, headers={"authorization": renamed}))

    @pytest.mark.parametrize("origin", ["evil.example.org", "HS.example.org", ""])
    def test_nobody_signs_for_another(self, verifier: RequestVerifier, key: SigningKey, origin: str) -> None:
        """A signature of one server does not count for another server."""
        self._refused(verifier, self.signed(key, origin=origin))
        good = self.signed(key).headers["authorization"]
        renamed = good.replace(f'origin="{ORIGIN}"', f'origin="{origin}"')
        self._refused(verifier, evolve(self.signed(key), headers={"authorization": renamed}))

    def test_another_key_of_the_same_name_is_refused(self, verifier: RequestVerifier) -> None:
        """Only the key that the homeserver publishes counts."""
        self._refused(verifier, self.signed(new_signing_key("a_1")))
        self._refused(verifier, self.signed(new_signing_key("a_2")))

    @pytest.mark.parametrize("header", _HEADERS.values(), ids=_HEADERS)
    def test_without_a_signature_nobody_is_named(self, verifier: RequestVerifier, header: str | None) -> None:
        """A missing, malformed or foreign header is refused, and no other exception is raised."""
        headers = {} if header is None else {"authorization": header}
        self._refused(verifier, Request("POST", _V2, headers))

    def test_keys_that_cannot_be_had_are_no_refusal(
        self, verifier: RequestVerifier, key: SigningKey, keys: KnownKeys
    ) -> None:
        """A key that cannot be fetched raises ``Unavailable``, so that the homeserver may try again."""
        keys.away = True
        with pytest.raises(Unavailable):
            self.do(verifier.origin, self.signed(key), _BODY)

    def signed(self, key: SigningKey, **changes: str) -> Request:
        """Return a signed request; ``path``, ``origin`` and ``destination`` may be given."""
        path, origin = changes.get("path", _V2), changes.get("origin", ORIGIN)
        header = RequestSigner(origin, key).sign("POST", path, changes.get("destination", OWN_NAME), _BODY)
        return Request("POST", path, {"authorization": header})

    def _refused(self, verifier: RequestVerifier, request: Request, body: Mapping[str, Any] = _BODY) -> None:
        with pytest.raises((Unauthorized, Forbidden)):
            self.do(verifier.origin, request, body)
