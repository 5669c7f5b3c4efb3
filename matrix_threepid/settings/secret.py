"""The file that holds a host's secret."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from ..model.keys import MIN_BYTES, Peppers
from ..protocol.errors import ConfigurationError


def stored_peppers(path: Path) -> Peppers:
    """Return the peppers in a file, which is made, for its user only, if there is none. Raises ``ConfigurationError``.

    The file holds 32 bytes and must outlive the database: without it, open sessions are worth nothing.
    """
    try:
        _make(path)
        return Peppers.of(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from None


def _make(path: Path) -> None:
    """Write a new secret in one step, so that several processes may start at once."""
    if path.exists():
        return
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    opened = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(opened, "wb") as file:
            file.write(secrets.token_bytes(MIN_BYTES))
        with suppress(FileExistsError):
            os.link(fresh, path)
    finally:
        fresh.unlink()
