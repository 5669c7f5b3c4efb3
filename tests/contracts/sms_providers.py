"""Providers of SMS on loopback that behave as a contract tells them."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from urllib.parse import parse_qs

from sms.gateway import CREATED, TO, error

from matrix_threepid.net.direct_https import DirectHttp
from matrix_threepid.testing.contracts.providers import Arrived, Behaviour
from matrix_threepid.testing.rogue import Heard, RogueServer, Said, answer, authority, certified, drip, hang_up, silence


@cache
def _context() -> ssl.SSLContext:
    return ssl.create_default_context(cadata=authority().cert_pem.bytes().decode())


def trusting() -> DirectHttp:
    """Return a client that believes these providers and nobody else."""
    return DirectHttp(context=_context())


TROUBLES: dict[Behaviour, Said] = {
    Behaviour.GARBAGE: b"what?\r\n\r\n",
    Behaviour.HANG: silence,
    Behaviour.DRIP: drip(b"HTTP/1.1 201 Created\r\nA: ", b"x"),
    Behaviour.LOSE: hang_up,
}
_QUOTING = json.dumps({"error": f"not to {TO}"}).encode()
GATEWAY = {
    Behaviour.ACCEPT: answer(202),
    Behaviour.REFUSE_FOR_EVER: answer(422, _QUOTING),
    Behaviour.REFUSE_FOR_NOW: answer(429, _QUOTING),
}
TWILIO = {
    Behaviour.ACCEPT: CREATED,
    Behaviour.REFUSE_FOR_EVER: error(400, 21211),
    Behaviour.REFUSE_FOR_NOW: error(429, 20429),
}
ACTIVE = answer(200, b'{"status": "active"}')


def read_json(heard: Heard) -> Arrived:
    """Return what a gateway makes of a JSON body."""
    body = json.loads(heard.body)
    return Arrived(recipients=(body["to"],), text=body["text"], headers=heard.headers)


def read_form(heard: Heard) -> Arrived:
    """Return what Twilio makes of a form."""
    form = parse_qs(heard.body.decode(), keep_blank_values=True)
    recipients = tuple(to.removeprefix("+") for to in form["To"])
    return Arrived(recipients=recipients, text=form.get("Body", [""])[0], headers={**heard.headers, **_lower(form)})


def _lower(form: dict[str, Any]) -> dict[str, str]:
    return {name.lower(): values[0] for name, values in form.items()}


class SmsProvider:
    """A ``VerifyingProvider`` over TLS. ``says``: what it answers; ``read``: how it reads a message."""

    def __init__(self, says: dict[Behaviour, bytes], read: Callable[[Heard], Arrived]) -> None:
        self.arrived: list[Arrived] = []
        self.asked: list[tuple[str, str]] = []
        self._says, self._read = {**TROUBLES, **says}, read
        self._good = certified("localhost")
        self.server = RogueServer(self._good, self._answer)
        self._expected: dict[str, str] = {}
        self.how = Behaviour.ACCEPT

    @property
    def url(self) -> str:
        return f"https://localhost:{self.server.port}"

    def behave(self, how: Behaviour) -> None:
        self.how = how
        self.server.context = None if how is Behaviour.AWAY else self._good

    def expect(self, recipient: str, code: str) -> None:
        self._expected[recipient] = code

    @contextmanager
    def serving(self) -> Iterator[SmsProvider]:
        """Serve until the block ends."""
        with self.server.serving():
            yield self

    def _answer(self, heard: Heard) -> Said:
        if heard.method == "GET":
            return ACTIVE if self.how is Behaviour.ACCEPT else self._says[self.how]
        if heard.path.endswith("VerificationCheck"):
            return self._checked(parse_qs(heard.body.decode(), keep_blank_values=True))
        self.arrived.append(self._read(heard))
        return self._says[self.how]

    def _checked(self, form: dict[str, list[str]]) -> Said:
        (to,), (code,) = form["To"], form["Code"]
        recipient = to.removeprefix("+")
        self.asked.append((recipient, code))
        if self.how is not Behaviour.ACCEPT:
            return self._says[self.how]
        status = "approved" if self._expected.get(recipient) == code else "pending"
        return answer(201, json.dumps({"sid": "VE1", "status": status}).encode())
