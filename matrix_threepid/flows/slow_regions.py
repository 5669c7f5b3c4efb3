"""``SlowRegions``: where sendings timed out, so that who never answers holds up nobody else (SEC-35)."""

from __future__ import annotations

from attrs import define, field

PAUSE, LONGEST_PAUSE = 30_000, 300_000
"""The ms that a deferred message, or a region, waits after a failure: at first, and at most."""
_PLACES, _MOST = 2, 1000
"""How many sendings to slow regions may be under way at once, and how many regions are remembered."""


@define(eq=False)
class SlowRegions:
    """The regions of one medium whose last sending timed out: mail domains, or first digits of numbers.

    A region that is slow gets one message at a time, and none for a while after each time-out: half a minute, and each
    time twice as long as before, up to five minutes. All slow regions together get two messages at a time, half of the
    places of a job. The first answer that comes in time ends it. At most 1000 regions are remembered, for this process.
    """

    _until: dict[str, tuple[int, int]] = field(init=False, factory=dict)
    _trying: set[str] = field(init=False, factory=set)

    def begin(self, region: str, now: int, deadline: int) -> int | None:
        """Take a place for a sending to a region; return ``None``, or the time (ms) until which it must wait.

        * ``now``: the time in ms.
        * ``deadline``: the ms that a sending may take.
        """
        _, until = self._until.get(region, (0, now))
        if region not in self._until:
            return None
        # Should the clock have been set back, nothing waits longer than the longest pause.
        if now < until <= now + LONGEST_PAUSE:
            return until
        if region in self._trying or len(self._trying) >= _PLACES:
            return now + deadline
        self._trying.add(region)
        return None

    def end(self, region: str, now: int, *, timed_out: bool) -> None:
        """Give the place of a sending back, and remember whether it timed out.

        * ``now``: the time in ms.
        * ``timed_out``: whether it ended without an answer in time.
        """
        self._trying.discard(region)
        pause, until = self._until.pop(region, (0, now))
        if not timed_out:
            return
        # Sendings that began before the first time-out was known are one failure, whichever of them ends last.
        longer = pause if now < until else min(max(PAUSE, 2 * pause), LONGEST_PAUSE)
        self._until[region] = longer, now + longer
        if len(self._until) > _MOST:
            del self._until[next(iter(self._until))]
