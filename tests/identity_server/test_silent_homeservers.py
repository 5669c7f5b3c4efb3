"""An identity server over HTTP, wired as the docs show, asked to look up the keys of a homeserver that says nothing."""

from __future__ import annotations

import ssl
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from interop.http import Client
from interop.serving import served

from matrix_threepid import Medium, Peppers, Policy, Service
from matrix_threepid.hosts.asgi import Asgi
from matrix_threepid.identity.key_lookup import KeyLookup
from matrix_threepid.identity.signed_requests import RequestSigner, XMatrixVerifier
from matrix_threepid.identity.signing import NamedSigner
from matrix_threepid.net.safe_https import PinnedHttps
from matrix_threepid.roles.identity_server import IdentityServer
from matrix_threepid.testing import ALICE, FakeCallers, Outbox
from matrix_threepid.testing.rogue import PATIENCE, Heard, Names, RogueServer, answer, authority, certified
from matrix_threepid.testing.world import PEPPER

from .acting import HS_KEY, KEY, NAME, wanted

UNBIND, VALIDATED = "/_matrix/identity/v2/3pid/unbind", "/_matrix/identity/v2/3pid/getValidated3pid"
HERE = "127.0.0.1"


class Silent:
    """A homeserver that answers when it is ``told``; ``asked``: whether it was asked for its keys."""

    def __init__(self) -> None:
        self.asked, self.told = Event(), Event()

    def answers(self, _: Heard) -> bytes:
        self.asked.set()
        self.told.wait(PATIENCE)
        return answer(404, b"{}")


def identity_server(port: int) -> IdentityServer:
    context = ssl.create_default_context()
    authority().configure_trust(context)
    fetch = PinnedHttps(
        ports=[port], allow_addresses=[HERE], context=context, resolve=Names({"hs.example.org": (HERE,)})
    )
    return IdentityServer(
        server_name=NAME,
        peppers=Peppers.of(PEPPER),
        policy=Policy(public_base_url=f"https://{NAME}"),
        senders={Medium.EMAIL: Outbox()},
        callers=FakeCallers(),
        signer=NamedSigner(NAME, KEY),
        verifier=XMatrixVerifier([NAME], KeyLookup(fetch=fetch)),
    )


def test_a_silent_homeserver_stops_nobody_else() -> None:
    """While the keys for one unbind are being looked up, other requests are answered; then the unbind is."""
    silent = Silent()
    with (
        RogueServer(certified("hs.example.org"), silent.answers).serving() as homeserver,
        served(Asgi(Service(identity_server(homeserver.port)))) as port,
        ThreadPoolExecutor(1) as stranger,
    ):
        signer = RequestSigner(f"hs.example.org:{homeserver.port}", HS_KEY)
        body = wanted(mxid=f"{ALICE.partition(':')[0]}:{signer.server_name}")
        headers = {"Authorization": signer.sign("POST", UNBIND, NAME, body)}
        unbinding = stranger.submit(Client(port).call, "POST", UNBIND, body, headers=headers)
        try:
            assert silent.asked.wait(PATIENCE)
            assert Client(port).call("GET", VALIDATED).refusal == (401, "M_UNAUTHORIZED")
            assert not unbinding.done()
        finally:
            silent.told.set()
        assert unbinding.result().refusal == (503, "M_UNKNOWN")
