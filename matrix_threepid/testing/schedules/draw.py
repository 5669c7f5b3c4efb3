"""Draw a schedule from a seed: a few people go their ways at one time, and things go wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from random import Random

from .cast import ADDRESSES, POLICIES, SERVERS, USERS
from .schedule import FAULT_KINDS, Call, Clock, Crash, Fault, Move, Rotate, Run, Schedule

_ADD = ("ask add {a} {s} 1", "{proves:add}", "add {a} {s}")
STORIES: Sequence[tuple[str, ...]] = (
    _ADD,
    _ADD,
    (*_ADD, "delete {a}", "ask add {a} {t} 1", "{proves:add}"),
    (*_ADD, "add {a} {s}", "legacy {a} {s} {other}"),
    ("ask add {a} {s} 1", "{proves:add}", "legacy {a} {s}", "list"),
    ("ask register {a} {s} 1", "{proves:register}", "register {a} {s}"),
    ("ask register {a} {s} 1", "{proves:register}", "register {a} {s}", "register {a} {s}", "release register {a} {s}"),
    (*_ADD, "ask password {a} {t} 1", "{proves:password}", "reset {a} {t}"),
    ("own {a}", "ask password {a} {t} 1", "{proves:password}", "reset {a} {t}", "reset {a} {t}"),
    ("own {a}", "ask password {a} {t} 1", "{proves:password}", "reset {a} {t}", "clock", "reset {a} {t}"),
    ("ask add {a} {s} 1", "{proves:add}", "other add {a} {s} {who}", "add {a} {s}"),
    ("ask register {a} {s} 1", "{proves:register}", "misuse {a} {s} register", "register {a} {s}"),
    ("bind {a} {i}", "unbind {a}", "bind {a} {i}", "delete {a} {i}"),
    ("bind {a} {i}", "unbind {a} {i}", "clock", "retry", "bind {a} {i}", "clock", "retry"),
    (*_ADD, "bind {a} {i}", "delete {a}", "clock", "retry", "bind {a} {i}"),
    (*_ADD, "bind {a} {i}", "delete {a}", "bind {a} {i}"),
    (*_ADD, "bind {a} {i}", "deactivate", "clock", "retry"),
    ("bind {a} {i}", "clock", "purge", "unbind {a}", "bind {a} {i}"),
    ("bind {a} {i}", "bind {b} {i}", "erase", "clock", "retry"),
    ("ask add {a} {s} 1", "ask add {a} {s} 1", "ask add {a} {s} 2", "ask add {a} {s} 1", "{proves:add}"),
    ("ask add {a} {s} 1", "type add {a} {s} wrong", "type add {a} {s} wrong", "type add {a} {s} wrong"),
    ("ask add {a} {s} 1", "disown {a}", "ask add {a} {s} 1", "add {a} {s}"),
    ("ask add {a} {s} 1", "ask add {a} {t} 1", "{proves:add}", "add {a} {s}", "{proves:add}", "add {a} {t}"),
)
"""What people do one after the other. ``{a}``, ``{b}``: addresses; ``{s}``, ``{t}``: secrets; ``{i}``: a server.
``{proves:…}``: the token comes back. ``clock``: time passes. ``other``: somebody else does it."""
RECORDED: Sequence[tuple[str, ...]] = (
    ("ask add {a} {s} 1", "report {a} bounced", "ask add {a} {t} 1", "ask add {a} {t} 2"),
    ("ask add {a} {s} 1", "report {a} bounced", "report {a} bounced", "clock", "ask register {a} {t} 1"),
    ("ask add {a} {s} 1", "report {a} bounced", "ask add {a} {t} 1", "report {a} delivered", "ask add {a} {t} 2"),
    (*_ADD, "report {a} complained", "delete {a}", "report {a} delivered", "purge"),
)
"""What comes on top where messages are recorded: what becomes of a message is reported, perhaps twice."""
JOBS = ("deliver", "retry", "purge", "deliver")
STEPS = (1_000, 31_000, 61_000, 660_000, 3_700_000, 90_000_000, 200_000_000, -1_000, -61_000, -3_700_000)
"""How far the clock moves, in ms: beyond a deadline, a lease, a code, a link, a session."""
_TURNS = (1, 2, 3, 5, 8, 13, 21)
_FAULTY_PORTS = 16
_MEETING = 0.05
_ASKING = ("bind", "unbind", "delete", "deactivate", "erase", "retry")


def draw(seed: int, *, recorded: bool = False) -> Schedule:
    """Return the schedule of a seed; the same one every time.

    ``recorded``: whether what becomes of messages is reported as well.
    """
    chance = Random(seed)  # noqa: S311  an order, no secret
    policies = tuple(name for name in POLICIES if chance.random() < 0.15)
    # Few addresses, so that people meet.
    names = chance.sample(sorted(ADDRESSES), 2)
    stories = (*STORIES, *RECORDED, *RECORDED) if recorded else STORIES
    lanes = [_lane(chance, names, stories) for _ in range(chance.choice((1, 2, 2, 3)))]
    if len(lanes) < 3 and chance.random() < 0.35:
        lanes.append(lanes[0][: chance.randint(1, len(lanes[0]))])  # a client that does everything twice
    deferred = "deferred" in policies or "hidden" in policies
    workers = 2 if deferred else int(chance.random() < 0.3)
    lanes += [[("host", job) for job in chance.sample(JOBS, chance.randint(1, len(JOBS)))] for _ in range(workers)]
    labels = count(1)
    called = [[_step(chance, next(labels), *each) for each in lane] for lane in lanes]
    calls = tuple(step for lane in called for step in lane if isinstance(step, Call))
    faults = tuple(_fault(chance, calls) for _ in range(chance.choice((0, 0, 1, 1, 2))))
    return Schedule(calls, tuple(_moves(chance, called)), faults, policies)


def _lane(chance: Random, names: Sequence[str], stories: Sequence[tuple[str, ...]]) -> list[tuple[str, str]]:
    """Return what one person does."""
    who = chance.choice(sorted(USERS))
    (other,) = USERS.keys() - {who}
    address, another = chance.sample(names, 2) if chance.random() < 0.4 else names
    words = {"a": address, "b": another, "i": str(chance.randrange(len(SERVERS))), "other": other}
    words |= {"who": who, "s": chance.choice(("s1", "s1", "s2")), "t": chance.choice(("s3", "s4"))}
    lane: list[tuple[str, str]] = []
    for step in chance.choice(stories):
        act = _proving(chance, step[8:-1], words) if step.startswith("{proves:") else step.format(**words)
        actor, act = (other, act[6:]) if act.startswith("other ") else (who, act)
        lane += [(actor, act)] * chance.choice((1, 1, 1, 1, 1, 1, 2))
    return lane


def _proving(chance: Random, purpose: str, words: dict[str, str]) -> str:
    """Return how an address is proved: by the link, or by its token or code."""
    secret = words["t"] if purpose == "password" else words["s"]
    typed = f"type {purpose} {words['a']} {secret}"
    if words["a"].startswith("phone"):
        return typed
    return chance.choice((f"press {words['a']}", f"press {words['a']}", f"press {words['a']} oldest", typed))


def _step(chance: Random, label: int, who: str, text: str) -> Call | Clock:
    act, *values = text.split()
    return Clock(chance.choice(STEPS[:7])) if act == "clock" else Call(label, who, act, tuple(values))


def _fault(chance: Random, calls: Sequence[Call]) -> Fault:
    """Return a fault; half of them meet calls that ask identity servers, if there are any."""
    asking = [call for call in calls if call.act in _ASKING]
    call = chance.choice(asking if asking and chance.random() < 0.5 else calls)
    asked = chance.randint(3, 9) if call.act in _ASKING else chance.randint(1, _FAULTY_PORTS)
    return Fault(call.label, asked, chance.choice(FAULT_KINDS))


def _moves(chance: Random, lanes: Sequence[Sequence[Call | Clock]]) -> Iterator[Move]:
    """Yield moves: each lane makes its calls one after the other, with others in between."""
    waiting = [list(lane) for lane in lanes]
    switches, unrest = chance.choice((0.1, 0.3, 0.5)), chance.choice((0, 0.03, 0.1))
    if chance.random() < 0.25:
        yield from _together(chance, waiting)
    while any(waiting):
        lane = chance.choice([lane for lane in waiting if lane])
        step = lane[0]
        if isinstance(step, Call) and chance.random() < switches:
            yield Run(step.label, chance.choice(_TURNS))
        else:
            lane.pop(0)
            yield Run(step.label) if isinstance(step, Call) else step
        if chance.random() < unrest:
            yield _unrest(chance)
        if chance.random() < _MEETING:
            yield from _together(chance, waiting)


def _together(chance: Random, lanes: Sequence[Sequence[Call | Clock]]) -> Iterator[Move]:
    """Yield turns of two calls alternately, so that the same steps of both meet."""
    calls = [lane[0] for lane in lanes if lane and isinstance(lane[0], Call)]
    if len(calls) > 1:
        one, other = chance.sample(calls, 2)
        for _ in range(chance.randint(4, 30)):
            yield from (Run(one.label, 1), Run(other.label, 1))


def _unrest(chance: Random) -> Move:
    kind = chance.random()
    if kind < 0.6:
        return Clock(chance.choice(STEPS))
    return Crash() if kind < 0.9 else Rotate()
