"""A mail server on loopback, and the mailboxes behind it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from threading import Condition
from typing import Any

from aiosmtpd.smtp import SMTP
from attrs import frozen

from .person import Failed

_LINK = re.compile(r"https?://\S+")
_PATIENCE = 10.0


@frozen
class Mail:
    """One mail as its reader sees it."""

    recipient: str
    subject: str
    text: str

    @property
    def link(self) -> str:
        """The link in it. Raises ``Failed`` if there is none."""
        found = _LINK.search(self.text)
        if found is None:
            raise Failed(f"the mail «{self.subject}» has no link")
        return found[0]


class Mailbox:
    """Takes every mail; a thread may wait for the next one."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self._unread: list[Mail] = []
        self._arrived = Condition()

    @asynccontextmanager
    async def receiving(self) -> AsyncIterator[int]:
        """Receive mails inside the block, which gets the port."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: SMTP(self, enable_SMTPUTF8=True), "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:  # noqa: N802
        """Take one mail (the name is aiosmtpd's)."""
        message = message_from_bytes(envelope.content, policy=policy.default)
        body = message.get_body(("plain",))
        text = body.get_content().replace("\r\n", "\n") if body else ""
        mail = Mail(envelope.rcpt_tos[0], str(message["subject"]), text)
        with self._arrived:
            self.mails.append(mail)
            self._unread.append(mail)
            self._arrived.notify_all()
        return "250 OK"

    def next(self, recipient: str) -> Mail:
        """Return the oldest unread mail to somebody, and wait for it. Raises ``Failed``."""

        def found() -> Mail | None:
            return next((mail for mail in self._unread if mail.recipient == recipient), None)

        with self._arrived:
            mail = self._arrived.wait_for(found, _PATIENCE)
            if mail is None:
                raise Failed("no mail arrived")
            self._unread.remove(mail)
            return mail
