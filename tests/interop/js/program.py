"""The program in JavaScript, as a process that does one thing after another."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import frozen

from ..programs import STOP, WORK, MissingProgramError

_SDK = WORK / "js" / "node_modules" / "matrix-js-sdk" / "lib" / "index.js"
_MAIN = Path(__file__).with_name("main.mjs")


class Refused(Exception):
    """What was tried did not come to pass: the status and ``errcode`` of the answer, and some words."""

    def __init__(self, status: int, errcode: str, text: str) -> None:
        super().__init__(status, errcode, text)
        self.answer = (status, errcode)


@frozen
class Client:
    """The running program; many people may use it."""

    _process: subprocess.Popen[str]

    @classmethod
    @contextmanager
    def running(cls, folder: Path, authority: Path) -> Iterator[Client]:
        """Start it and end it after the block. ``authority``: whose certificates it trusts; it logs to ``folder``."""
        if not _SDK.exists():
            raise MissingProgramError(f"matrix-js-sdk is not in {WORK}: run tests/interop/prepare.sh")
        trust = {"MATRIX_JS_SDK": _SDK.as_uri(), "NODE_EXTRA_CA_CERTS": str(authority)}
        with (folder / "output.txt").open("w") as log, _started(log, {**os.environ, **trust}) as process:
            yield cls(process)
            process.communicate(timeout=STOP)

    def do(self, person: str, action: str, *arguments: Any) -> Any:
        """Let a person do something, and return the result. Raises ``Refused``."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{json.dumps([person, action, *arguments])}\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if "refused" in answer:
            raise Refused(**answer["refused"])
        return answer["result"]


@contextmanager
def _started(log: Any, environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    command = ["node", str(_MAIN)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": log}
    with subprocess.Popen(command, env=environment, text=True, **pipes) as process:  # noqa: S603
        try:
            yield process
        finally:
            process.kill()
