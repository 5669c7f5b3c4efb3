"""``python -m examples.homeserver`` as a process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PATIENCE = 60
"""The s after which a process hangs, and is not only slow."""
CHEAPLY = str(Path(__file__).with_name("cheaply.py"))
FRAMEWORKS = ("django", "fastapi", "flask", "starlette", "twisted")
"""Those that ``examples/hosts`` has a file for."""


def written(settings: dict[str, Any], folder: Path) -> Path:
    """Return a new configuration file."""
    file = folder / "config.json"
    file.write_text(json.dumps(settings))
    return file


def started(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    """Start the example with arguments; its standard output is piped."""
    command = [sys.executable, CHEAPLY, "examples.homeserver", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, **options)  # noqa: S603


@contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """End a process with the block, however that ends."""
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def finished(*arguments: str) -> tuple[int, str, str]:
    """Run the example to its end; return exit status, standard output and standard error."""
    with started(*arguments, stderr=subprocess.PIPE) as process:
        output, errors = process.communicate(timeout=PATIENCE)
        return process.returncode, output, errors


class Example:
    """A running ``serve``; ``url`` is where it listens."""

    def __init__(self, settings: dict[str, Any], folder: Path) -> None:
        file = written(settings, folder)
        self._errors = folder / "stderr.txt"
        with self._errors.open("w") as errors:
            self.process = started("serve", "--config", str(file), stderr=errors)
        self.first_line = self.process.stdout.readline() if self.process.stdout else ""
        self.url = self.first_line.removeprefix("listening on ").strip()

    @property
    def errors(self) -> str:
        """What it wrote to standard error."""
        return self._errors.read_text()

    def stop(self, within: float = PATIENCE) -> int:
        """Send SIGTERM and return the exit status; a second does, unless the machine is busy."""
        self.process.terminate()
        return self.process.wait(timeout=within)

    def __enter__(self) -> Example:
        if not self.url.startswith("http"):
            raise RuntimeError(f"the example did not start: {self.errors}")
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()


class Framework(Example):
    """A running example of a framework."""

    def __init__(self, name: str, settings: dict[str, Any], folder: Path) -> None:
        self._errors = folder / "stderr.txt"
        command = [
            sys.executable,
            "-W",
            "error::DeprecationWarning",
            CHEAPLY,
            f"examples.hosts.{name}_app",
            "--port",
            "0",
        ]
        with self._errors.open("w") as errors:
            self.process = subprocess.Popen(  # noqa: S603  our own example
                [*command, "--config", str(written(settings, folder))],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self.first_line = self.process.stdout.readline() if self.process.stdout else ""
        self.url = self.first_line.removeprefix("listening on ").strip()


def smtp_settings(port: int) -> dict[str, Any]:
    return {"host": "127.0.0.1", "port": port, "starttls": False, "from": "Example <noreply@hs.example.org>"}
