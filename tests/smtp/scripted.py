"""A mail server that misbehaves as it is told, on plain sockets."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

Action = bytes | Callable[["Talk"], None]
USUAL: Mapping[str, Action] = {
    "greeting": b"220 ready\r\n",
    "EHLO": b"250-here\r\n250 8BITMIME\r\n",
    "MAIL": b"250 ok\r\n",
    "RCPT": b"250 ok\r\n",
    "DATA": b"354 go on\r\n",
    "dot": b"250 ok\r\n",
    "QUIT": b"221 bye\r\n",
}


class Talk:
    """One connection, seen from the server."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.reader = sock.makefile("rb")

    def end(self) -> None:
        """Close it."""
        self.reader.close()
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()


def hang_up(talk: Talk) -> None:
    """End the connection without a word."""
    talk.end()


def silence(talk: Talk) -> None:
    """Say nothing until the client leaves."""
    with suppress(OSError):
        while talk.reader.read(4096):
            pass
    talk.end()


def drip(talk: Talk) -> None:
    """Say one byte every few ms, never a whole line, until the client leaves."""
    talk.sock.settimeout(0.02)
    with suppress(OSError):
        while True:
            talk.sock.sendall(b"2")
            with suppress(TimeoutError):
                if not talk.sock.recv(4096):
                    break
    talk.end()


def flood(line: bytes) -> Action:
    """Say one line again and again until the client leaves."""

    def say(talk: Talk) -> None:
        with suppress(OSError):
            while True:
                talk.sock.sendall(line)
        talk.end()

    return say


class Scripted:
    """A server; ``scripts`` are what to do instead of the usual, one for each connection, the last for all others."""

    def __init__(self, scripts: tuple[Mapping[str, Action], ...]) -> None:
        self.scripts = scripts
        self.lines: list[bytes] = []
        self.mails: list[bytes] = []
        self.connections = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def heard(self, verb: str) -> int:
        """Return how often a command was heard."""
        return sum(line.upper().startswith(verb.encode()) for line in self.lines)

    def run(self) -> None:
        """Serve until the listener is closed."""
        with suppress(OSError):
            while True:
                sock, _ = self.listener.accept()
                if not self.scripts:
                    sock.close()
                    return
                script = {**USUAL, **self.scripts[min(self.connections, len(self.scripts) - 1)]}
                self.connections += 1
                self._serve(Talk(sock), script)

    def _serve(self, talk: Talk, script: Mapping[str, Action]) -> None:
        with suppress(OSError, ValueError):
            self._act(talk, script["greeting"])
            while line := talk.reader.readline():
                self.lines.append(line)
                verb = line.split()[0].decode().upper()
                self._act(talk, script.get(verb, b"502 what?\r\n"))
                if verb == "DATA" and script["DATA"] == USUAL["DATA"]:
                    self._read_mail(talk)
                    self._act(talk, script["dot"])
        talk.end()

    def _read_mail(self, talk: Talk) -> None:
        lines: list[bytes] = []
        while (line := talk.reader.readline()) != b".\r\n":
            if not line:
                return
            lines.append(line.removeprefix(b"."))
        self.mails.append(b"".join(lines))

    def _act(self, talk: Talk, action: Action) -> None:
        if isinstance(action, bytes):
            talk.sock.sendall(action)
        else:
            action(talk)


@contextmanager
def scripted(*scripts: Mapping[str, Action]) -> Iterator[Scripted]:
    """Run a server that follows ``scripts``; connections are served one after the other."""
    server = Scripted(scripts or ({},))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server
    finally:
        server.scripts = ()
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", server.port), 1).close()
        thread.join(5)
        server.listener.close()
        assert not thread.is_alive(), "the scripted server still talks"
