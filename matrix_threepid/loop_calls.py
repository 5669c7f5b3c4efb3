"""``LoopCalls``: what threads want to have called in an asyncio event loop, at one wake-up for all that waits.

To wake a loop costs a write to a socket and a turn of the loop, as much as a short look-up in a database. Under load
several threads, or one thread several times, have something to tell before the loop comes to listen.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, ref

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future


class LoopCalls:
    """Calls functions in one event loop, in the order in which they were added.

    * ``loop``: the loop.
    """

    def __init__(self, loop: AbstractEventLoop) -> None:
        self._loop = ref(loop)  # weak, since `_of` keeps this for as long as the loop lives
        self._added = deque[Callable[[], None]]()
        self._woken = False

    @staticmethod
    def here() -> tuple[LoopCalls, AbstractEventLoop]:
        """Return the calls of the loop that runs in this thread, and the loop."""
        from asyncio import get_running_loop

        loop = get_running_loop()
        calls = _of.get(loop)
        if calls is None:
            calls = _of[loop] = LoopCalls(loop)
        return calls, loop

    def add(self, call: Callable[[], None]) -> None:
        """Have ``call`` called in the loop, from any thread; a loop that is closed calls nothing."""
        self._added.append(call)
        # Without a lock: `_call` lowers the flag before it looks, so what is added after that wakes the loop once more.
        if not self._woken and (loop := self._loop()) is not None:
            self._woken = True
            try:
                loop.call_soon_threadsafe(self._call)
            except RuntimeError:
                # It is closed. What waits holds futures, these hold the loop, and `_of` would keep both for ever.
                self._woken = False
                self._added.clear()

    def _call(self) -> None:
        self._woken = False
        # Not more than are there now: what comes meanwhile has woken the loop, which has others to serve in between.
        for _ in range(len(self._added)):
            self._added.popleft()()


_of: WeakKeyDictionary[AbstractEventLoop, LoopCalls] = WeakKeyDictionary()


def settle(waiter: Future[Any], result: Any, error: BaseException | None) -> None:
    """Give a future of the loop its result or its error, unless it was cancelled meanwhile."""
    if waiter.done():
        return
    if error is None:
        waiter.set_result(result)
    else:
        # A future refuses this one, and who awaits it would wait for ever.
        waiter.set_exception(RuntimeError("StopIteration was raised") if isinstance(error, StopIteration) else error)
