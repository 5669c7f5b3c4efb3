"""HTTP as a client of the benchmark speaks it: kept connections, each request in one write."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from attrs import define, frozen

_PATIENCE = 30.0


class WrongError(Exception):
    """An answer or an outcome is not right; the text says what, without secrets."""


@frozen
class Answer:
    """An answer: status, headers as they came, body."""

    status: int
    head: bytes
    body: bytes

    def expect(self, status: int) -> Answer:
        """Return the answer. Raises ``WrongError`` for another status."""
        if self.status != status:
            raise WrongError(f"status {self.status} in place of {status}: {self.body[:120]!r}")
        return self

    def json(self) -> Any:
        """Return the body of a 200, read as JSON."""
        return json.loads(self.expect(200).body)


@define
class Connection:
    """A kept connection to a port of this machine."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def to(cls, port: int) -> Connection:
        """Connect."""
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def call(
        self,
        method: str,
        target: str,
        body: Any = None,
        *,
        token: str | None = None,
        client: str = "192.0.2.1",
        form: bool = False,
    ) -> Answer:
        """Make a request; ``body``: JSON, or the text of a form. Raises ``WrongError`` without an answer."""
        kind = "application/x-www-form-urlencoded" if form else "application/json"
        raw = b"" if body is None else (body if form else json.dumps(body)).encode()
        bearer = f"Authorization: Bearer {token}\r\n" if token else ""
        head = (
            f"{method} {target} HTTP/1.1\r\nHost: localhost\r\n{bearer}X-Forwarded-For: {client}\r\n"
            f"Content-Type: {kind}\r\nContent-Length: {len(raw)}\r\n\r\n"
        )
        self.writer.write(head.encode() + raw)
        try:
            return await asyncio.wait_for(self._answer(), _PATIENCE)
        except (OSError, EOFError, asyncio.TimeoutError) as error:
            raise WrongError(f"no answer: {type(error).__name__}") from None

    async def _answer(self) -> Answer:
        head = await self.reader.readuntil(b"\r\n\r\n")
        status, lower = int(head[9:12]), head.lower()
        if b"\r\ntransfer-encoding: chunked" in lower:
            return Answer(status, head, await self._chunks())
        _, _, rest = lower.partition(b"\r\ncontent-length:")
        return Answer(status, head, await self.reader.readexactly(int(rest.partition(b"\r\n")[0] or 0)))

    async def _chunks(self) -> bytes:
        body = b""
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            body += (await self.reader.readexactly(size + 2))[:-2]
        await self.reader.readexactly(2)
        return body

    def close(self) -> None:
        """Close it."""
        self.writer.close()
