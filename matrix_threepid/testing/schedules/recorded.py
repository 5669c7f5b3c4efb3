"""What stores of messages and suppressions have acknowledged: every message is there, and nothing goes back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...model.outbound import OutboundMessage
from .tasks import broken
from .turns import quietly

FATES, ONE_CHANGE = "what becomes of a message goes forward", "one change of a suppression a revision"
WRITTEN = "what went out was written down"


class RecordedMessages:
    """What was said of messages and of addresses that get none."""

    def __init__(self) -> None:
        self._last: dict[str, OutboundMessage] = {}
        self._changes: set[tuple[str, int]] = set()
        self.unsure = False
        """Whether a message may be missing: a crash or a fault came between its session and its row."""

    def messages_answered(self, method: str, values: tuple[Any, ...], answer: Any) -> None:
        """A call of the store of messages was answered."""
        if method != "record" or answer is None:
            return
        last = self._last.get(answer.id)
        if last is not None and answer.revision <= last.revision:
            broken(FATES, f"revision {answer.revision} was acknowledged after revision {last.revision}")
        if last is not None and answer.status is not last.status and not answer.status.may_follow(last.status):
            broken(FATES, f"{last.status.value} became {answer.status.value}")
        self._last[answer.id] = answer

    def suppressions_answered(self, method: str, values: tuple[Any, ...], answer: Any) -> None:
        """A call of the store of suppressions was answered."""
        if method == "put" and answer:
            change = values[0].key, values[0].revision
            if change in self._changes:
                broken(ONE_CHANGE, f"revision {values[0].revision} was acknowledged twice")
            self._changes.add(change)
        elif method in ("lift", "purge") and answer:
            self._changes.clear()

    def look(self, messages: Any, sids: Iterable[str]) -> None:
        """Look whether there is a row for a message of each session whose message went out."""
        if self.unsure:
            return
        if any(not quietly(messages.of_session(sid)) for sid in sids):
            broken(WRITTEN, "a message went out that is not there")
