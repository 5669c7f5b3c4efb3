"""Run a schedule: take calls turn by turn as it says, and look at the invariants after each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from ...model.keys import Peppers
from ..invariants import check_invariants
from ..world import World
from .cast import ADDRESSES, POLICIES, TIGHT, USERS
from .people import People
from .promises import Ledger
from .schedule import Call, Clock, Crash, Move, Run, Schedule
from .tasks import Broken, Task
from .turns import take_turn
from .wiring import CountedBytes, behind, wire

MakeWorld = Callable[[Mapping[str, Any]], World]
"""Returns a world with the given policy."""
Restart = Callable[[World], None]
"""Puts a world's ports in place again after a crash, as far as they do not last."""


_LAST = Call(0, "host", "deliver")


@frozen
class Outcome:
    """What came of a schedule.

    ``schedule``: what was run. ``events``: what happened, in order. ``rule``: the invariant that does not hold, or
    ``None``. ``why``: how. ``turns``: how many turns each call took.
    """

    schedule: Schedule
    events: tuple[str, ...]
    rule: str | None
    why: str
    turns: Mapping[int, int]

    def __str__(self) -> str:
        """Return the schedule, and what happened in comments: ``Schedule.parse`` reads it."""
        happened = (f"#   {event}" for event in self.events)
        return "\n".join((f"# {self.why or 'all invariants hold'}", str(self.schedule), "# what happened:", *happened))


def run_schedule(schedule: Schedule, make_world: MakeWorld = World, restart: Restart | None = None) -> Outcome:
    """Run a schedule in a new world; the same one always comes to the same outcome.

    ``restart``: called at each crash with the world, for ports that do not last or that have to be opened again.
    Raises ``ValueError`` for a call or policy that is none.
    """
    return Runner(schedule, make_world, restart).run()


def _check_words(schedule: Schedule) -> None:
    """Refuse what is no policy, person or act. Raises ``ValueError``."""
    for name in schedule.policies:
        if name not in POLICIES:
            raise ValueError(f"policy {name}: is none of {', '.join(POLICIES)}")
    for call in schedule.calls:
        if call.who not in (*USERS, "host") or not hasattr(People, f"_{call.act}"):
            raise ValueError(f"{call}: is no call that anybody makes")


class Runner:
    """One run of a schedule."""

    def __init__(self, schedule: Schedule, make_world: MakeWorld, restart: Restart | None) -> None:
        _check_words(schedule)
        chosen = [POLICIES[name] for name in schedule.policies]
        policy = {name: value for each in (TIGHT, *chosen) for name, value in each.items()}
        self.now: Task | None = None
        self._schedule, self._restart = schedule, restart
        self._world = make_world(policy)
        self._world.rewire(random_bytes=CountedBytes())
        self._ledger = Ledger(self._world, dict(USERS), dict(ADDRESSES))
        self._people = People(self._world, self._ledger)
        self._calls = {call.label: call for call in schedule.calls}
        self._tasks: dict[int, Task] = {}
        self._turns = 0
        self._taken: dict[int, int] = {}
        self._events: list[tuple[str, ...]] = []
        self._peppers = 0
        self._latest = self._world.clock()
        self.everything_seen = self._ledger.stored.everything
        wire(self._world, self)
        self._people.prepare(behind(self._world.homeserver.identity))

    def run(self) -> Outcome:
        """Run to the end, or to the first invariant that does not hold."""
        try:
            for move in (*self._schedule.moves, *(Run(label) for label in self._calls)):
                self._move(move)
            self._settle()
            check_invariants(self._world, "", allowed_5xx=range(500, 600))
        except AssertionError as error:
            return self._outcome(getattr(error, "rule", "SEC-0"), str(error).partition("\n")[0])
        finally:
            self._cut_all()
        return self._outcome(None, "")

    def asks(self, task: Task, port: str, method: str) -> None:
        """Note that a call of a port is about to be made."""
        fault = task.faults.get(task.asked)
        self._ledger.unsure = self._ledger.unsure or (port == "sender" and fault is not None)
        if fault is not None:
            self._ledger.interrupted()
        self._events.append((f"{task.call.label}.{task.asked}", f"{port}.{method}", *([fault] if fault else ())))

    def answered(self, task: Task, port: str, method: str, values: tuple[Any, ...], answer: Any) -> None:
        """Tell the ledger of an answer of a port."""
        self._ledger.answered(task, port, method, values, answer)

    def _move(self, move: Move) -> None:
        if isinstance(move, Run):
            self._run(move)
            return
        self._events.append((str(move),))
        if isinstance(move, Clock):
            self._world.clock.advance(move.ms)
            self._latest = max(self._latest, self._world.clock())
            self._excuse_running()
        elif isinstance(move, Crash):
            self._crash()
        else:
            self._rotate()

    def _settle(self) -> None:
        """Send all that is still due, and look at everything once more."""
        self._ledger.look()
        due = [session.due_at for session in self.everything_seen() if session.due_at is not None]
        if (ahead := max([self._latest, *due]) - self._world.clock()) > 0:
            self._move(Clock(ahead))
        self._calls[_LAST.label] = _LAST
        self._run(Run(_LAST.label))
        self._ledger.look_at_mails(self._latest)

    def _run(self, move: Run) -> None:
        if move.label not in self._calls:
            return
        task = self._tasks.get(move.label) or self._begin(self._calls[move.label])
        left = move.turns
        while task.ended is None and left != 0:
            self._take(task)
            left = None if left is None else left - 1

    def _begin(self, call: Call) -> Task:
        self._turns += 1
        task = Task(call, self._schedule.faults_of(call.label), None, began=self._turns)  # type: ignore[arg-type]
        task.work = self._people.perform(task)
        self._tasks[call.label] = task
        self._events.append((f"{call.label} begins: {call.who} {call.act}", *call.values))
        self._ledger.begins(task)
        return task

    def _take(self, task: Task) -> None:
        self._turns += 1
        self._taken[task.call.label] = self._taken.get(task.call.label, 0) + 1
        self.now = task
        try:
            take_turn(task.work)
        except StopIteration as stop:
            task.ended, task.answered = self._turns, True
            self._events.append((f"{task.call.label} ends: {stop.value}",))
        except Broken:
            raise
        except Exception as error:
            raise Broken("no bug surfaces", f"call {task.call.label} raised {type(error).__name__}: {error}") from error
        finally:
            self.now = None

    def _crash(self) -> None:
        self._ledger.interrupted()
        self._cut_all()
        if self._restart is not None:
            self._restart(self._world)
        self._world.rewire()
        wire(self._world, self)
        self._ledger.look()

    def _cut_all(self) -> None:
        self._turns += 1
        for task in self._tasks.values():
            if task.ended is None:
                task.ended = self._turns
                task.work.close()

    def _rotate(self) -> None:
        self._peppers += 1
        self._ledger.unsure = self._ledger.unsure or self._peppers > 1
        previous = self._world.homeserver.peppers.current.key
        self._world.rewire(peppers=Peppers.of(f"pepper number {self._peppers:>32}".encode(), previous))
        self._excuse_running()

    def _excuse_running(self) -> None:
        for task in self._tasks.values():
            if task.ended is None:
                task.excused = task.stalled = True

    def _outcome(self, rule: str | None, why: str) -> Outcome:
        return Outcome(self._schedule, tuple(" ".join(event) for event in self._events), rule, why, dict(self._taken))
