"""``Threads``: blocking work stops no event loop, whichever runs, and none of it is lost or unbounded."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from threading import Event, get_ident
from typing import Any
from weakref import ref

import pytest
import trio
from looping import Work, run_trio, together
from trio.testing import wait_all_tasks_blocked

from matrix_threepid import ConfigurationError, Threads, inline, run_sync
from matrix_threepid.protocol.errors import Unavailable
from matrix_threepid.testing.rogue import PATIENCE

LOOPS = pytest.mark.parametrize("run", [asyncio.run, run_trio], ids=["asyncio", "trio"])
Run = Callable[[Work], Any]
AROUND: ContextVar[str] = ContextVar("AROUND", default="")


class Blocking:
    """Work that has ``begun`` and goes on until the test says ``go_on``; ``threads``: where it ran."""

    def __init__(self) -> None:
        self.begun, self.go_on, self.threads = Event(), Event(), list[int]()

    def __call__(self) -> bool:
        self.threads.append(get_ident())
        self.begun.set()
        return self.go_on.wait(PATIENCE)

    async def has_begun(self) -> None:
        """Wait until it has begun, while the loop goes on."""
        assert await Threads(1)(lambda: self.begun.wait(PATIENCE))


@LOOPS
def test_the_loop_goes_on_while_work_blocks(run: Run) -> None:
    """Work that waits for something the loop does later gets it."""
    work = Blocking()

    async def later() -> None:
        await work.has_begun()
        work.go_on.set()

    async def both() -> list[Any]:
        return await together(Threads(1)(work), later())

    assert run(both()) == [True, None]
    assert get_ident() not in work.threads


@LOOPS
def test_what_work_raises_is_raised(run: Run) -> None:
    """Who asked for work hears of its failure."""

    def fails() -> None:
        raise LookupError("not there")

    with pytest.raises(LookupError, match="not there"):
        run(Threads(1)(fails))


@LOOPS
def test_work_sees_the_context_of_who_asked(run: Run) -> None:
    """Context variables, such as those of logging, reach the thread."""

    async def ask() -> str:
        AROUND.set("request 1")
        return await Threads(1)(AROUND.get)

    assert run(ask()) == "request 1"


@LOOPS
def test_one_piece_more_than_allowed_waits(run: Run) -> None:
    """With all places taken the next piece of work begins only when one is free."""
    threads, first, second = Threads(2), [Blocking(), Blocking()], Blocking()
    second.go_on.set()

    async def one_more() -> list[Any]:
        for work in first:
            await work.has_begun()
        return await together(threads(second), free_one())

    async def free_one() -> bool:
        await Threads(1)(lambda: None)  # the third has been asked for
        waited = not second.begun.is_set()
        first[0].go_on.set()
        await second.has_begun()
        first[1].go_on.set()
        return waited

    async def all_of_it() -> list[Any]:
        return await together(*map(threads, first), one_more())

    assert run(all_of_it()) == [True, True, [True, True]]


def test_cancelled_work_that_has_begun_keeps_its_place() -> None:
    """Nobody waits for it any more, but its thread is free for other work only when it has ended."""
    threads, first, second = Threads(1), Blocking(), Blocking()
    second.go_on.set()

    async def cancel() -> None:
        cancelled = asyncio.create_task(threads(first))
        await first.has_begun()
        cancelled.cancel()
        await asyncio.wait([cancelled])
        assert cancelled.cancelled()
        waiting = asyncio.create_task(threads(second))
        await Threads(1)(lambda: None)
        assert not second.begun.is_set()
        first.go_on.set()
        assert await waiting

    asyncio.run(cancel())
    assert first.threads == second.threads


@LOOPS
def test_cancelled_work_that_has_not_begun_is_not_done(run: Run) -> None:
    """Work that was cancelled while it waited for its turn is left out."""
    threads, first, second = Threads(1), Blocking(), Blocking()

    async def cancel() -> None:
        await first.has_begun()
        await _cancelled(threads(second))
        first.go_on.set()

    async def both() -> list[Any]:
        return [await together(threads(first), cancel()), await threads(lambda: "next")]

    assert run(both()) == [[True, None], "next"]
    assert not second.begun.is_set()


async def _cancelled(work: Work) -> None:
    """Await work, and cancel that once it waits."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: work)
            await wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        return
    task = asyncio.create_task(work)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])


@LOOPS
def test_work_that_waits_too_long_for_its_turn_fails(run: Run) -> None:
    """Past ``patience`` work is not begun, so that a line of waiting requests comes to an end."""
    work = Blocking()
    with pytest.raises(Unavailable):
        run(Threads(1, patience=0)(work))
    assert not work.begun.is_set()


def test_without_a_loop_work_runs_right_here() -> None:
    """Threaded hosts have threads already."""
    assert run_sync(Threads(1)(get_ident)) == get_ident()


@LOOPS
def test_under_run_sync_work_runs_right_here_inside_a_loop(run: Run) -> None:
    """An application that is imported by a server inside its loop can migrate its database with ``run_sync``."""

    async def imported() -> tuple[int, bool]:
        return run_sync(Threads(1)(get_ident)), await Threads(1)(get_ident) == get_ident()

    assert run(imported()) == (get_ident(), False)


