"""A session as the values that scripts store, and back."""

from __future__ import annotations

import json
from collections.abc import Sequence

import attrs

from ...model.session import CLOCK_TOLERANCE, Session
from ...model.threepid import Medium, Purpose, Threepid

_KNOWN = {field.name for field in attrs.fields(Session)}
# Scripts change these, so they are stored beside the text.
_APART = ("revision", "due_at")


def optional(value: str | int | None) -> str:
    """Return a value as scripts compare it: empty for ``None``, else ``=`` and the value.

    >>> optional(None), optional(""), optional("a")
    ('', '=', '=a')
    """
    return "" if value is None else f"={value}"


def address(threepid: Threepid) -> str:
    """Return an identifier as one text. No medium has a colon."""
    return f"{threepid.medium.value}:{threepid.address}"


def values_of(session: Session) -> list[str | int]:
    """Return what is stored of a session, in the order of ``NAMES`` in the scripts."""
    text = {name: value for name, value in attrs.asdict(session).items() if name not in _APART}
    return [
        session.revision,
        optional(session.due_at),
        optional(session.slot),
        optional(session.owner),
        address(session.threepid),
        session.expires_at,
        json.dumps(text, separators=(",", ":")),
    ]


def session_of(stored: Sequence[str]) -> Session:
    """Return the session of an answer: revision, ``due_at``, text, and ``1`` if it was opened in the present epoch.

    One of an earlier epoch is returned as expired, unless it is over anyway: after a promotion nobody knows what was
    lost of it. What a later release has added to sessions is left out.
    """
    revision, due_at, text, present = stored
    fields = {name: value for name, value in json.loads(text).items() if name in _KNOWN}
    threepid = Threepid(Medium(fields["threepid"]["medium"]), fields["threepid"]["address"])
    session = Session(
        **{**fields, "threepid": threepid, "purpose": Purpose(fields["purpose"])},
        revision=int(revision),
        due_at=int(due_at[1:]) if due_at else None,
    )
    if present == "1" or session.over:
        return session
    # By a time at which no clock takes the session for one that lives.
    return attrs.evolve(session, expires_at=session.created_at - CLOCK_TOLERANCE, slot=None, due_at=None)
