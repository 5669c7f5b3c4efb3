"""Mail servers, providers and identity servers behind an outgoing HTTP proxy."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread

import pytest
from attrs import field, frozen
from sms.gateway import gateway, through, told, trusting
from smtp.messages import SENDER, SERVER_NAME
from smtp.messages import told as mail
from smtp.sink import sink

from matrix_threepid import ConfigurationError, Policy, run_sync
from matrix_threepid.identity import Failure, HttpFailure, HttpRequest, PinnedHttps
from matrix_threepid.model.message import Accepted, RefusedForNow
from matrix_threepid.net.tunnel import Proxy
from matrix_threepid.senders import SmtpSender
from matrix_threepid.settings import IdentityServerSettings, PolicySettings, SmtpSettings, TwilioSettings, read


@frozen
class Tunnels:
    """A proxy on loopback: where it is, and the heads of the requests that it got."""

    port: int
    heard: list[str] = field(factory=list)

    def url(self, login: str = "") -> str:
        return f"http://{login}127.0.0.1:{self.port}"


@contextmanager
def proxy(answer: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n") -> Iterator[Tunnels]:
    """Connect every request to loopback, whatever host it names; with another answer, end after that."""
    listener = socket.create_server(("127.0.0.1", 0))
    tunnels = Tunnels(listener.getsockname()[1])

    def pump(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def serve(client: socket.socket) -> None:
        with client:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += client.recv(1)
            tunnels.heard.append(head.decode())
            client.sendall(answer)
            if b" 200 " not in answer:
                return
            port = int(head.split()[1].rpartition(b":")[2])
            with socket.create_connection(("127.0.0.1", port)) as target:
                back = Thread(target=pump, args=(target, client))
                back.start()
                pump(client, target)
                back.join()

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                thread = Thread(target=serve, args=(client,))
                threads.append(thread)
                thread.start()

    threads: list[Thread] = []
    accepting = Thread(target=accept)
    accepting.start()
    try:
        yield tunnels
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join()
        for thread in threads:
            thread.join()


def test_sms_go_through_the_proxy() -> None:
    """The proxy gets the host's name and the login; TLS is with the provider."""
    with proxy() as tunnels, gateway() as server:
        fetch = trusting(proxy=tunnels.url("user:p%40ss@"))
        assert isinstance(run_sync(through(server, fetch=fetch).send(told())), Accepted)
        fetch.close()
        (head,) = tunnels.heard
        assert head.startswith(f"CONNECT localhost:{server.port} HTTP/1.1\r\nHost: localhost:{server.port}\r\n")
        assert "Proxy-Authorization: Basic dXNlcjpwQHNz\r\n" in head
        assert "p@ss" not in repr(fetch)


def test_mails_go_through_the_proxy() -> None:
    """The proxy connects to the mail server by its name."""
    with proxy() as tunnels, sink() as server:
        sender = SmtpSender(
            "localhost", server.port, sender=SENDER, server_name=SERVER_NAME, tls="off", proxy=tunnels.url()
        )
        assert isinstance(run_sync(sender.send(mail())), Accepted)
        sender.close()
        assert tunnels.heard[0].startswith(f"CONNECT localhost:{server.port} HTTP/1.1\r\n")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
        b"HTTP/1.1 502 Bad Gateway\r\n\r\n",
        b"\r\n\r\n",
        b"",
    ],
)
def test_a_proxy_that_makes_no_tunnel_is_an_outage(answer: bytes) -> None:
    """Nothing was sent, so the message may be sent again."""
    with proxy(answer) as tunnels:
        sender = SmtpSender("localhost", 25, sender=SENDER, server_name=SERVER_NAME, tls="off", proxy=tunnels.url())
        assert isinstance(run_sync(sender.send(mail())), RefusedForNow)
        fetch = trusting(proxy=tunnels.url())
        request = HttpRequest(method="GET", host="a.example", port=443, authority="a.example", path="/")
        answered = run_sync(fetch.fetch(request, 5000))
        assert isinstance(answered, HttpFailure)
        assert answered.kind is Failure.REFUSED


def test_identity_servers_behind_a_proxy_need_a_list() -> None:
    """The proxy looks names up behind our checks of addresses, so it is refused without a list."""
    with pytest.raises(ConfigurationError, match="needs the list of identity servers"):
        PinnedHttps(proxy="http://127.0.0.1:1")
    settings = read(IdentityServerSettings, {"proxy": "http://127.0.0.1:1"})
    with pytest.raises(ConfigurationError, match=r"policy\.identity_servers"):
        settings.fetch(allowed=Policy().identity_servers)
    with proxy(b"HTTP/1.1 502 Bad Gateway\r\n\r\n") as tunnels:
        policy = read(PolicySettings, {"identity_servers": ["id.example", "b.example:8448"]}).policy(None)
        settings = read(IdentityServerSettings, {"proxy": tunnels.url(), "ports": [8448]})
        fetch = settings.fetch(allowed=policy.identity_servers)
        for host, port in (("id.example", 443), ("b.example", 8448), ("b.example", 443), ("c.example", 443)):
            request = HttpRequest(method="GET", host=host, port=port, authority=host, path="/")
            answered = run_sync(fetch.fetch(request, 5000))
            assert isinstance(answered, HttpFailure)
            assert (answered.kind is Failure.BLOCKED) is (host == "c.example" or (host, port) == ("b.example", 443))
        assert [head.split()[1] for head in tunnels.heard] == ["id.example:443", "b.example:8448"]


@pytest.mark.parametrize(
    "url",
    ["https://proxy.example:3128", "http://proxy.example", "http://proxy.example:3128/path", "http://:1", "proxy:3128"],
)
def test_what_is_no_proxy_is_refused(url: str) -> None:
    """A proxy is a host and a port by plain HTTP; anything else is refused when it is wired, without its password."""
    with pytest.raises(ConfigurationError, match=r"^proxy: must be http://host:port"):
        Proxy.at(url)
    with pytest.raises(ConfigurationError, match="only with TLS"):
        trusting(proxy="http://127.0.0.1:1", tls=False)
    smtp = {"host": "a", "from": "a@b.example", "proxy": "http://u:topsecret@a:1/x"}
    with pytest.raises(ConfigurationError) as refused:
        read(SmtpSettings, smtp)
    assert "topsecret" not in str(refused.value)


def test_settings_hand_their_proxy_on() -> None:
    """The proxy of a section reaches its sender."""
    smtp = read(SmtpSettings, {"host": "a.example", "from": "a@b.example", "proxy": "http://a:1"})
    assert smtp.sender("b.example").tunnel == Proxy("a", 1)
    twilio = {"account_sid": "AC0", "auth_token": "t", "from": "+15005550006", "proxy": "http://a:1"}
    assert read(TwilioSettings, twilio).sender().fetch.proxy == "http://a:1"