@LOOPS
def test_inline_refuses_to_stop_a_loop(run: Run) -> None:
    """Where a loop runs, ``inline`` says so and names what to do; elsewhere it runs the work right here."""
    with pytest.raises(ConfigurationError, match="leave offload out"):
        run(inline(get_ident))

    async def imported() -> int:
        return run_sync(inline(get_ident))

    assert {run(imported()), run_sync(inline(get_ident))} == {get_ident()}


def test_no_threads_are_refused() -> None:
    """Without a thread nothing would ever be done."""
    with pytest.raises(ConfigurationError, match="most"):
        Threads(0)


# -- in processes of their own ------------------------------------------------------------------------

ON_TWISTED = """
import sys
from threading import Event, get_ident

if sys.argv[1] == "asyncio":
    from twisted.internet import asyncioreactor
    asyncioreactor.install()
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred, gatherResults

from matrix_threepid import ConfigurationError, Threads, inline, run_sync

begun, go_on = Event(), Event()

def work():
    begun.set()
    return go_on.wait(30)

def fails():
    raise LookupError

async def later():
    assert await Threads(1)(lambda: begun.wait(30))
    go_on.set()

async def story():
    threads = Threads(1)
    assert await gatherResults([ensureDeferred(threads(work)), ensureDeferred(later())]) == [True, None]
    assert await threads(get_ident) != get_ident()
    assert run_sync(threads(get_ident)) == get_ident()
    try:
        await threads(fails)
    except LookupError:
        pass
    else:
        raise AssertionError
    try:
        await inline(get_ident)
    except ConfigurationError:
        pass
    else:
        raise AssertionError
    begun.clear(), go_on.clear()
    cancelled = ensureDeferred(threads(work))
    assert await Threads(1)(lambda: begun.wait(30))
    cancelled.cancel()
    try:
        await cancelled
    except CancelledError:
        go_on.set()
    assert await threads(lambda: "next") == "next"
    if sys.argv[1] == "asyncio":
        await beside_tasks(threads)

async def beside_tasks(threads):
    import asyncio

    async def in_a_task():
        return await threads(get_ident)

    loop = asyncio.get_running_loop()
    assert await Deferred.fromFuture(loop.create_task(in_a_task())) != get_ident()
    fired = Deferred()

    async def resumed_by_a_task():
        await fired
        return await threads(get_ident)

    async def fires():
        fired.callback(None)

    resumed = ensureDeferred(resumed_by_a_task())
    loop.create_task(fires())
    assert await resumed != get_ident()

def begin():
    done = ensureDeferred(story())
    done.addCallbacks(lambda _: print("done"), lambda failure: failure.printTraceback(sys.stderr))
    done.addBoth(lambda _: reactor.stop())

reactor.callWhenRunning(begin)
reactor.run()
assert run_sync(Threads(1)(get_ident)) == get_ident()

async def after():
    return await Threads(1)(get_ident)

try:
    after().send(None)
except StopIteration as stop:
    assert stop.value == get_ident()
"""
IN_SYNAPSE = """
import sys
from types import SimpleNamespace
from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred

from matrix_threepid import Threads

waits = []
in_its_way = lambda wait: waits.append(wait) or wait
sys.modules["synapse.logging.context"] = SimpleNamespace(make_deferred_yieldable=in_its_way)

def begin():
    done = ensureDeferred(Threads(1)(lambda: "done"))
    done.addCallback(print)
    done.addBoth(lambda _: reactor.stop())

reactor.callWhenRunning(begin)
reactor.run()
assert len(waits) == 1
"""
HELD_UP = """
import asyncio
from threading import Event

from matrix_threepid import Threads

begun = Event()

async def ask():
    forever = asyncio.create_task(Threads(1)(lambda: begun.set() or Event().wait()))
    await Threads(1)(begun.wait)
    forever.cancel()

asyncio.run(ask())
print("done")
"""
FORKED = """
import asyncio, os

from matrix_threepid import Threads

threads = Threads(1)

async def ask():
    return await threads(os.getpid)

assert asyncio.run(ask()) == os.getpid()
child = os.fork()
if not child:
    os._exit(asyncio.run(ask()) != os.getpid())
assert os.waitpid(child, 0)[1] == 0
print("done")
"""


@pytest.mark.parametrize(
    ("program", "argument"),
    [(ON_TWISTED, "default"), (ON_TWISTED, "asyncio"), (IN_SYNAPSE, ""), (HELD_UP, ""), (FORKED, "")],
    ids=["Twisted", "Twisted on asyncio", "inside Synapse", "the end of the process", "after a fork"],
)
def test_in_a_process_of_its_own(program: str, argument: str) -> None:
    """Twisted's coroutines get Deferreds, work that never ends holds up no exit, and a forked process has threads.

    Inside Synapse a Deferred comes back in its log context.
    """
    run = subprocess.run(  # noqa: S603  our own program
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", program, argument],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (run.stdout, run.returncode) == ("done\n", 0), run.stderr


def test_a_loop_that_ended_before_its_work_is_forgotten() -> None:
    """Work that outlives its event loop does not keep that loop in memory."""
    work, threads = Blocking(), Threads(1)

    async def leave() -> ref[asyncio.AbstractEventLoop]:
        task = asyncio.ensure_future(threads(work))
        await work.has_begun()
        task.cancel()
        return ref(asyncio.get_running_loop())

    loop = asyncio.run(leave())
    work.go_on.set()
    threads.start(lambda: None).result(PATIENCE)
    gc.collect()
    assert loop() is None
