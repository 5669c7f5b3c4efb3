"""Jobs beside the requests outlive failures, keep their pace, and end when they are told to; no test waits for time."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
import trio
from attrs import define, field
from trio.testing import MockClock
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from virtual_time import Time

from matrix_threepid import ConfigurationError, Medium, Peppers, Service, run_sync
from matrix_threepid.hosts import twisted_jobs
from matrix_threepid.hosts.housekeeping import keep_house, keep_house_in_threads, keep_house_in_trio
from matrix_threepid.housekeeping import Job
from matrix_threepid.memory.sessions import MemorySessions
from matrix_threepid.protocol.errors import Unavailable
from matrix_threepid.roles.identity_server import Delegate
from matrix_threepid.testing import ALICE, FakeClock, World
from matrix_threepid.testing.identity import FakeIdentityServers
from matrix_threepid.testing.world import PEPPER

LOGGER = "matrix_threepid.housekeeping"
Kept = tuple[Service | Job, ...]
Drive = Callable[[int, Kept], None]


# -- drivers, in time that passes when the test says so ------------------------------------------


def under_asyncio(ms: int, kept: Kept) -> None:
    async def main() -> None:
        time = Time()
        task = asyncio.ensure_future(keep_house(*kept, sleep=time.sleep))
        await time.pass_until(ms)
        assert not task.done()
        task.cancel()
        await time.pass_until(ms + 30_000)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


def under_trio(ms: int, kept: Kept) -> None:
    async def main() -> None:
        with trio.move_on_after(ms / 1000) as scope:
            await keep_house_in_trio(*kept)
        assert scope.cancelled_caught

    trio.run(main, clock=MockClock(autojump_threshold=0))


def under_twisted(ms: int, kept: Kept) -> None:
    clock, ended = Clock(), []
    stop = twisted_jobs.keep_house_in_twisted(*kept, clock=clock)
    for _ in range(ms // 100):
        clock.advance(0.1)
    stop().addCallback(ended.append)
    assert ended
    assert clock.getDelayedCalls() == []


class Naps(threading.Event):
    """Time for threads: each has its own, which passes at once while it waits."""

    def __init__(self, ms: int) -> None:
        super().__init__()
        self._ms, self._passed = ms, Counter[str]()

    def wait(self, timeout: float | None = None) -> bool:
        name = threading.current_thread().name
        self._passed[name] += round((timeout or 0) * 1000)
        return self._passed[name] > self._ms


def in_threads(ms: int, kept: Kept) -> None:
    before = threading.active_count()
    keep_house_in_threads(*kept, stopped=Naps(ms))()
    assert threading.active_count() == before


DRIVERS = [under_asyncio, under_trio, under_twisted, in_threads]
every_driver = pytest.mark.parametrize("drive", DRIVERS, ids=lambda drive: drive.__name__)


# -- jobs ----------------------------------------------------------------------------------------


@define
class Work:
    """Work that fails when the next of ``fates`` says so, and succeeds when there are none left."""

    fates: list[BaseException | object] = field(factory=list)
    done: int = 0

    async def __call__(self) -> object:
        self.done += 1
        fate = self.fates.pop(0) if self.fates else None
        if isinstance(fate, BaseException):
            raise fate
        return fate


def job(*fates: BaseException | object, every: int = 5000, **more: Any) -> Job:
    return Job(name="tidy", every=every, work=Work(list(fates)), **more)


def runs(kept: Job) -> int:
    work: Any = kept.work
    return int(work.done)


def pauses(kept: Job, times: int) -> Iterator[int]:
    for _ in range(times):
        yield run_sync(kept.run_once())


@pytest.fixture
def warned(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Return a function that returns what was logged about jobs."""
    return lambda: [record.getMessage() for record in caplog.records if record.name == LOGGER]


# -- one run -------------------------------------------------------------------------------------


def test_a_job_that_fails_waits_twice_as_long_each_time() -> None:
    """The pause after failures in a row doubles up to a minute, and after a success the pace is what it was."""
    down = [Unavailable()] * 6
    assert list(pauses(job(*down, None, Unavailable()), 9)) == [
        *(5000, 10_000, 20_000, 40_000, 60_000, 60_000),
        *(5000, 5000, 5000),
    ]


