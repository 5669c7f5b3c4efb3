"""What clients made of matrix-js-sdk do at an identity server: find it, log in, accept the terms, look people up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from matrix_threepid import IdentityServer, Medium, Peppers, Policy, Service, Threepid, run_sync
from matrix_threepid.hosts import Asgi
from matrix_threepid.identity import NamedSigner, TermsDocument, Translation, new_signing_key
from matrix_threepid.model.association import Association
from matrix_threepid.testing import GENEROUS, Outbox
from matrix_threepid.testing.world import PEPPER

from ..serving import served
from .program import Client, Refused

ALICE, BOB = "@alice:hs.example.org", "@bob:hs.example.org"
URLS = ["https://id.example.org/privacy-1.0.html", "https://id.example.org/privacy-1.0.de.html"]
PRIVACY = TermsDocument("1.0", {"en": Translation("Privacy", URLS[0]), "de": Translation("Datenschutz", URLS[1])})
OPENID = {"access_token": "alice", "matrix_server_name": "hs.example.org", "token_type": "Bearer", "expires_in": 60}


class Homeserver:
    """``OpenIdUsers``: the one homeserver there is, whose OpenID tokens are local parts."""

    async def user_of(self, server_name: str, access_token: str, caller: str) -> str:
        return f"@{access_token}:{server_name}"


@frozen
class Visitor:
    """Somebody with a client; ``url``: the identity server; ``role``: the same from inside."""

    client: Client
    url: str
    role: IdentityServer

    def call(self, function: str, *arguments: Any) -> Any:
        """Call a function of the client."""
        return self.client.do("visitor", "call", function, *arguments)

    def publish(self, address: str, mxid: str) -> None:
        """Put an association in place."""
        run_sync(self._publish(Association(Threepid(Medium.EMAIL, address), mxid, 0)))

    async def _publish(self, association: Association) -> None:
        await self.role.associations.put(association)

    def token(self) -> str:
        """Log in, and accept the terms."""
        token: str = self.call("registerWithIdentityServer", OPENID)["token"]
        self.call("agreeToTerms", "SERVICE_TYPE_IS", self.url, token, URLS[:1])
        return token


@pytest.fixture(scope="module")
def visitor(client: Client, files: Mapping[str, Path]) -> Iterator[Visitor]:
    """A client without a homeserver, and an identity server with terms."""
    role = IdentityServer(
        server_name="id.example.org",
        peppers=Peppers.of(PEPPER),
        policy=Policy(public_base_url="https://id.example.org", limits=GENEROUS),
        senders={Medium.EMAIL: Outbox()},
        openid=Homeserver(),
        terms={"privacy_policy": PRIVACY},
        signer=NamedSigner("id.example.org", new_signing_key("0")),
    )
    with served(Asgi(Service(role)), ssl_keyfile=files["key"], ssl_certfile=files["chain"]) as port:
        url = f"https://localhost:{port}"
        client.do("visitor", "connect", {"baseUrl": "https://hs.example.org", "idBaseUrl": url})
        yield Visitor(client, url, role)


def test_clients_discover_the_server(visitor: Visitor, homeserver: str) -> None:
    """AutoDiscovery takes the identity server that a homeserver names, and refuses one that is none."""
    named = {"m.homeserver": {"base_url": homeserver}, "m.identity_server": {"base_url": visitor.url}}
    found = visitor.client.do("visitor", "discover", named)
    assert (found["m.homeserver"]["state"], found["m.identity_server"]["state"]) == ("SUCCESS", "SUCCESS")
    named["m.identity_server"] = {"base_url": f"{visitor.url}/elsewhere"}
    assert visitor.client.do("visitor", "discover", named)["m.identity_server"]["state"] != "SUCCESS"


def test_terms_are_shown_and_accepted(visitor: Visitor) -> None:
    """A client logs in, hears that there are terms, shows them, and is let in once its person accepts them."""
    token = visitor.call("registerWithIdentityServer", OPENID)["token"]
    for function in ("getIdentityAccount", "getIdentityHashDetails"):
        with pytest.raises(Refused) as refused:
            visitor.call(function, token)
        assert refused.value.answer == (403, "M_TERMS_NOT_SIGNED")
    policies = visitor.call("getTerms", "SERVICE_TYPE_IS", visitor.url)["policies"]
    assert policies["privacy_policy"]["de"] == {"name": "Datenschutz", "url": URLS[1]}
    assert visitor.call("agreeToTerms", "SERVICE_TYPE_IS", visitor.url, token, URLS[1:]) == {}
    assert visitor.call("getIdentityAccount", token) == {"user_id": ALICE}
    with pytest.raises(Refused) as refused:
        visitor.call("getIdentityAccount", "another")
    assert refused.value.answer == (401, "M_UNAUTHORIZED")


def test_people_are_looked_up(visitor: Visitor) -> None:
    """The client hashes addresses as the server says, and finds those that are published."""
    token = visitor.token()
    visitor.publish("bob@example.org", BOB)
    details = visitor.call("getIdentityHashDetails", token)
    assert details["algorithms"] == ["sha256"]
    found = visitor.call("lookupThreePid", "email", "bob@example.org", token)
    assert (found["address"], found["medium"], found["mxid"]) == ("bob@example.org", "email", BOB)
    assert visitor.call("lookupThreePid", "email", "nobody@example.org", token) == {}
    asked = [["email", "bob@example.org"], ["email", "nobody@example.org"], ["msisdn", "447700900123"]]
    assert visitor.call("bulkLookupThreePids", asked, token)["threepids"] == [["email", "bob@example.org", BOB]]
