"""A mail server on loopback that behaves as a contract tells it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP

from smtp.scripted import Talk, drip, silence

from matrix_threepid.testing.contracts.providers import Arrived, Behaviour

_AFTER_THE_MAIL = {
    Behaviour.GARBAGE: lambda talk: talk.sock.sendall(b"what?\r\n"),
    Behaviour.HANG: silence,
    Behaviour.DRIP: drip,
    Behaviour.LOSE: Talk.end,
}
_USUAL = {"EHLO": "250 ok", "MAIL": "250 ok", "QUIT": "221 bye"}
_AT_RCPT = {Behaviour.REFUSE_FOR_EVER: "550 5.1.1 <{}> is unknown", Behaviour.REFUSE_FOR_NOW: "451 4.7.1 <{}>: later"}


class MailProvider:
    """A ``Provider`` that speaks SMTP, each connection in a thread of its own."""

    def __init__(self) -> None:
        self.arrived: list[Arrived] = []
        self.how = Behaviour.ACCEPT
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._talks: list[Talk] = []
        self._threads: list[threading.Thread] = []

    def behave(self, how: Behaviour) -> None:
        self.how = how

    @contextmanager
    def serving(self) -> Iterator[MailProvider]:
        """Serve until the block ends."""
        self._start(self._accept)
        try:
            yield self
        finally:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            for talk in self._talks:
                with suppress(OSError):
                    talk.sock.shutdown(socket.SHUT_RDWR)
            for thread in self._threads:
                thread.join(5)

    def _start(self, work: object, *args: object) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                talk = Talk(self._listener.accept()[0])
                self._talks.append(talk)
                self._start(self._serve, talk)

    def _serve(self, talk: Talk) -> None:
        with suppress(OSError, ValueError):
            if self.how is not Behaviour.AWAY:
                self._say(talk, "220 ready")
                self._listen(talk)
        talk.end()

    def _listen(self, talk: Talk) -> None:
        recipients: list[str] = []
        while (line := talk.reader.readline().decode().strip()) and self.how is not Behaviour.AWAY:
            verb = line[:4].upper()
            if verb == "RCPT":
                recipients.append(line.partition("<")[2].rpartition(">")[0])
                self._say(talk, _AT_RCPT.get(self.how, "250 ok").format(recipients[-1]))
            elif verb == "DATA":
                self._take(talk, tuple(recipients))
                recipients = []
            else:
                self._say(talk, _USUAL.get(verb, "502 what?"))

    def _take(self, talk: Talk, recipients: tuple[str, ...]) -> None:
        self._say(talk, "354 go on")
        lines = iter(talk.reader.readline, b".\r\n")
        mail = message_from_bytes(b"".join(line.removeprefix(b".") for line in lines), EmailMessage, policy=SMTP)
        text = "\n".join(part.get_content() for part in mail.walk() if part.get_content_maintype() == "text")
        headers = {name.lower(): str(value) for name, value in mail.items()}
        self.arrived.append(Arrived(recipients=recipients, text=text, headers=headers))
        after = _AFTER_THE_MAIL.get(self.how)
        after(talk) if after else self._say(talk, "250 ok")

    def _say(self, talk: Talk, line: str) -> None:
        talk.sock.sendall(f"{line}\r\n".encode())
