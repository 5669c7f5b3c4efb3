"""What went out and what was granted: tokens, text messages and charges, counted from outside."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ...model.message import Outcome, RefusedForever, RefusedForNow, TokenMessage
from ...model.session import Session
from ...model.threepid import Medium, Threepid
from .tasks import broken

SMS, LIMITED, RECIPIENT = "one SMS an attempt", "limits hold", "messages go to addresses of sessions"


class SentMessages:
    """The messages that went out; ``confirmed``: the sessions whose token has come back since."""

    def __init__(self) -> None:
        self.confirmed: set[str] = set()
        self._tokens: set[tuple[str, str]] = set()
        self._texted: Counter[tuple[str, int | None]] = Counter()

    @property
    def told(self) -> set[str]:
        """The sessions whose link or code went out."""
        return {sid for sid, _ in self._tokens}

    def sent(self, session: Session | None, message: TokenMessage, outcome: Outcome) -> None:
        """A message was given to a sender; ``session``: the one its call has stored last."""
        if session is None or session.spelling != message.recipient:
            broken(RECIPIENT, "a message went to an address no session was stored for")
        self._tokens.add((session.sid, (message.link or "").rpartition("token=")[2]))
        self._tokens.add((session.threepid.address, message.code or ""))
        if message.medium is Medium.MSISDN and not isinstance(outcome, RefusedForNow | RefusedForever):
            self._texted[session.sid, session.due_attempt] += 1
            if self._texted[session.sid, session.due_attempt] > 1:
                broken(SMS, f"attempt {session.due_attempt} was texted twice")

    def submitted(self, sid: str, session: Session | None, token: str, threepid: Threepid) -> None:
        """Somebody submits a token for a session; ``threepid``: where it was read."""
        by_code = session is not None and session.threepid == threepid and (threepid.address, token) in self._tokens
        if by_code or (sid, token) in self._tokens:
            self.confirmed.add(sid)


class Charged:
    """What a limiter has granted for each key: how much, in how many ms, and when it was asked last."""

    def __init__(self) -> None:
        self._granted: dict[str, list[int]] = {}

    def answered(self, method: str, values: tuple[Any, ...], answer: Any) -> None:
        """Take note of a call of the limiter."""
        if method == "forget":
            self._granted = {key: seen for key, seen in self._granted.items() if key not in values[0]}
        if method not in ("charge", "give_back"):
            return
        charges, now = values
        for each in charges:
            # Time goes forward as the limiter is told; a key is full before its first charge.
            seen = self._granted.setdefault(each.key, [0, 0, now])
            seen[:] = seen[0], seen[1] + max(0, now - seen[2]), now
            if method == "give_back":
                seen[0] = max(0, seen[0] - each.cost)
                continue
            seen[0] += 0 if answer else each.cost
            refilled = 0 if each.until is not None else seen[1] / each.limit.interval
            if seen[0] > each.limit.burst + refilled:
                broken(LIMITED, f"{seen[0]} charges were granted where the limit is {each.limit.burst}")
