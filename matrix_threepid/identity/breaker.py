"""Circuit breaker: a server that failed several times in a row is not called for a while, so its calls fail at once."""

from __future__ import annotations

import logging
import time
from threading import Lock

from attrs import define, evolve, field, frozen

from ..logs import Throttle, tidied
from ..net.fetch import Failure, HttpFailure
from ..ports import Clock
from ._answers import Answer

_OURS = (Failure.BLOCKED, Failure.BUSY, Failure.CIRCUIT_OPEN)
"""Failures that say nothing about the server, since it was not called."""
_logger = logging.getLogger("matrix_threepid.identity")
_NO_ANSWER = (Failure.TIMEOUT, Failure.LOST)


def monotonic_clock() -> int:
    """Return the time of this process in ms; it never jumps."""
    return time.monotonic_ns() // 1_000_000


@frozen(kw_only=True)
class BreakerPolicy:
    """When a server is not called, and for how long.

    * ``faults``: number of faults in a row that open the circuit; 5 by default.
    * ``pause``: ms until one call is let through to try the server, and until the next one if that fails; 60,000 by
      default.
    * ``patience``: ms; an answer that did not come in time is no fault if the server had less time than this; 1,000 by
      default.
    """

    faults: int = 5
    pause: int = 60_000
    patience: int = 1000


@frozen
class Circuit:
    """What the last calls to one server came to.

    * ``faults``: number of faults in a row.
    * ``not_before``: ms, when the next call may be made; it counts once the circuit is open.
    """

    faults: int = 0
    not_before: int = 0

    def called(self, now: int, rule: BreakerPolicy) -> Circuit | None:
        """Return the circuit after a call is let through, or ``None`` if the call must not be made."""
        if self.faults < rule.faults:
            return self
        # Further calls are refused until this one has ended, or until the pause is over: it may be cancelled.
        return None if now < self.not_before else evolve(self, not_before=now + rule.pause)

    def failed(self, now: int, rule: BreakerPolicy) -> Circuit:
        """Return the circuit after one more fault."""
        return Circuit(self.faults + 1, now + rule.pause)


@define(kw_only=True, eq=False)
class Breaker:
    """The circuits of one process, by server; threads may share it.

    Any answer closes a circuit, 5xx as well: it comes at once, and some requests cause a 5xx by what they ask.

    * ``rule``: when a server is not called, and for how long.
    * ``max_servers``: number of servers that are remembered; 1,000 by default.
    * ``clock``: the time in ms; it must not jump.
    """

    rule: BreakerPolicy = BreakerPolicy()
    max_servers: int = 1000
    clock: Clock = field(default=monotonic_clock, repr=False)
    _circuits: dict[str, Circuit] = field(init=False, factory=dict, repr=False)
    _lock: Lock = field(init=False, factory=Lock, repr=False)
    _throttle: Throttle = field(init=False, factory=Throttle, repr=False)

    @property
    def open(self) -> int:
        """The number of servers that are not called at present."""
        with self._lock:
            return sum(circuit.faults >= self.rule.faults for circuit in self._circuits.values())

    def lets(self, server: str) -> bool:
        """Return whether a server may be called now. If so, ``heard`` must be told what came of the call."""
        with self._lock:
            circuit = self._circuits.get(server, Circuit()).called(self.clock(), self.rule)
            if circuit is not None and server in self._circuits:
                self._circuits[server] = circuit
            return circuit is not None

    def heard(self, server: str, answer: Answer, deadline: int) -> None:
        """Note what a call came to.

        * ``deadline``: ms the call had in all; the server had those that did not pass while it waited for its turn.
        """
        fault = _fault(answer)
        kind = None if fault is None else fault.kind
        waited = 0 if fault is None else fault.waited
        if kind in _OURS or (kind is Failure.TIMEOUT and deadline - waited < self.rule.patience):
            return
        with self._lock:
            circuit = self._circuits.pop(server, Circuit())
            if fault is not None:
                self._keep(server, circuit.failed(self.clock(), self.rule))
        was_open = circuit.faults >= self.rule.faults
        if fault is None and was_open:
            self._log("closed", server)
        elif fault is not None and not was_open and circuit.faults + 1 >= self.rule.faults:
            self._log("opened", server)

    def _log(self, what: str, server: str) -> None:
        # Users name the servers, so there is one line a minute for all of them.
        more = self._throttle.passes(what)
        if more is not None:
            _logger.warning("circuit %s: %s%s", what, tidied(server), f" ({more} more)" if more else "")

    def _keep(self, server: str, circuit: Circuit) -> None:
        self._circuits[server] = circuit
        if len(self._circuits) > self.max_servers:
            del self._circuits[next(iter(self._circuits))]


def _fault(answer: Answer) -> HttpFailure | None:
    """Return why there is no answer; an answer that makes no sense or is too long is one."""
    if isinstance(answer, HttpFailure):
        return answer
    return answer.cut if answer.cut is not None and answer.cut.kind in _NO_ANSWER else None
