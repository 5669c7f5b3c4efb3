"""A provider over plain HTTP/1.1 on loopback, for processes that trust no certificate of the tests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from attrs import field, frozen

TAKEN = json.dumps({"sid": "SM1", "status": "active"}).encode()


@frozen
class Provider:
    """Where it is, and what it heard: method, path and body."""

    port: int
    heard: list[tuple[str, str, bytes]] = field(factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def provider(status: int = 200, body: bytes = TAKEN) -> Iterator[Provider]:
    """Give one answer to everything."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            heard.append((self.command, self.path, content))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Keep quiet."""

    heard: list[tuple[str, str, bytes]] = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield Provider(server.server_address[1], heard)
        finally:
            server.shutdown()
            thread.join()
