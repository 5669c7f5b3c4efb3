"""Runs mutants: pytest collects once, and each mutant is a child process in which functions have other code."""

from __future__ import annotations

import gc
import json
import os
import random
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from time import monotonic
from types import FunctionType
from typing import Any

import pytest
from attrs import define, field, frozen

from .mutants import Mutant, code_of

PACKAGE = Path(__file__).parents[2] / "matrix_threepid"
TESTS = (
    "accounts", "administration", "callbacks", "contracts", "delegate", "explaining", "flows", "identity",
    "identity_server", "model", "outages", "protocol", "rooms", "sms", "test_bad_input.py", "test_vectors_addresses.py",
    "test_vectors_grammar.py", "test_vectors_next_link.py", "test_vectors_send_attempt.py", "test_limits_table.py",
    "test_media.py", "test_leak.py", "test_pieces.py", "test_message_ids.py", "test_schedules.py",
)  # fmt: skip
"""What runs: the tests that need no other process and little time."""
KILLED, SURVIVED, SLOW, UNTESTED, UNCHANGED = "killed", "survived", "killed by time", "untested", "unchanged"
_FAILED, _CANNOT = 7, 8
Function = tuple[str, str, int]


@frozen
class Coverage:
    """Which tests call which functions.

    * ``tests``: the tests that call a function, by its file, name and first line.
    * ``seconds``: the time of each test.
    """

    tests: Mapping[Any, Sequence[str]]
    seconds: Mapping[str, float]

    def of(self, mutant: Mutant, most: float) -> list[str]:
        """Return the tests that may notice a mutant, the quickest first, as many as take ``most`` s."""
        found = sorted(self.tests.get((mutant.file, *mutant.function), ()), key=lambda name: self.seconds[name])
        taken, total = [], 0.0
        for name in found:
            total += self.seconds[name]
            if total > most and taken:
                break
            taken.append(name)
        return taken


@define(eq=False)
class Mutating:
    """A plugin of pytest that runs mutants in place of the tests.

    * ``mutants``: the mutants, in order.
    * ``told``: called with each mutant and what became of it.
    * ``until``: when to begin no further one, in s of the monotonic clock.
    * ``cache``: a file that keeps which tests call what.
    * ``most``: the s of tests that are run for a mutant.
    """

    mutants: Sequence[Mutant]
    told: Callable[[Mutant, str], None]
    until: float
    cache: Path
    most: float = 40.0
    _watching: bool = field(init=False, default=False)
    _failed: set[str] = field(init=False, factory=set)
    """Tests that fail without a mutant, such as those that look at who watches; they show nothing here."""

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed and self._watching:
            self._failed.add(report.nodeid)
        elif report.failed:
            os._exit(_FAILED)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        coverage = self._coverage(items)
        for mutant in self.mutants:
            if monotonic() > self.until:
                break
            names = [name for name in coverage.of(mutant, self.most) if name in items]
            self.told(mutant, self._fate(mutant, [items[name] for name in names], coverage) if names else UNTESTED)
        return True

    def _fate(self, mutant: Mutant, items: Sequence[Any], coverage: Coverage) -> str:
        expected = sum(coverage.seconds[item.nodeid] for item in items)

        def work() -> int:
            if not _changed(mutant):
                return _CANNOT
            _run(items)
            return 0

        code = _in_child(work, 10 + 5 * expected)
        return {0: SURVIVED, _FAILED: KILLED, _CANNOT: UNCHANGED, None: SLOW}.get(code, KILLED)

    def _coverage(self, items: Mapping[str, Any]) -> Coverage:
        if not self.cache.exists() or not set(items) <= set(json.loads(self.cache.read_text())["seconds"]):
            assert _in_child(lambda: self._watch(list(items.values())), 7200) == 0
        read = json.loads(self.cache.read_text())
        names = list(read["seconds"])
        calls = {tuple(function): [names[one] for one in those] for *function, those in read["calls"]}
        return Coverage(calls, read["seconds"])

    def _watch(self, items: Sequence[Any]) -> int:
        """Run tests and write down which functions of the package each of them calls, and how long it took."""
        inside, seconds, calls = f"{PACKAGE}{os.sep}", dict[str, float](), dict[Function, list[int]]()
        called: set[Any] = set()
        self._watching = True

        def seen(frame: Any, event: str, _: object) -> None:
            if event == "call":
                called.add(frame.f_code)

        for number, (item, following) in enumerate(zip(items, [*items[1:], None], strict=True)):
            called.clear()
            began = monotonic()
            threading.setprofile(seen)
            sys.setprofile(seen)
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            sys.setprofile(None)
            threading.setprofile(None)
            seconds[item.nodeid] = round(monotonic() - began, 4)
            for code in list(called):
                if code.co_filename.startswith(inside):
                    function = (code.co_filename.removeprefix(inside), code.co_name, code.co_firstlineno)
                    calls.setdefault(function, []).append(number)
        clean = {number for number, item in enumerate(items) if item.nodeid not in self._failed}
        known = [[*each, [one for one in those if one in clean]] for each, those in calls.items()]
        self.cache.write_text(json.dumps({"seconds": seconds, "calls": known, "failed": sorted(self._failed)}))
        return 0


def run(mutants: Sequence[Mutant], told: Callable[[Mutant, str], None], seconds: float, cache: Path) -> int:
    """Run mutants for at most so many seconds; return pytest's exit status."""
    root = PACKAGE.parent
    plugin = Mutating(mutants, told, monotonic() + seconds, cache)
    paths = [str(root / "tests" / name) for name in TESTS if (root / "tests" / name).exists()]
    return int(pytest.main(["-o", "addopts=", "-p", "no:cacheprovider", "-p", "no:terminal", *paths], plugins=[plugin]))


def draw(mutants: Iterable[Mutant], seed: int, count: int | None) -> list[Mutant]:
    """Return mutants in an order that a seed decides; ``count``: so many of them, or ``None`` for all."""
    drawn = sorted(mutants, key=lambda each: each.name)
    random.Random(seed).shuffle(drawn)  # noqa: S311  no secret
    return drawn[:count]


def _changed(mutant: Mutant) -> bool:
    """Give every function of the mutant's module its code; return whether one has changed."""
    gc.unfreeze()  # else what was there before the fork may be hidden
    codes, changed = code_of(PACKAGE, mutant), False
    file = str(PACKAGE / mutant.file)
    for each in [one for one in gc.get_objects() if type(one) is FunctionType]:
        old = each.__code__
        if old.co_filename == file:
            new = codes.get((old.co_name, old.co_firstlineno))
            if new is not None and new != old and new.co_freevars == old.co_freevars:
                each.__code__, changed = new, True
    return changed


def _run(items: Sequence[Any]) -> None:
    for item, following in zip(items, [*items[1:], None], strict=True):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)


def _in_child(work: Callable[[], int], seconds: float) -> int | None:
    """Do work in a forked process; return its exit status, ``None`` if it took too long."""
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if not child:
        os.setpgid(0, 0)
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 1)
        os.dup2(nothing, 2)
        status = 1
        try:
            status = work()
        finally:
            os._exit(status)
    for _ in _ticks(seconds):
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            _end(child)
            return os.waitstatus_to_exitcode(status)
    _end(child)
    os.waitpid(child, 0)
    return None


def _end(group: int) -> None:
    """Kill what a child has left behind."""
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _ticks(seconds: float) -> Iterator[None]:
    """Yield every 20 ms for some time."""
    until, tick = monotonic() + seconds, threading.Event()
    while monotonic() < until:
        yield
        tick.wait(0.02)
