"""What stands around the servers, cheap to run: a mail server that accepts everything, an identity server over TLS."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from typing import Any
from urllib.parse import parse_qs, urlsplit

from attrs import define, field

from .client import WrongError

_LINK = re.compile(r"https?://[^\s\"'<>]+[?&]token=[^\s\"'<>]+")
_PATIENCE = 5.0
Session = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


@define(eq=False)
class Mails:
    """The mails that came, by recipient. ``port``: where it listens."""

    port: int = 0
    came: dict[str, list[bytes]] = field(factory=dict, repr=False)
    _waiting: dict[str, asyncio.Event] = field(factory=dict, repr=False)

    async def link(self, recipient: str) -> str:
        """Return the target of the link in the last mail; wait for a mail. Raises ``WrongError`` if none comes."""
        if recipient not in self.came:
            try:
                await asyncio.wait_for(self._waiting.setdefault(recipient, asyncio.Event()).wait(), _PATIENCE)
            except asyncio.TimeoutError:
                raise WrongError("no mail came") from None
        mail = message_from_bytes(self.came[recipient][-1], policy=policy.default)
        found = _LINK.search(mail.get_body(("plain",)).get_content())  # type: ignore[attr-defined]
        if found is None:
            raise WrongError("the mail has no link")
        parts = urlsplit(found[0])
        return f"{parts.path}?{parts.query}"

    @asynccontextmanager
    async def receiving(self) -> AsyncIterator[None]:
        """Listen within the block."""
        async with _listening(self._session) as self.port:
            yield

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 sink ESMTP\r\n")
        recipient = ""
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"EHLO":
                writer.write(b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n")
            elif verb == b"DATA":
                writer.write(b"354 go on\r\n")
                self._take(recipient, await reader.readuntil(b"\r\n.\r\n"))
                writer.write(b"250 kept\r\n")
            elif verb == b"QUIT":
                writer.write(b"221 bye\r\n")
                break
            else:
                if verb == b"RCPT":
                    recipient = line.partition(b"<")[2].partition(b">")[0].decode()
                writer.write(b"250 yes\r\n")
        writer.close()

    def _take(self, recipient: str, mail: bytes) -> None:
        self.came.setdefault(recipient, []).append(mail)
        if waiting := self._waiting.pop(recipient, None):
            waiting.set()


@define(eq=False)
class Identity:
    """An identity server that believes everybody: the ``sid`` of an address is the address with ``=`` for ``@``.

    ``port``: where it listens; ``published``: the user of each address.
    """

    context: ssl.SSLContext = field(repr=False)
    port: int = 0
    published: dict[str, str] = field(factory=dict, repr=False)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Listen within the block."""
        async with _listening(self._session, ssl=self.context) as self.port:
            yield

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                _, _, length = head.lower().partition(b"\r\ncontent-length:")
                body = await reader.readexactly(int(length.partition(b"\r\n")[0] or 0))
                raw = json.dumps(self._answer(head.split(b" ", 2)[1].decode(), body)).encode()
                answer = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(raw)}\r\n\r\n"
                writer.write(answer.encode() + raw)
        except (OSError, EOFError):
            writer.close()

    def _answer(self, target: str, body: bytes) -> dict[str, object]:
        path, _, query = target.partition("?")
        asked = json.loads(body) if body else {}
        if path.endswith("/getValidated3pid"):
            return {"medium": "email", "address": address_of(parse_qs(query)["sid"][0]), "validated_at": 1}
        if path.endswith("/bind"):
            address = address_of(asked["sid"])
            self.published[address] = asked["mxid"]
            times = {"not_before": 0, "not_after": 2**50, "ts": 1}
            return {"medium": "email", "address": address, "mxid": asked["mxid"], "signatures": {}, **times}
        if path.endswith("/unbind"):
            self.published.pop(asked["threepid"]["address"], None)
        return {}


def address_of(sid: str) -> str:
    """Return the address that a ``sid`` of the identity server means."""
    return sid.replace("=", "@")


@asynccontextmanager
async def _listening(session: Session, **options: Any) -> AsyncIterator[int]:
    """Serve sessions at a free port within the block, and end those that are left."""
    tasks: set[asyncio.Task[None]] = set()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(task := asyncio.ensure_future(session(reader, writer)))
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(begin, "127.0.0.1", 0, **options)
    yield server.sockets[0].getsockname()[1]
    server.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
