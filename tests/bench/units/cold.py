"""cold.serve: from exec of the example homeserver to its first 200."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from socket import create_server
from tempfile import TemporaryDirectory
from typing import Any

from ..setting import Options
from ..skipped import Skipped
from .start import ROOT

_GIVE_UP = 20
_PAUSE = 0.002
_ECHO = """
import asyncio, sys
async def answer(reader, writer):
    await reader.readuntil(b"\\r\\n\\r\\n")
    writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\nConnection: close\\r\\n\\r\\n{}")
    await writer.drain()
    writer.close()
async def main():
    async with await asyncio.start_server(answer, "127.0.0.1", int(sys.argv[1])) as server:
        await server.serve_forever()
asyncio.run(main())
"""


class Cold:
    """``python -m examples.homeserver serve`` beside a bare asyncio server, both started from nothing."""

    kind = "start"

    def floor_name(self, options: Options) -> str:
        """Return what a line calls the floor."""
        return "asyncio.echo"

    def reps(self, options: Options) -> int:
        """Return how often both are started."""
        return options.interpreters

    def repeat(self, options: Options, name: str, rep: int) -> dict[str, Any]:
        """Run once and return the fields of its line. Raises ``Skipped`` without the examples."""
        if not (ROOT / "examples" / "homeserver" / "__main__.py").is_file():
            raise Skipped("the examples folder is not there")
        with TemporaryDirectory() as folder:
            floor, unit = _first_200(_echo()), _first_200(_serve(Path(folder)))
        return {
            "ops": 1,
            "p50_us": unit / 1000,
            "errors": 0,
            "floor_us": floor / 1000,
            "floor_ratio": unit / floor,
            "serve_s": unit / 1e9,
        }


def _echo() -> tuple[list[str], int]:
    port = _free_port()
    return [sys.executable, "-c", _ECHO, str(port)], port


def _serve(folder: Path) -> tuple[list[str], int]:
    """Return the command that serves from a fresh database."""
    port, config = _free_port(), folder / "config.json"
    database = f"sqlite:///{folder / str(port)}.db"
    config.write_text(
        json.dumps({"listen": f"127.0.0.1:{port}", "server_name": "hs.example.org", "database": database})
    )
    return [sys.executable, "-m", "examples.homeserver", "serve", "--config", str(config)], port


def _free_port() -> int:
    with create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _first_200(server: tuple[list[str], int]) -> int:
    """Start a server, return the ns until it answered 200, stop it. Raises ``TimeoutError``."""
    command, port = server
    began = time.perf_counter_ns()
    with _running(command) as process:
        while time.perf_counter_ns() < began + _GIVE_UP * 10**9:
            if _answers(port):
                return time.perf_counter_ns() - began
            if process.poll() is not None:
                break
            time.sleep(_PAUSE)
    raise TimeoutError("the server did not answer 200")


@contextmanager
def _running(command: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    silent = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=silent, stderr=silent, cwd=ROOT) as process:  # noqa: S603  our own code
        try:
            yield process
        finally:
            process.kill()


def _answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/_matrix/client/versions")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
