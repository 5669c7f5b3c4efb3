"""Turns: where a call lets others run, and how it is taken one turn further. No event loop is needed."""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from threading import local
from types import coroutine
from typing import Any, TypeVar

from ...offload import drive, run_sync

T = TypeVar("T")


class _State(local):
    scheduled = False


_state = _State()


@coroutine
def turn() -> Generator[None, None, None]:
    """Let others run here, if a schedule drives the coroutine; else do nothing.

    A port that is made of several steps awaits this between them, so that schedules switch there too.
    """
    if _state.scheduled:
        yield


def take_turn(work: Coroutine[Any, Any, T]) -> None:
    """Take a coroutine to its next ``turn``. Raises ``StopIteration`` with its value at its end."""
    _state.scheduled = True
    try:
        drive(work)
    finally:
        _state.scheduled = False


def quietly(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end without letting anybody else run."""
    before, _state.scheduled = _state.scheduled, False
    try:
        return run_sync(work)
    finally:
        _state.scheduled = before
