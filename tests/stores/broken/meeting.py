"""A place where the threads of a test wait for each other."""

from __future__ import annotations

from threading import Barrier, current_thread, main_thread

PATIENCE = 30


def meet(barrier: Barrier) -> None:
    """Wait until all threads of a test are here; tests without threads pass."""
    if current_thread() is not main_thread():
        barrier.wait(PATIENCE)
