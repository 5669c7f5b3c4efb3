"""The messages that reached a mailbox or a phone, and a way to wait for them."""

from __future__ import annotations

import re
from threading import Condition

from attrs import field, frozen

from .browser import PATIENCE, Failed

_LINK = re.compile(r"https?://[^\s\"'<>]+")
_CODE = re.compile(r"(?<![\d+:.])\d{4,10}(?!\d)")


@frozen
class Message:
    """One message as its reader sees it. Text messages have no subject."""

    recipient: str
    text: str = field(repr=False)
    subject: str = ""

    @property
    def link(self) -> str:
        """The link in it; one with a query is preferred. Raises ``Failed`` without a link."""
        found = _LINK.findall(self.text)
        if not found:
            raise Failed(f"the message to {self.recipient} has no link")
        return str(next((link for link in found if "?" in link), found[0]))

    @property
    def code(self) -> str:
        """The code in it, outside of links. Raises ``Failed`` without a code."""
        found = _CODE.search(_LINK.sub("", self.text))
        if found is None:
            raise Failed(f"the message to {self.recipient} has no code")
        return found[0]


class Inbox:
    """Keeps every message, from any thread; a thread may wait for the next one."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self._unread: list[Message] = []
        self._arrived = Condition()

    def take(self, message: Message) -> None:
        """Keep a message."""
        with self._arrived:
            self.messages.append(message)
            self._unread.append(message)
            self._arrived.notify_all()

    def next(self, recipient: str) -> Message:
        """Return the oldest unread message to a recipient; wait for one if needed. Raises ``Failed``."""

        def found() -> Message | None:
            return next(iter(_to(recipient, self._unread)), None)

        with self._arrived:
            message = self._arrived.wait_for(found, PATIENCE)
            if message is None:
                raise Failed(f"no message to {recipient} arrived")
            self._unread.remove(message)
            return message

    def count(self, recipient: str) -> int:
        """Return how many messages to a recipient arrived, read or not."""
        return len(_to(recipient, self.messages))

    @property
    def waiting(self) -> int:
        """The number of unread messages."""
        return len(self._unread)


def _to(recipient: str, messages: list[Message]) -> list[Message]:
    return [message for message in messages if message.recipient.casefold() == recipient.casefold()]
