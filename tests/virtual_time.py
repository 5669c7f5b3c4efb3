"""Time for asyncio that passes when a test says so."""

from __future__ import annotations

import asyncio

from attrs import define, field

from matrix_threepid.testing import FakeClock


@define
class Time:
    """Time for asyncio: ``pass_until`` lets sleepers go on in order of waking, as soon as nothing else can run.

    * ``now``: the ms that have passed.
    * ``clock``: moved on with the time.
    """

    now: int = 0
    clock: FakeClock = field(factory=FakeClock)
    _sleepers: list[tuple[int, asyncio.Event]] = field(init=False, factory=list)

    async def sleep(self, seconds: float) -> None:
        """Wait until so many s have passed."""
        wakes = asyncio.Event()
        sleeper = (self.now + round(seconds * 1000), wakes)
        self._sleepers.append(sleeper)
        try:
            await wakes.wait()
        finally:
            if sleeper in self._sleepers:  # it was cancelled
                self._sleepers.remove(sleeper)

    async def pass_until(self, ms: int) -> None:
        """Let time pass until so many ms have passed in all."""
        while True:
            for _ in range(20):
                await asyncio.sleep(0)
            due = min(self._sleepers, key=lambda sleeper: sleeper[0], default=None)
            if due is None or due[0] > ms:
                break
            self._sleepers.remove(due)
            self._reach(due[0])
            due[1].set()
        self._reach(ms)

    def _reach(self, ms: int) -> None:
        self.clock.advance(max(0, ms - self.now))
        self.now = max(ms, self.now)
