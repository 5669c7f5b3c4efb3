"""Our roles under uvicorn, in a thread of the tests, so that tests can read what was sent."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from matrix_threepid.testing.rogue import authority


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = threading.Event()

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self.up.set()


@contextmanager
def served(app: Any, **options: Any) -> Iterator[int]:
    """Serve an ASGI application on loopback; yield its port."""
    server = _Server(uvicorn.Config(app, **{"port": 0, "log_config": None, "lifespan": "off", **options}))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert server.up.wait(30), "the server did not start"
        yield int(server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(30)


def below(prefix: str, app: Any) -> Any:
    """Return an application that lives under a path nobody else knows."""

    async def mounted(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"].startswith(f"{prefix}/"):
            await app({**scope, "root_path": prefix}, receive, send)
        else:
            await send({"type": "http.response.start", "status": 404, "headers": []})
            await send({"type": "http.response.body", "body": b""})

    return mounted


def certificate(folder: Path, *names: str) -> dict[str, Path]:
    """Write a certificate of the tests' own authority for these names; return the files."""
    issued = authority().issue_cert(*names)
    files = {name: folder / f"{name}.pem" for name in ("key", "chain", "authority")}
    issued.private_key_pem.write_to_path(files["key"])
    files["chain"].write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    authority().cert_pem.write_to_path(files["authority"])
    return files
