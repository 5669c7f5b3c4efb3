"""One process of an attack on codes; its own wiring, the same database."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from itertools import cycle
from pathlib import Path
from typing import Any

from attrs import frozen
from hurried import hurry

from matrix_threepid import Medium
from matrix_threepid.stores.sql import SqlLimits, SqlSessions
from matrix_threepid.stores.sqlite import Sqlite
from matrix_threepid.testing import Outbox, World

from .acting import outcome, submit

PATIENCE = 10_000
"""The ms a try waits for the file: a busy machine is no part of the attack."""


def world_on(database: Sqlite) -> World:
    """Return a process of the host: all it shares with others is in the database."""
    box = Outbox()
    stores: dict[str, Any] = {"sessions": SqlSessions(database), "limiter": SqlLimits(database)}
    world = World(senders={Medium.MSISDN: box}, **stores)
    world.sms = box
    return world


@frozen
class Attack:
    """What a process tries: every code, against one session (id, secret) after another, from changing clients."""

    file: Path
    sessions: tuple[tuple[str, str], ...]
    clients: tuple[str, ...]
    codes: tuple[str, ...]


def attack(plan: Attack) -> Counter[Any]:
    """Try all codes; return how often each answer came."""
    hurry()  # in a process of its own as well
    answers: Counter[Any] = Counter()
    with closing(Sqlite(plan.file, busy_timeout=PATIENCE)) as database:
        world = world_on(database)
        for code, session, client in zip(plan.codes, cycle(plan.sessions), cycle(plan.clients), strict=False):
            answers[outcome(submit(world, session[0], code, session[1], client=client))] += 1
    return answers
