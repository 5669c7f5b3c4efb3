"""``Explanation``: what is known of one address, number, session or user, as a value, as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from typing import Any

from attrs import field, frozen

from ..limits.room import Room
from .causes import REMEDIES, Cause

_WIDEST = 10**14
"""More ms than any clock shows; later times are left out."""


@frozen(kw_only=True)
class Finding:
    """One thing that was found.

    * ``about``: what it is about, such as ``session`` with its id, ``add`` or ``binding at id.example.org``.
    * ``text``: what was found, a sentence.
    * ``cause``: the cause that it names; ``None`` (default) for a plain fact.
    * ``at``: when it happened, in ms; ``None`` (default) for what holds now.
    * ``until``: when it ends by itself, in ms; ``None`` (default) for never, or not known.
    """

    about: str
    text: str
    cause: Cause | None = None
    at: int | None = None
    until: int | None = None


def _findings(found: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(found)


def _rooms(found: Iterable[Room]) -> tuple[Room, ...]:
    return tuple(found)


@frozen(kw_only=True)
class Explanation:
    """What is known of one subject, and what would happen to a request now. It holds no secret; addresses are masked.

    * ``kind``: ``address``, ``number``, ``session`` or ``user``.
    * ``subject``: the masked address, the id of the session, or the user id.
    * ``at``: the time in ms for which it holds.
    * ``facts``: what is known, such as the account of an address.
    * ``happened``: what has happened, the newest first.
    * ``now``: what each request for a message would come to now, and what is under way.
    * ``limits``: the limits that are used in part or whole.
    """

    kind: str
    subject: str
    at: int
    facts: tuple[Finding, ...] = field(default=(), converter=_findings)
    happened: tuple[Finding, ...] = field(default=(), converter=_findings)
    now: tuple[Finding, ...] = field(default=(), converter=_findings)
    limits: tuple[Room, ...] = field(default=(), converter=_rooms)

    @property
    def causes(self) -> tuple[Cause, ...]:
        """The causes that were found, each once: first what happened, the newest first, then what holds now."""
        found = (each.cause for each in (*self.happened, *self.now, *self.facts))
        return tuple(dict.fromkeys(each for each in found if each is not None))

    @property
    def to_do(self) -> tuple[str, ...]:
        """What to do, one sentence or two for each cause."""
        return tuple(dict.fromkeys(REMEDIES[each] for each in self.causes))

    def cause_of(self, about: str) -> Cause | None:
        """Return the first cause that was found about something, such as ``add``; ``None`` if there is none."""
        found = (each for each in (*self.happened, *self.now, *self.facts) if each.about == about)
        return next((each.cause for each in found if each.cause is not None), None)

    @property
    def text(self) -> str:
        """The explanation for people."""
        parts = (
            ("", (_line(each) for each in self.facts)),
            ("What happened", (_line(each) for each in self.happened)),
            ("What would happen now", (_line(each) for each in self.now)),
            ("Limits", (_limit(each, self.at) for each in self.limits)),
            ("What to do", self.to_do),
        )
        head = f"{self.kind} {self.subject}, at {_time(self.at)}\n"
        return head + "".join(_section(title, lines) for title, lines in parts)

    @property
    def json(self) -> str:
        """The explanation for machines: ``values`` as JSON."""
        return json.dumps(self.values, indent=2) + "\n"

    @property
    def values(self) -> dict[str, object]:
        """The fields of this class, ``causes`` and ``to_do``, as values for JSON."""
        return {
            "kind": self.kind,
            "subject": self.subject,
            "at": self.at,
            **{name: [_finding(each) for each in getattr(self, name)] for name in ("facts", "happened", "now")},
            "limits": [
                {"name": each.name, "used": each.used, "allowed": each.allowed, "wait": each.wait, "bars": each.bars}
                for each in self.limits
            ],
            "causes": [each.value for each in self.causes],
            "to_do": list(self.to_do),
        }


def _finding(found: Finding) -> dict[str, Any]:
    cause = None if found.cause is None else found.cause.value
    return {"about": found.about, "text": found.text, "cause": cause, "at": found.at, "until": found.until}


def _section(title: str, lines: Iterable[str]) -> str:
    body = "".join(f"  {line}\n" for line in lines)
    return f"\n{title}\n{body}" if body and title else body


def _line(found: Finding) -> str:
    return "".join(_parts(found))


def _parts(found: Finding) -> Iterator[str]:
    if found.at is not None:
        yield f"{_time(found.at)} "
    yield f"{found.about}: {found.text}"
    if found.until is not None:
        yield f" (until {_time(found.until)})"
    if found.cause is not None:
        yield f" [{found.cause.value}]"


def _limit(room: Room, now: int) -> str:
    wait = f"; room again at {_time(now + room.wait)}" if room.full else ""
    return f"{room.name}: {room.used} of {room.allowed} used{wait}"


def _time(ms: int) -> str:
    """Return a time in words, in UTC.

    >>> _time(1_700_000_000_000)
    '2023-11-14 22:13:20 UTC'
    """
    if not 0 <= ms < _WIDEST:
        return f"{ms} ms"
    return f"{datetime.fromtimestamp(ms // 1000, timezone.utc):%Y-%m-%d %H:%M:%S} UTC"
