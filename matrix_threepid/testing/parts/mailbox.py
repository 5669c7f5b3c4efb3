"""A mail server with mailboxes. Needs ``aiosmtpd``."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from html import unescape
from threading import Thread
from typing import Any

from .inbox import Inbox, Message


class Mailbox(Inbox):
    """Accepts every mail.

    * ``port``: the port on which it listens.
    """

    port = 0

    @contextmanager
    def receiving(self, port: int = 0, host: str = "127.0.0.1") -> Iterator[int]:
        """Receive mails within the block, which gets the port; port 0 uses a free one. Raises ``OSError``."""
        from aiosmtpd.smtp import SMTP

        with _loop() as loop:
            listening = loop.create_server(lambda: SMTP(self, enable_SMTPUTF8=True), host, port)
            server = asyncio.run_coroutine_threadsafe(listening, loop).result()
            self.port = server.sockets[0].getsockname()[1]
            try:
                yield self.port
            finally:
                loop.call_soon_threadsafe(server.close)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        """Accept one mail (the name is aiosmtpd's)."""
        message = message_from_bytes(envelope.content, policy=policy.default)
        text = _text(message)
        for recipient in envelope.rcpt_tos:
            self.take(Message(recipient, text, str(message["subject"])))
        return "250 OK"


def _text(message: Any) -> str:
    """Return the text of a mail; of a mail without a text part, the HTML source with its links decoded."""
    body = message.get_body(("plain", "html"))
    text = body.get_content().replace("\r\n", "\n") if body else ""
    return unescape(text) if body and body.get_content_subtype() == "html" else text


@contextmanager
def _loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Run an event loop in a thread inside the block."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()
    try:
        yield loop
    finally:
        asyncio.run_coroutine_threadsafe(_end_tasks(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end_tasks() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
