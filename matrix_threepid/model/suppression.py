"""Suppressions: addresses that get no messages for a while, since messages to them came back or were called spam.

Mail to mailboxes that do not exist costs the server that sends it its reputation, so that its other mail is refused as
well. A suppression can be wrong (a mistaken server, a mailbox that is made later), so it ends by itself, is lifted by a
message that was delivered, and lets one message a day through.
"""

from __future__ import annotations

from attrs import evolve, frozen

from .message import MessageKind

FIRST, LONGEST = 86_400_000, 30 * 86_400_000
"""The ms of the first suppression of an address, and of the longest. Each one after a failure is twice as long."""
_STOPPED_BY_COMPLAINT = frozenset(
    {
        MessageKind.ADDED,
        MessageKind.REMOVED,
        MessageKind.PASSWORD_CHANGED,
        MessageKind.UNDONE,
        MessageKind.INVITATION,
    }
)
"""Messages that their reader did not ask for, without those that protect an account by a link or from a mistake."""


@frozen(kw_only=True)
class Suppression:
    """What is held against one address. Times are in ms of the wall clock.

    * ``key``: the key of the address, a MAC under a pepper.
    * ``failed_at``: when the failure was reported for which no messages are sent; ``None`` without one.
    * ``span``: for how many ms none are sent since then; 0 (default) without a failure.
    * ``reason``: what was reported, such as ``5.1.1``; default empty.
    * ``complained_at``: when the reader last called a message spam; ``None`` (default) if never.
    * ``expires_at``: when nothing of it counts any more.
    * ``revision``: the number of changes of the row; a store replaces a row only by one with the next revision.
    """

    key: str
    failed_at: int | None = None
    span: int = 0
    reason: str = ""
    complained_at: int | None = None
    expires_at: int = 0
    revision: int = 0

    # -- questions ----------------------------------------------------------------------------------

    @property
    def until(self) -> int:
        """When messages are sent again after the failure; 0 without one."""
        return 0 if self.failed_at is None else self.failed_at + self.span

    def failing(self, now: int) -> bool:
        """Whether messages of every kind are kept from the address."""
        # A clock that was set back must not prolong it.
        return self.failed_at is not None and now < self.until <= now + self.span

    def stops(self, kind: MessageKind, now: int) -> bool:
        """Whether a message of this kind is kept from the address."""
        return self.failing(now) or (kind in _STOPPED_BY_COMPLAINT and self.complaint_counts(now))

    def complaint_counts(self, now: int) -> bool:
        """Whether the reader has called a message spam, not too long ago."""
        return self.complained_at is not None and now < self.complained_at + LONGEST

    # -- changes ------------------------------------------------------------------------------------

    def with_failure(self, written_at: int, now: int, reason: str) -> Suppression:
        """Return the suppression after a message came back, since mailbox or domain do not exist.

        * ``written_at``: when that message was written down. Messages that were under way when an earlier one came back
          say nothing new, and neither does a report that comes again: the suppression is returned unchanged.
        * ``now``: the time in ms.
        * ``reason``: what was reported.
        """
        if self.failed_at is not None and written_at <= self.failed_at:
            return self
        # What ended long ago counts no more; its row may wait for a purge.
        span = min(2 * self.span, LONGEST) if self.failed_at is not None and now < self.until + LONGEST else FIRST
        return self._next(failed_at=now, span=span, reason=reason)

    def with_delivery(self, written_at: int) -> Suppression:
        """Return the suppression after a message was delivered that was written after the failure: without the failure.

        Unchanged by a message that was written before.
        """
        if self.failed_at is None or written_at <= self.failed_at:
            return self
        return self._next(failed_at=None, span=0, reason="")

    def with_complaint(self, at: int) -> Suppression:
        """Return the suppression after the reader called a message spam; unchanged by an older complaint, or the same.

        * ``at``: when the reader did so.
        """
        return self if at <= (self.complained_at or 0) else self._next(complained_at=at)

    def _next(self, **changes: object) -> Suppression:
        changed = evolve(self, revision=self.revision + 1, **changes)  # type: ignore[arg-type]
        ends = [0 if changed.failed_at is None else changed.until + LONGEST]
        ends.append(0 if changed.complained_at is None else changed.complained_at + LONGEST)
        return evolve(changed, expires_at=max(ends))
