"""A stand-in for Twilio's Messages API, and the phones behind it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs

from .inbox import Inbox, Message

_ACCOUNT = json.dumps({"status": "active"}).encode()
_ANSWER = json.dumps({"sid": "SM" + "0" * 32, "status": "queued"}).encode()


class Phone(Inbox):
    """Accepts every text message, from any account; all accounts are active.

    * ``url``: where it listens.

    Recipients are numbers as Twilio writes them: ``+447700900001``.
    """

    url = ""

    @contextmanager
    def receiving(self, port: int = 0, host: str = "127.0.0.1") -> Iterator[str]:
        """Receive messages within the block, which gets the URL; port 0 uses a free one. Raises ``OSError``."""
        server = ThreadingHTTPServer((host, port), self._handler())
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        self.url = f"http://{host}:{server.server_address[1]}"
        try:
            yield self.url
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        take = self.take

        class Handler(BaseHTTPRequestHandler):
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                take(Message(form["To"][0], form["Body"][0]))
                self._answer(201, _ANSWER)

            def do_GET(self) -> None:
                self._answer(200, _ACCOUNT)

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Log nothing."""

        return Handler
