"""Seeded schedules: the library keeps its invariants in all of them, and they find what is broken on purpose."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from schedules.broken import PLANTED, SPOILED, Planted, Spoiled
from together import together

from matrix_threepid.memory.bindings import MemoryBindings
from matrix_threepid.memory.limits import MemoryLimits
from matrix_threepid.memory.messages import MemoryMessages
from matrix_threepid.memory.sessions import MemorySessions
from matrix_threepid.memory.suppressions import MemorySuppressions
from matrix_threepid.model.outbound import OutboundMessage
from matrix_threepid.model.suppression import Suppression
from matrix_threepid.testing import (
    FakeAccounts,
    Schedule,
    ScheduleFailed,
    SchedulesContract,
    World,
    check_schedule,
    explore,
    explore_pairs,
    turn,
)
from matrix_threepid.testing.schedules.__main__ import main, seed_range
from matrix_threepid.testing.schedules.draw import draw
from matrix_threepid.testing.schedules.pairs import FLOWS
from matrix_threepid.testing.schedules.runner import run_schedule

AT_NIGHT = os.environ.get("MATRIX_THREEPID_SCHEDULES")
SEEDS = seed_range(AT_NIGHT or "0:500")
"""The seeds of this run; ``python -m tests.proof`` runs ten thousand, and at night a million."""
KNOWN: tuple[int, ...] = ()
"""Seeds that come to one of the mistakes that the last tests of this module show."""
MEMORY = ("sessions", "limiter", "bindings", "accounts")


@pytest.mark.rule("SEC-0", "SEC-230", "SEC-231", "SEC-232")
@pytest.mark.timeout(0 if AT_NIGHT else 300)
class TestTheLibrary(SchedulesContract):
    """All ports in memory."""

    seeds = tuple(seed for seed in SEEDS if seed not in KNOWN)

    @pytest.fixture
    def make_ports(self) -> Callable[[], dict[str, Any]]:
        kinds = (MemorySessions, MemoryLimits, MemoryBindings, FakeAccounts)
        return lambda: {name: kind() for name, kind in zip(MEMORY, kinds, strict=True)}

    @pytest.mark.parametrize(
        "flow", [pytest.param(flow, marks=pytest.mark.search if number else ()) for number, flow in enumerate(FLOWS)]
    )
    def test_no_pair_of_calls_breaks_an_invariant(self, make_ports: Callable[[], dict[str, Any]], flow: str) -> None:
        """Any two calls of a flow, switched at any call of a port, leave the invariants whole."""
        super().test_no_pair_of_calls_breaks_an_invariant(make_ports, flow)


@pytest.mark.rule("SEC-0")
@pytest.mark.timeout(0 if AT_NIGHT else 300)
class TestTheLibraryInOneDatabase(SchedulesContract):
    """Sessions and limits that are stored in one transaction."""

    seeds = tuple(seed for seed in SEEDS[:: 1 if AT_NIGHT else 4] if seed not in KNOWN)

    @pytest.fixture
    def make_ports(self) -> Callable[[], dict[str, Any]]:
        return together

    @pytest.mark.parametrize(
        "flow", [pytest.param(flow, marks=pytest.mark.search if number else ()) for number, flow in enumerate(FLOWS)]
    )
    def test_no_pair_of_calls_breaks_an_invariant(self, make_ports: Callable[[], dict[str, Any]], flow: str) -> None:
        """Any two calls of a flow, switched at any call of a port, leave the invariants whole."""
        super().test_no_pair_of_calls_breaks_an_invariant(make_ports, flow)


@pytest.mark.rule("SEC-0", "SEC-148")
@pytest.mark.timeout(0 if AT_NIGHT else 300)
class TestTheLibraryWithRecords(SchedulesContract):
    """What becomes of messages is recorded and reported, and the stores of it fail like all others."""

    seeds = tuple(SEEDS[:: 1 if AT_NIGHT else 5])
    recorded = True

    @pytest.fixture
    def make_ports(self) -> Callable[[], dict[str, Any]]:
        return lambda: {"messages": MemoryMessages(), "suppressions": MemorySuppressions()}

    @pytest.mark.search
    @pytest.mark.parametrize("flow", FLOWS)
    def test_no_pair_of_calls_breaks_an_invariant(self, make_ports: Callable[[], dict[str, Any]], flow: str) -> None:
        """Any two calls of a flow, switched at any call of a port, leave the invariants whole."""
        super().test_no_pair_of_calls_breaks_an_invariant(make_ports, flow)


class Forgetful(MemoryMessages):
    """A store that says that it has written a message down, and has not."""

    async def write(self, message: OutboundMessage) -> bool:
        return True


class Wavering(MemorySuppressions):
    """A store that takes every change, whatever is stored."""

    async def put(self, suppression: Suppression) -> bool:
        await super().put(suppression)
        return True


@pytest.mark.parametrize(
    ("spoiled", "rule"),
    [
        ({"messages": Forgetful}, "what went out was written down"),
        ({"messages": MemoryMessages, "suppressions": Wavering}, "one change of a suppression a revision"),
    ],
)
def test_a_broken_record_is_found(spoiled: dict[str, Any], rule: str) -> None:
    """A store of messages or suppressions that breaks its promise breaks an invariant."""
    with pytest.raises(ScheduleFailed) as found:
        explore(lambda policy: World(policy, **{name: kind() for name, kind in spoiled.items()}), recorded=True)
    assert found.value.outcome.rule == rule


@pytest.mark.search
@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.make.__name__)
def test_a_broken_port_is_found(planted: Planted) -> None:
    """A port that is broken in one way breaks an invariant within 1,000 seeds, and its shortest schedule does again."""
    with pytest.raises(ScheduleFailed) as found:
        explore(planted.world, [seed for seed in range(1000) if seed not in KNOWN], restart=planted.restart)
    shortest = found.value.outcome
    again = run_schedule(Schedule.parse(str(shortest)), planted.world, planted.restart)
    assert (again.rule, str(again)) == (shortest.rule, str(shortest))
    assert run_schedule(shortest.schedule).rule is None, "the library itself is not to blame"


def _hunt(spoiled: Spoiled) -> None:
    if spoiled.flow:
        explore_pairs(flows={spoiled.flow: FLOWS[spoiled.flow]})
    else:
        explore(seeds=[seed for seed in range(1000) if seed not in KNOWN])


@pytest.mark.search
@pytest.mark.parametrize("spoiled", SPOILED, ids=lambda spoiled: spoiled.name)
def test_a_broken_rule_is_found(spoiled: Spoiled, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule about sessions that is broken in one way breaks its invariant, in all pairs or within 1,000 seeds."""
    spoiled.spoil(monkeypatch)
    with pytest.raises(ScheduleFailed) as found:
        _hunt(spoiled)
    assert found.value.outcome.rule == spoiled.rule


