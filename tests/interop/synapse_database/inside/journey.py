"""Requests through the whole library, with its memory in Synapse's database."""

from __future__ import annotations

import logging
import re
from typing import Any

import pytest
from sms.acting import ask, outcome, submit, wrong

from matrix_threepid import Medium, Response
from matrix_threepid.stores.sql import SqlBindings, SqlLimits, SqlSessions
from matrix_threepid.synapse.database import SynapseDatabase
from matrix_threepid.testing import Outbox, World
from matrix_threepid.testing.world import PEPPER

from .homeserver import Inside

SECRET = "client.secret.nobody.may.see"
SQL_LOG = "synapse.storage.SQL"


class WorldInSynapse(World):
    """A world whose requests run on Synapse's reactor."""

    def __init__(self, synapse: Inside, **ports: Any) -> None:
        super().__init__(**ports)
        self._synapse = synapse

    def call(self, *args: Any, **more: Any) -> Response:
        return self._synapse.run(self.acall(*args, **more))


@pytest.fixture
def world(synapse: Inside, db: SynapseDatabase) -> World:
    """A world with mail and SMS; sessions, limits and bindings are in Synapse's database."""
    mails, texts = Outbox(), Outbox()
    stores = {"sessions": SqlSessions(db), "limiter": SqlLimits(db), "bindings": SqlBindings(db)}
    world = WorldInSynapse(synapse, senders={Medium.EMAIL: mails, Medium.MSISDN: texts}, **stores)
    world.outbox, world.sms = mails, texts
    return world


def test_synapse_logs_no_secret(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Its SQL log shows every parameter; no client secret, token, code or pepper is one of them."""
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, SQL_LOG)
    sid = world.prove("somebody@example.org", SECRET)
    assert world.add(sid, SECRET).status == 200
    texted = ask(world, secret=SECRET).json()["sid"]
    link, code = world.outbox.last.link, world.sms.last.code
    assert link
    assert code
    assert outcome(submit(world, texted, wrong(code), SECRET)) == (400, "M_TOKEN_INCORRECT")
    assert outcome(submit(world, texted, code, SECRET)) == 200
    logged = "\n".join(record.getMessage() for record in caplog.records if record.name == SQL_LOG)
    assert all(f"'{shown}'" in logged for shown in (sid, texted, "somebody@example.org"))
    for secret in (SECRET, link.rpartition("token=")[2], PEPPER.decode(), code, wrong(code)):
        assert not re.search(rf"(?<!\d){re.escape(secret)}(?!\d)", caplog.text)
