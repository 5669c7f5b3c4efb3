"""Operations on counters, and threads that start together."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

from matrix_threepid.stores.sql import Operation

T = TypeVar("T")


def increased(*names: str) -> Operation[None]:
    """Add one to each counter, in this order."""
    for name in names:
        yield "UPDATE counters SET count = count + 1 WHERE name = ?", (name,)


def counts() -> Operation[dict[str, int]]:
    """Return where the counters stand."""
    return dict((yield "SELECT name, count FROM counters", ()))


def together(count: int, call: Callable[[int], T]) -> list[T]:
    """Make so many calls in threads that start as one."""
    start = Barrier(count)

    def begin(number: int) -> T:
        start.wait(30)
        return call(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(begin, range(count)))
