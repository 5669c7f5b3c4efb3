"""SQLite that answers before the disk has what it wrote."""

from __future__ import annotations

from matrix_threepid.stores import sqlite

DURABLE = sqlite._SYNCHRONOUS
"""What the library demands of SQLite."""


def hurry() -> None:
    """Let commits wait for no disk in this process: tests kill processes, and never the machine."""
    sqlite._SYNCHRONOUS = "OFF"