def test_a_failure_is_as_short_as_can_be() -> None:
    """Of what a failing schedule holds nothing can be left out: without any one part it does not fail."""
    (planted,) = (each for each in PLANTED if each.make.__name__ == "OpensInTwoSteps")
    with pytest.raises(ScheduleFailed) as found:
        explore(planted.world, range(130, 1000))  # from a seed on that is soon followed by a short failure
    lines = str(found.value.outcome.schedule).splitlines()
    assert len(lines) < 6
    for left_out in range(len(lines)):
        rest = Schedule.parse("\n".join(lines[:left_out] + lines[left_out + 1 :]))
        assert run_schedule(rest, planted.world).rule is None, lines[left_out]


@pytest.mark.parametrize("seed", range(20))
def test_a_schedule_is_the_same_after_it_was_printed(seed: int) -> None:
    """Text and value are one: what is printed is read back, and comes to the same events."""
    schedule = draw(seed)
    assert Schedule.parse(str(schedule)) == schedule == draw(seed)
    assert str(run_schedule(Schedule.parse(str(schedule)))) == str(run_schedule(schedule))


@pytest.mark.parametrize(
    "line", ["walk 1", "run", "fault 1 2 late", "clock", "clock x", "crash 1", "call one alice list"]
)
def test_a_line_that_is_none_is_named(line: str) -> None:
    """A text that is no schedule is refused, with the number of the line."""
    with pytest.raises(ValueError, match="line 2 is no line of a schedule"):
        Schedule.parse(f"crash\n{line}")