def test_a_slow_job_is_not_hurried_by_failures() -> None:
    """A job whose own pace is slower than a minute keeps it when it fails."""
    assert list(pauses(job(*[OSError()] * 3, every=300_000), 4)) == [300_000] * 4


def test_a_job_with_more_to_do_comes_back_sooner() -> None:
    """A run that did as much as one may is followed after a tenth of the pace, any other after the whole."""
    assert list(pauses(job(100, 101, 99, 0, None, limit=100), 5)) == [500, 500, 5000, 5000, 5000]


def test_a_job_says_when_it_is_due() -> None:
    """A host may drive a job by its clock: it is due when it is made, then as long after a run as the run says."""
    clock = FakeClock()
    tidy = job(None, Unavailable(), Unavailable(), clock=clock)
    assert tidy.due_at == clock()
    for pause in (5000, 5000, 10_000):
        clock.advance(70)
        assert run_sync(tidy.run_once()) == pause
        assert tidy.due_at == clock() + pause


def test_a_failure_is_logged_once_and_quietly(caplog: pytest.LogCaptureFixture) -> None:
    """One warning a failure names the job and the type of the error, and nothing the error says."""
    run_sync(job(ValueError("alice@example.org is s3cret")).run_once())
    (record,) = [record for record in caplog.records if record.name == LOGGER]
    assert (record.levelno, record.exc_info) == (logging.WARNING, None)
    assert record.getMessage() == "tidy failed: ValueError; next try in 5000 ms"


@pytest.mark.parametrize("stop", [asyncio.CancelledError, KeyboardInterrupt, SystemExit])
def test_what_stops_a_program_passes(stop: type[BaseException], warned: Callable[[], list[str]]) -> None:
    """Cancellation and the end of the program are no failures of a job."""
    with pytest.raises(stop):
        run_sync(job(stop()).run_once())
    assert warned() == []


@pytest.mark.parametrize("every", [0, -1, 0.5, None])
def test_a_job_without_a_pace_is_refused(every: Any) -> None:
    """A pace that is no time is refused when the job is made."""
    with pytest.raises(ConfigurationError, match="every: must be a whole number of ms from 1"):
        job(every=every)


# -- the jobs of a role --------------------------------------------------------------------------


def paces(service: Service, **choices: int) -> dict[str, int]:
    return {kept.name: kept.every for kept in service.jobs(**choices)}


def test_a_homeserver_has_jobs_at_three_paces(world: World) -> None:
    """Messages of each medium are sent, unbinds retried and rows purged, at three paces, which a host may choose."""
    world.rewire(identity=FakeIdentityServers())
    assert paces(world.service) == {
        "deliver_due email": 5000,
        "deliver_due msisdn": 5000,
        "retry_unbinds": 30_000,
        "purge": 300_000,
    }
    chosen = {"deliver_every": 1000, "retry_every": 2000, "purge_every": 3000}
    assert list(paces(world.service, **chosen).values()) == [1000, 1000, 2000, 3000]


def test_only_who_talks_to_identity_servers_asks_them_again(world: World) -> None:
    """Without a client for identity servers, and in other roles, nothing is unbound and no job tries to."""
    world.rewire(identity=None)
    delegate = Delegate(server_name="sms.example.org", peppers=Peppers.of(PEPPER))
    for service in (world.service, Service(delegate)):
        assert list(paces(service)) == ["deliver_due email", "deliver_due msisdn", "purge"]


# -- driven --------------------------------------------------------------------------------------


class AwayOnce(MemorySessions):
    """Sessions in memory whose back end cannot be reached the first time messages are looked for."""

    away = True

    async def lease_due(self, now: int, until: int, medium: Medium) -> Any:
        if self.away and medium is Medium.EMAIL:
            self.away = False
            raise Unavailable
        return await super().lease_due(now, until, medium)


