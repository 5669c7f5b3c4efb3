"""The jobs of the module, run by what Synapse gives to modules; without a Synapse."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from attrs import define, field

from matrix_threepid.housekeeping import Job
from matrix_threepid.offload import run_sync
from matrix_threepid.synapse.housekeeping import keep_house


@define
class Clock:
    """What a process of Synapse gives to modules: calls after some ms, if it runs the background tasks."""

    runs_background_tasks: bool = True
    calls: list[tuple[float, Callable[[], Awaitable[None]], str]] = field(factory=list)

    def should_run_background_tasks(self) -> bool:
        return self.runs_background_tasks

    def delayed_background_call(self, msec: float, f: Callable[[], Awaitable[None]], *, desc: str) -> None:
        self.calls.append((msec, f, desc))

    def run_next(self) -> None:
        _, call, _ = self.calls.pop(0)
        run_sync(call())


def jobs(work: Callable[[], Any]) -> list[Job]:
    async def done() -> None:
        work()

    return [Job(name="purge", every=7000, work=done)]


def test_a_job_is_run_again_after_its_pace() -> None:
    """Each run is a background process of Synapse's with the name of the job, and is followed by the next one."""
    clock, runs = Clock(), list[int]()
    keep_house(clock, jobs(lambda: runs.append(1)))  # type: ignore[arg-type]
    clock.run_next()
    clock.run_next()
    assert (len(runs), [(ms, name) for ms, _, name in clock.calls]) == (2, [(7000, "matrix_threepid_purge")])


def test_a_job_that_fails_is_run_again(caplog: Any) -> None:
    """A failure is logged with its type, and the job comes again, later each time."""
    clock = Clock()
    keep_house(clock, jobs(lambda: {}["no"]))  # type: ignore[arg-type]
    clock.run_next()
    clock.run_next()
    assert [ms for ms, *_ in clock.calls] == [14_000]
    assert caplog.messages[0] == "purge failed: KeyError; next try in 7000 ms"


def test_other_processes_run_no_jobs() -> None:
    """Of several workers only the one with the background tasks runs the jobs."""
    clock = Clock(runs_background_tasks=False)
    keep_house(clock, jobs(lambda: None))  # type: ignore[arg-type]
    assert clock.calls == []
