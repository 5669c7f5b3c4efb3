"""Programs as processes: found where prepare.sh put them, started, waited for, stopped."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from attrs import frozen

ROOT = Path(__file__).parents[2]
WORK = Path(os.environ.get("INTEROP_WORK", ROOT / ".ci" / "work" / "interop")).resolve()
SYNAPSE = os.environ.get("MATRIX_THREEPID_SYNAPSE", "synapse")
"""Which Synapse is run where a test does not say: ``synapse``, the newest, or another that ``prepare.sh`` made."""
OLDEST = "synapse-oldest"
START, STOP = 60.0, 20.0
"""The s a program may take to be ready, and to end."""
_STARTS, _IN_USE = 10, "Address already in use"
"""The number of tries to start a program whose port is taken, and how its output says so."""


class MissingProgramError(Exception):
    """A program is not where it should be."""


def interpreter(name: str) -> str:
    """Return the Python of a program's environment. Raises ``MissingProgramError``."""
    place = WORK / name
    if not (place / "complete").exists():
        raise MissingProgramError(f"{name} is not in {WORK}: run tests/interop/prepare.sh")
    return str(place / "bin" / "python")


def version_of(name: str) -> str:
    """Return the version of an environment's Synapse. Raises ``MissingProgramError``."""
    command = [interpreter(name), "-c", "from importlib.metadata import version; print(version('matrix-synapse'))"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603


def free_port() -> int:
    """Return a port nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def listens(port: int) -> bool:
    """Return whether somebody takes connections at a port."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


@frozen
class Program:
    """A command, the folder it runs in, and more for its environment. What it writes goes to ``output.txt`` there."""

    command: Sequence[str]
    folder: Path
    environment: Mapping[str, str] = {}

    @property
    def output(self) -> Path:
        return self.folder / "output.txt"

    @contextmanager
    def running(self, ready: Callable[[], bool]) -> Iterator[subprocess.Popen[bytes]]:
        """Start it, wait until it is ready, stop it after the block. Raises ``RuntimeError`` if it does not start."""
        for left in reversed(range(_STARTS)):
            with self.output.open("wb") as output:
                process = self._started(output)
            try:
                self._wait(process, ready)
                break
            except RuntimeError as error:
                # A port that was free is an outgoing connection's a moment later, since both are drawn from one range.
                if not left or _IN_USE not in str(error):
                    process.terminate()
                    raise
                sleep(1)
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(STOP)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _started(self, output: Any) -> subprocess.Popen[bytes]:
        environment = {**os.environ, **self.environment}
        return subprocess.Popen(  # noqa: S603
            self.command, cwd=self.folder, env=environment, stdout=output, stderr=subprocess.STDOUT
        )

    def _wait(self, process: subprocess.Popen[bytes], ready: Callable[[], bool]) -> None:
        until = monotonic() + START
        while not ready():
            if _ended(process) or monotonic() > until:
                raise RuntimeError(f"{self.command} did not start:\n{self.output.read_text()[-4000:]}")


def _ended(process: subprocess.Popen[bytes]) -> bool:
    """Give the process a moment to get ready; return whether it ended instead."""
    try:
        process.wait(0.1)
    except subprocess.TimeoutExpired:
        return False
    return True