@every_driver
def test_an_outage_delays_and_ends_nothing(
    make_world: Callable[..., World], warned: Callable[[], list[str]], drive: Drive
) -> None:
    """A store that is away once is logged once, and the message goes out when its job runs again."""
    sessions = AwayOnce()
    world = make_world({"deferred_sending": True}, sessions=sessions)
    asked = {"email": "alice@example.org", "client_secret": "secret", "send_attempt": 1}
    assert world.post("/account/3pid/email/requestToken", asked, ALICE).status == 200
    drive(100, (world.service,))
    assert world.outbox.messages == []
    assert warned() == ["deliver_due email failed: Unavailable; next try in 5000 ms"]
    sessions.away = True
    drive(5100, (world.service,))
    assert [message.recipient for message in world.outbox.messages] == ["alice@example.org"]
    assert len(warned()) == 2


@every_driver
def test_every_job_keeps_its_own_pace(drive: Drive) -> None:
    """Jobs run at once and then at their own pace, whatever becomes of the others, until they are told to end."""
    quick, slow, broken = job(every=2000), job(every=300_000), job(*[OSError()] * 9, every=4000)
    for name, kept in zip(("quick", "slow", "broken"), (quick, slow, broken), strict=True):
        kept.name = name
    drive(12_900, (quick, slow, broken))
    assert [runs(kept) for kept in (quick, slow, broken)] == [7, 1, 3]


async def never() -> None:
    await trio.sleep_forever()


def forever_asyncio() -> Awaitable[object]:
    return asyncio.Event().wait()


@pytest.mark.parametrize(("drive", "stuck"), [(under_asyncio, forever_asyncio), (under_trio, never)])
def test_a_job_that_takes_its_time_holds_no_other_up(drive: Drive, stuck: Callable[[], Awaitable[object]]) -> None:
    """While one job waits for something the others run; what does not end by itself is ended after 30 seconds."""
    quick = job(every=2000)
    drive(4900, (Job(name="stuck", every=1, work=stuck), quick))
    assert runs(quick) == 3


def test_threads_do_not_wait_for_each_other() -> None:
    """A thread that is in the middle of its job holds no other up, and stopping waits until it is done."""
    begun, go_on, tidied = threading.Event(), threading.Event(), threading.Event()

    async def stuck() -> None:
        begun.set()
        assert go_on.wait(30)

    async def tidy() -> None:
        tidied.set()

    slow = Job(name="stuck", every=300_000, work=stuck)
    stop = keep_house_in_threads(slow, Job(name="tidy", every=300_000, work=tidy))
    assert begun.wait(30)
    assert tidied.wait(30)
    go_on.set()
    stop()
    assert slow.due_at > 0


def test_a_thread_outlives_what_runs_its_coroutines(warned: Callable[[], list[str]]) -> None:
    """A loop that cannot run a job is a failure of that job as well, and it is tried again."""
    tidy, fates = job(), [RuntimeError("the loop is closed")]

    def run(work: Any) -> int:
        if fates:
            work.close()
            raise fates.pop()
        return run_sync(work)

    keep_house_in_threads(tidy, run=run, stopped=Naps(5000))()
    assert runs(tidy) == 1
    assert warned() == ["tidy failed: RuntimeError; next try in 5000 ms"]


def test_twisted_finishes_what_has_begun() -> None:
    """Stopping under Twisted cuts pauses, not work: its Deferred fires once the work is done."""
    clock, working, ended = Clock(), Deferred[None](), []
    quick = job(every=2000)
    stop = twisted_jobs.keep_house_in_twisted(Job(name="slow", every=1, work=lambda: working), quick, clock=clock)
    for _ in range(49):
        clock.advance(0.1)
    assert runs(quick) == 3
    stop().addCallback(ended.append)
    assert ended == []
    working.callback(None)
    assert len(ended) == 1
    clock.advance(600)
    assert runs(quick) == 3


def test_twisted_outlives_what_runs_its_coroutines(warned: Callable[[], list[str]]) -> None:
    """A coroutine that could not be run is a failure of its job, and it is tried again."""
    clock, tidy, tries = Clock(), job(), Counter[str]()

    def run(work: Any) -> Deferred[int]:
        tries["run"] += 1
        work.close()
        raise RuntimeError

    stop = twisted_jobs.keep_house_in_twisted(tidy, run=run, clock=clock)
    clock.advance(5)
    stop()
    assert tries["run"] == 2
    assert len(warned()) == 2