@pytest.mark.parametrize("line", ["policy lax", "call 1 alice dance", "call 1 carol list"])
def test_a_word_that_means_nothing_is_named(line: str) -> None:
    """A policy, a person or an act that there is not is refused before anything runs."""
    with pytest.raises(ValueError, match=line):
        check_schedule(line)


def test_calls_meet_where_the_schedule_says() -> None:
    """A run of so many turns stops before or after a call of a port, and another call goes on there."""
    outcome = check_schedule("call 1 alice ask add mail1 s1 1\ncall 2 bob list\nrun 1 3\nrun 2")
    assert outcome.events[:5] == (
        "1 begins: alice ask add mail1 s1 1",
        "1.1 callers.identify",
        "1.2 rules.allows",
        "2 begins: bob list",
        "2.1 callers.identify",
    )


@pytest.mark.parametrize(("kind", "sent"), [("lost", 0), ("unsaid", 1)])
def test_a_lost_answer_is_lost_before_or_after_the_call(kind: str, sent: int) -> None:
    """Of a call whose answer gets lost either nothing has happened or all of it."""
    text = f"call 1 alice ask add mail1 s1 1\ncall 2 alice press mail1\nfault 1 6 {kind}"
    events = check_schedule(text).events
    assert f"1.6 sender.send {kind}" in events
    assert ("2 ends: no mail" in events) is (sent == 0)


def test_a_crash_cuts_off_what_runs_and_keeps_what_is_stored() -> None:
    """Calls that run never end, and the next life of the host finds their session."""
    text = "call 1 alice ask add mail1 s1 1\ncall 2 alice ask add mail1 s1 1\nrun 1 10\ncrash"
    events = check_schedule(text).events
    assert "1 ends: 200" not in events
    second = events[events.index("crash") + 1 :]
    assert "2 ends: 200" in second
    assert "2.6 sender.send" not in second, "a session of its own would have been sent its message"


def test_a_turn_means_nothing_outside_of_schedules() -> None:
    """What awaits ``turn`` answers at once where no schedule drives it."""
    with pytest.raises(StopIteration):
        turn().send(None)


def test_the_command_says_its_rate(capsys: pytest.CaptureFixture[str]) -> None:
    """The command runs a range of seeds, and says how far it came and how fast."""
    assert main(["--seeds", "0:20"]) == 0
    assert "0:20 all invariants hold" in capsys.readouterr().out


def test_the_command_replays_a_file(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """What was printed is run again, and prints the same."""
    outcome = run_schedule(draw(1))
    (tmp_path / "schedule").write_text(str(outcome), "utf-8")
    assert main(["--replay", str(tmp_path / "schedule")]) == 0
    assert capsys.readouterr().out == f"{outcome}\n"


# -- what the library does not keep yet -------------------------------------------------------------


def test_a_bind_asks_nobody_to_publish_once_its_time_is_over() -> None:
    """A bind whose deadline has passed is not asked for: by then the row that announces it may be gone.

    After three deadlines an unbind, and after a day a purge, takes the row for that of a bind that is over, and forgets
    it. A bind that is sent off later is public without a row, and after a crash nobody ever takes it back.
    """
    events = check_schedule("call 1 bob bind phone2 1\nrun 1 10\nclock 61000").events
    assert "1.6 bindings.replace" in events
    assert "1.7 identity.bind" not in events


def test_a_mail_is_not_given_up_because_the_clock_was_set_back() -> None:
    """A message that was taken to be sent while the clock went back behind its session waits until the clock is right.

    Its token is not over; it counts as refused for good, so a mail that was promised with 200 is never sent.
    """
    check_schedule("""
        policy deferred
        call 1 bob ask add mail2 s2 1
        call 2 host deliver
        run 1
        run 2 1
        clock -3700000
    """)


def test_with_hidden_addresses_no_mail_is_promised_above_the_limits() -> None:
    """A network that asks when strangers get no more hears what others hear, and its mail is not one that was lost."""
    check_schedule("""
        policy hidden
        call 1 alice ask register mail1 s2 1
        call 7 alice ask add mail1 s1 1
        call 11 alice ask add mail1 s4 1
        call 13 alice ask add mail1 s2 1
        run 13
        clock -1000
    """)
