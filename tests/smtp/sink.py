"""A real mail server (aiosmtpd) that keeps what it is sent and counts what it hears."""

from __future__ import annotations

import socket
import ssl
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

OK = "250 OK"


class Sink:
    """What arrived. ``answers``: by command, in place of the usual ones."""

    def __init__(self, answers: dict[str, str]) -> None:
        self.mails: list[Envelope] = []
        self.heard: Counter[str] = Counter()
        self.answers = answers
        self.port = 0

    def last(self) -> bytes:
        """Return the mail that came last, as it was on the wire."""
        return bytes(self.mails[-1].original_content or b"")

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return self.answers.get("MAIL", OK)

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self.answers.get("RCPT", OK)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.mails.append(envelope)
        return self.answers.get("DATA", OK)


class _Counting(SMTP):
    def connection_made(self, transport: Any) -> None:
        if self.transport is None:
            self.event_handler.heard["connection"] += 1
        super().connection_made(transport)

    async def smtp_MAIL(self, arg: str) -> None:
        self.event_handler.heard["MAIL"] += 1
        await super().smtp_MAIL(arg)

    async def smtp_RCPT(self, arg: str) -> None:
        self.event_handler.heard["RCPT"] += 1
        await super().smtp_RCPT(arg)

    async def smtp_DATA(self, arg: str) -> None:
        self.event_handler.heard["DATA"] += 1
        await super().smtp_DATA(arg)

    async def smtp_AUTH(self, arg: str) -> None:
        self.event_handler.heard["AUTH"] += 1
        await super().smtp_AUTH(arg)


class _Controller(Controller):
    def factory(self) -> SMTP:
        return _Counting(self.handler, **self.SMTP_kwargs)


@contextmanager
def sink(answers: dict[str, str] | None = None, **options: Any) -> Iterator[Sink]:
    """Run a mail server on a free port. ``options``: aiosmtpd's."""
    handler = Sink(answers or {})
    handler.port = free_port()
    controller = _Controller(handler, hostname="127.0.0.1", port=handler.port, server_hostname="localhost", **options)
    controller.start()
    handler.heard.clear()  # starting makes a connection of its own
    try:
        yield handler
    finally:
        controller.stop()


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@cache
def authority() -> trustme.CA:
    """Return the certificate authority of these tests."""
    return trustme.CA()


def trusting() -> ssl.SSLContext:
    """Return a client's context that trusts ``authority``."""
    return ssl.create_default_context(cadata=authority().cert_pem.bytes().decode())


def certified(name: str = "localhost", ca: trustme.CA | None = None, **options: Any) -> ssl.SSLContext:
    """Return a server's context with a certificate for a name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    (ca or authority()).issue_cert(name, **options).configure_cert(context)
    return context


def knows_bob(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    """Let ``bob`` in with the password ``builder``."""
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"bob", b"builder")
    return AuthResult(success=good, handled=good)
