"""Operations that store a session and do something beside it, in the same transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ...model.session import Session
from .operation import Operation, within

T = TypeVar("T")
Beside = Callable[[], Operation[object]]


def with_stored(operation: Callable[[], Operation[T]], stored: Callable[[T], bool], beside: Beside) -> Operation[T]:
    """Run an operation, and what is beside it if its result says that the session was stored."""
    result = yield from within(operation())
    if stored(result):
        yield from within(beside())
    return result


def with_changed(
    operation: Operation[tuple[int, Session, Session | None]], beside: Callable[[Session], Beside | None]
) -> Operation[tuple[int, Session, Session | None]]:
    """Run ``open_charging``, and what is beside the session that was opened or resumed."""
    wait, holder, changed = yield from within(operation)
    then = None if changed is None else beside(changed)
    if then is not None:
        yield from within(then())
    return wait, holder, changed
