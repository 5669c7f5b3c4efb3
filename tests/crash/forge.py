"""A process that has imported everything and forks one life after the other, each in a few milliseconds."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from hurried import hurry

from .life import Life


class Forge:
    """Gives lives to a host's processes."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def live(self, life: Life) -> int:
        """Let a process lead a life; return its exit code, negative for the signal that ended it."""
        assert self._process.stdin
        assert self._process.stdout
        pickle.dump(life, self._process.stdin)
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@contextmanager
def forge() -> Iterator[Forge]:
    """Start the process that forks; it ends with its standard input."""
    command = [sys.executable, "-c", "from crash.forge import serve; serve()"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env=environment, **pipes) as process:  # type: ignore[call-overload]  # noqa: S603
        yield Forge(process)


def serve() -> None:
    """Fork a process for each life asked for on standard input; answer with its exit code."""
    hurry()
    for name in ("asyncpg", "psycopg"):
        import_module(name)  # once, and not in every life
    while True:
        try:
            life = pickle.load(sys.stdin.buffer)  # noqa: S301  our own words
        except EOFError:
            return
        if (child := os.fork()) == 0:
            _lead(life)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
        sys.stdout.flush()


def _lead(life: Life) -> None:
    """Lead a life and leave without what this process would do at its own end."""
    code = 1
    try:
        life.lead()
        code = 0
    except Exception:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(code)
