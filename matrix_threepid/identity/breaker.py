"""A server that failed several times in a row is left alone for a while, so that nobody waits for it in vain."""

from __future__ import annotations

import time
from threading import Lock

from attrs import define, evolve, field, frozen

from ..net.fetch import Failure, HttpFailure
from ..ports import Clock
from ._answers import Answer

_OURS = (Failure.BLOCKED, Failure.BUSY, Failure.CIRCUIT_OPEN)
"""What was not the server's fault: it was not even called."""
_NO_ANSWER = (Failure.TIMEOUT, Failure.LOST)


def monotonic_clock() -> int:
    """Return the time of this process in ms; it never jumps."""
    return time.monotonic_ns() // 1_000_000


@frozen(kw_only=True)
class BreakerPolicy:
    """When a server is left alone.

    ``faults``: after so many in a row; ``pause``: for so many ms, and again after each call that is let through then
    to try it; ``patience``: a server that had fewer ms than this to answer is not blamed for being late.
    """

    faults: int = 5
    pause: int = 60_000
    patience: int = 1000


@frozen
class Circuit:
    """What the last calls to one server came to: ``faults`` in a row, and the next call not before then (ms)."""

    faults: int = 0
    not_before: int = 0

    def called(self, now: int, rule: BreakerPolicy) -> Circuit | None:
        """Return the circuit once a call is let through, or ``None`` while the server is left alone."""
        if self.faults < rule.faults:
            return self
        # Whoever comes next waits for what becomes of this call, but not for ever: it may be cancelled.
        return None if now < self.not_before else evolve(self, not_before=now + rule.pause)

    def failed(self, now: int, rule: BreakerPolicy) -> Circuit:
        """Return the circuit after one more fault."""
        return Circuit(self.faults + 1, now + rule.pause)


@define(kw_only=True, eq=False)
class Breaker:
    """The circuits of one process, by server; threads may share it. ``max_servers``: so many are remembered.

    Any answer closes a circuit, 5xx as well: it costs nobody time, and some requests bring it about.
    """

    rule: BreakerPolicy = BreakerPolicy()
    max_servers: int = 1000
    clock: Clock = field(default=monotonic_clock, repr=False)
    _circuits: dict[str, Circuit] = field(init=False, factory=dict, repr=False)
    _lock: Lock = field(init=False, factory=Lock, repr=False)

    def lets(self, server: str) -> bool:
        """Return whether a server may be called now; if so, tell ``heard`` what came of it."""
        with self._lock:
            circuit = self._circuits.get(server, Circuit()).called(self.clock(), self.rule)
            if circuit is not None and server in self._circuits:
                self._circuits[server] = circuit
            return circuit is not None

    def heard(self, server: str, answer: Answer, deadline: int) -> None:
        """Note what a call came to that had ``deadline`` ms; the server had those it did not wait for a place."""
        fault = _fault(answer)
        kind = None if fault is None else fault.kind
        waited = 0 if fault is None else fault.waited
        if kind in _OURS or (kind is Failure.TIMEOUT and deadline - waited < self.rule.patience):
            return
        with self._lock:
            circuit = self._circuits.pop(server, Circuit())
            if fault is not None:
                self._keep(server, circuit.failed(self.clock(), self.rule))

    def _keep(self, server: str, circuit: Circuit) -> None:
        self._circuits[server] = circuit
        if len(self._circuits) > self.max_servers:
            del self._circuits[next(iter(self._circuits))]


def _fault(answer: Answer) -> HttpFailure | None:
    """Return why there is no answer; one that is merely odd or too long is an answer."""
    if isinstance(answer, HttpFailure):
        return answer
    return answer.cut if answer.cut is not None and answer.cut.kind in _NO_ANSWER else None
