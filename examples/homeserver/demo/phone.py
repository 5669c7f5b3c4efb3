"""A stand-in for Twilio on loopback, and the phones behind it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, Queue
from threading import Thread
from typing import Any
from urllib.parse import parse_qs

from .person import Failed

ACCOUNT, TOKEN, SENDER = "AC" + "0" * 32, "a token of the demo", "+15005550006"
_CODE = re.compile(r"\b\d{6}\b")
_PATIENCE = 10.0


class Phone:
    """Takes every text message; a thread may wait for the next one."""

    def __init__(self) -> None:
        self._texts: Queue[tuple[str, str]] = Queue()

    @contextmanager
    def receiving(self) -> Iterator[dict[str, Any]]:
        """Receive messages inside the block, which gets the settings that lead here."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        account = {"account_sid": ACCOUNT, "auth_token": TOKEN, "from": SENDER, "countries": ["GB"]}
        try:
            yield {"base_url": f"http://127.0.0.1:{server.server_address[1]}", **account}
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    @property
    def waiting(self) -> int:
        """How many messages nobody has read."""
        return self._texts.qsize()

    def next(self) -> tuple[str, str]:
        """Return number and text of the next message, and wait for it. Raises ``Failed``."""
        try:
            return self._texts.get(timeout=_PATIENCE)
        except Empty:
            raise Failed("no text message arrived") from None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        texts = self._texts

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                texts.put((form["To"][0], form["Body"][0]))
                answer = json.dumps({"sid": "SM" + "0" * 32, "status": "queued"}).encode()
                self.send_response(201)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler


def code_in(text: str) -> str:
    """Return the code in a message. Raises ``Failed`` if there is none."""
    found = _CODE.search(text)
    if found is None:
        raise Failed("the text message has no code")
    return found[0]
