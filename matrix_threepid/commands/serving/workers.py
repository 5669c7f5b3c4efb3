"""Several processes of ``serve`` on one listener: started, replaced when they end, and stopped together."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from .settings import ServeSettings

_log = logging.getLogger("matrix_threepid.serve")
_PAUSE = 1.0
"""The s between the end of a worker and the start of the next, so that a fault that ends all does not burn the CPU."""
_GRACE = 4.0


@contextmanager
def workers(settings: ServeSettings, file: Path, listening: socket.socket) -> Iterator[None]:
    """Run the workers while the block runs; at its end they are told to stop, and ended when that takes too long.

    * ``file``: the configuration file, which each worker reads.
    * ``listening``: the listener, which all of them inherit.
    """
    # Each worker writes its metrics there, and the parent adds them up.
    with TemporaryDirectory(prefix="matrix-threepid-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        stopping = threading.Event()
        running: list[subprocess.Popen[bytes]] = []
        threads = [
            threading.Thread(target=_keep_one, args=(lambda: _started(file, listening), running, stopping), daemon=True)
            for _ in range(settings.workers)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stopping.set()
            _stop(running, settings.stop_s + _GRACE)
            os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)


def _started(file: Path, listening: socket.socket) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "matrix_threepid", "serve", "--config", str(file), "--inherit"]
    number = listening.fileno()
    return subprocess.Popen([*command, str(number)], pass_fds=[number])  # noqa: S603


def _keep_one(
    start: Callable[[], subprocess.Popen[bytes]], running: list[subprocess.Popen[bytes]], stopping: threading.Event
) -> None:
    """Start a worker, and another one whenever it ends."""
    while not stopping.is_set():
        worker = start()
        running.append(worker)
        code = worker.wait()
        running.remove(worker)
        if not stopping.is_set():
            _log.error("a worker ended with %d and is replaced", code)
            stopping.wait(_PAUSE)


def _stop(running: list[subprocess.Popen[bytes]], seconds: float) -> None:
    workers, until = list(running), time.monotonic() + seconds
    for worker in workers:
        worker.send_signal(signal.SIGTERM)
    for worker in workers:
        try:
            worker.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:  # noqa: PERF203  waiting is far slower than `try`
            worker.kill()
