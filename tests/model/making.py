"""Sessions to test rules with."""

from __future__ import annotations

from typing import Any

from attrs import evolve

from matrix_threepid import Lifetimes, Medium, Purpose, Threepid
from matrix_threepid.model.session import Session

MINUTE, HOUR = 60_000, 3_600_000
DAY = 24 * HOUR
LIFETIMES = Lifetimes()
ALICE, BOB = "user:@alice:hs.example.org", "user:@bob:hs.example.org"


def opened(**changes: Any) -> Session:
    """Return a session opened at time 0."""
    session = Session(
        sid="sid",
        purpose=Purpose.ADD,
        threepid=Threepid(Medium.EMAIL, "bob@example.org"),
        spelling="Bob@example.org",
        pepper_id="pepper",
        secret_mac="secret mac",
        slot="slot",
        created_at=0,
        expires_at=DAY,
    )
    return evolve(session, **changes)


def validated(at: int, **changes: Any) -> Session:
    """Return a session opened at time 0 and validated at another."""
    return opened(**changes).validate(at, LIFETIMES)


def usable(session: Session, now: int, claimant: str = ALICE, user: str | None = None, **other: Any) -> bool:
    """Return whether a session may be used, to add unless another purpose is given."""
    return session.usable(other.get("purpose", Purpose.ADD), claimant, user, now, LIFETIMES)
