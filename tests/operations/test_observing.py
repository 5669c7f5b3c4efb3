"""Metrics, traces, the audit trail and health."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry, generate_latest
from stores.counting import Counting

from matrix_threepid import ConfigurationError, Medium, Peppers, Purpose, Request, Service, Threepid, events, run_sync
from matrix_threepid.identity import Breaker
from matrix_threepid.model.message import RefusedForNow
from matrix_threepid.observing import HEALTH, METRICS, Listeners, Metrics, SqlAudit, traced
from matrix_threepid.stores import Operation, SqlBindings, Sqlite, SqlLimits, SqlMessages, SqlSessions, migrate
from matrix_threepid.testing import ALICE, World

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations"
MAIL = Threepid(Medium.EMAIL, "alice@example.org")
ASK = {"email": "alice@example.org", "client_secret": "secret", "send_attempt": 1}


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Sqlite]:
    """A database with all tables."""
    with closing(Sqlite(tmp_path / "a.db")) as opened:
        run_sync(migrate(opened))
        yield opened


def doing(sql: str) -> Operation[None]:
    """Return an operation of one statement."""
    yield sql, ()


def shown(metrics: Metrics) -> dict[str, float]:
    """Return what Prometheus would read."""
    lines = generate_latest(metrics.registry).decode().splitlines()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}


def test_requests_messages_and_limits_are_counted(make_world: Callable[..., World]) -> None:
    """Each answer is counted by endpoint and status and timed; each message and refusal by what it was."""
    metrics = Metrics(CollectorRegistry())
    world = make_world(listener=Listeners(metrics))
    world.call("POST", "/account/3pid/email/requestToken", ASK, ALICE)
    world.call("GET", "/account/3pid")
    world.call("GET", "/no/such/path")
    metrics.on(events.LimitReached("send", 1))
    metrics.on(events.MessageSent(MAIL, Purpose.ADD, RefusedForNow("no")))
    found = shown(metrics)
    asked = 'endpoint="request_add_email_token"'
    assert found[f'matrix_threepid_requests_total{{{asked},status="200"}}'] == 1
    assert found['matrix_threepid_requests_total{endpoint="list_threepids",status="401"}'] == 1
    assert found['matrix_threepid_requests_total{endpoint="none",status="404"}'] == 1
    assert found[f"matrix_threepid_request_seconds_count{{{asked}}}"] == 1
    counted = 'matrix_threepid_messages_total{medium="email",outcome="%s",purpose="add"}'
    assert (found[counted % "accepted"], found[counted % "refused_for_now"]) == (1, 1)
    assert found['matrix_threepid_limits_total{action="send"}'] == 1
    assert found['matrix_threepid_events_total{event="LimitReached"}'] == 1


def test_two_roles_share_a_registry() -> None:
    """A registry takes each name once; the second listener counts into the same metrics."""
    registry = CollectorRegistry()
    Metrics(registry).on(events.ManyWrongCodes(1))
    second = Metrics(registry)
    second.on(events.ManyWrongCodes(1))
    assert shown(second)['matrix_threepid_events_total{event="ManyWrongCodes"}'] == 2


def test_queues_budgets_and_the_database_are_measured(make_world: Callable[..., World], db: Sqlite) -> None:
    """The job reads what is due and since when; while the database fails, its gauge is 0 and the job fails."""
    metrics = Metrics(CollectorRegistry())
    world = make_world(
        {"deferred_sending": True}, sessions=SqlSessions(db), limiter=SqlLimits(db), bindings=SqlBindings(db)
    )
    world.call("POST", "/account/3pid/email/requestToken", ASK, ALICE)
    world.clock.now += 5000

    class Pool:
        def get_stats(self) -> dict[str, int]:
            return {"pool_size": 3, "pool_available": 2}

    (job,) = metrics.jobs(world.service, db, breakers=[Breaker()], pools=[Pool()])
    run_sync(job.work())
    found = shown(metrics)
    assert found['matrix_threepid_queue_length{queue="messages"}'] == 1
    assert found['matrix_threepid_queue_oldest_seconds{queue="messages"}'] == 5
    assert found['matrix_threepid_queue_length{queue="unbinds"}'] == 0
    assert found["matrix_threepid_circuits_open"] == 0
    assert found['matrix_threepid_pool_connections{state="open"}'] == 3
    assert found["matrix_threepid_database_up"] == 1
    run_sync(db.run(lambda: doing("DROP TABLE matrix_threepid_bindings")))
    with pytest.raises(sqlite3.OperationalError):
        run_sync(job.work())
    assert shown(metrics)["matrix_threepid_database_up"] == 0


def test_alerts_and_dashboard_use_metrics_that_are_exported() -> None:
    """Each name in the alert rules, their tests, the dashboard and the docs is exported, and all have docs."""
    suffixes = "|".join(("_bucket", "_sum", "_count"))
    known = {each.exported for each in METRICS}
    tables = {"matrix_threepid_audit"}
    for name in ("alerts.yml", "alerts_test.yml", "dashboard.json", "metrics.md"):
        used = set(re.findall(r"\bmatrix_threepid_[a-z_]+", (OPERATIONS / name).read_text("utf-8")))
        assert {re.sub(rf"(?:{suffixes})$", "", each) for each in used} - known - tables == set(), name
    page = (OPERATIONS / "metrics.md").read_text("utf-8")
    assert [each for each in sorted(known) if f"`{each}`" not in page] == []
    board = json.loads((OPERATIONS / "dashboard.json").read_text("utf-8"))
    assert all(target["expr"] for panel in board["panels"] for target in panel["targets"])


def test_a_request_is_a_span_with_its_calls_of_ports(make_world: Callable[..., World]) -> None:
    """Endpoint, store and sender are spans in one trace; none has an address, a token or a user in it."""
    world, spans, provider = make_world(), InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    service = traced(world.service, provider.get_tracer("test"))
    body = json.dumps(ASK).encode()
    path = "/_matrix/client/v3/account/3pid/email/requestToken"
    assert run_sync(service.handle(Request("POST", path, body=body))).status == 200
    assert run_sync(service.handle(Request("GET", "/_matrix/client/v3/account/3pid"))).status == 401
    found = spans.get_finished_spans()
    names = [span.name for span in found]
    assert {"request_add_email_token", "sessions.open", "sender.email.send", "accounts.owner"} <= set(names)
    outer = next(span for span in found if span.name == "request_add_email_token")
    assert outer.attributes == {"http.request.method": "POST", "http.response.status_code": 200}
    inner = next(span for span in found if span.name == "sessions.open")
    assert inner.context.trace_id == outer.context.trace_id
    text = " ".join(span.to_json() for span in found)
    assert [secret for secret in ("alice", "secret", world.outbox.last.link) if secret in text] == []


def test_what_is_recorded_of_a_message_is_in_the_spans_of_the_sessions(
    make_world: Callable[..., World], db: Sqlite
) -> None:
    """A store that writes messages down in its own transactions is traced like any other."""
    stores = {"sessions": SqlSessions(db), "limiter": SqlLimits(db), "messages": SqlMessages(db)}
    world, spans, provider = make_world(**stores), InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    service = traced(world.service, provider.get_tracer("test"))
    path = "/_matrix/client/v3/account/3pid/email/requestToken"
    assert run_sync(service.handle(Request("POST", path, body=json.dumps(ASK).encode()))).status == 200
    assert {"sessions.open_charging", "sessions.replace"} <= {span.name for span in spans.get_finished_spans()}
    assert [row.status.value for row in SqlMessages(db).dump()] == ["handed_over"]


def test_a_traced_service_commits_what_any_other_does(make_world: Callable[..., World], db: Sqlite) -> None:
    """Sessions, limits and messages of one database are changed in one transaction with traces as without."""
    done = []
    for name in ("plain", "with traces"):
        counting = Counting(db)
        stores = {"sessions": SqlSessions(counting), "limiter": SqlLimits(counting), "messages": SqlMessages(counting)}
        world = make_world(**stores)
        service = world.service if name == "plain" else traced(world.service, TracerProvider().get_tracer("test"))
        commits = []
        for attempt in (1, 1, 2):
            body = json.dumps({"email": f"{name[:4]}@example.org", "client_secret": "s", "send_attempt": attempt})
            path = "/_matrix/client/v3/account/3pid/email/requestToken"
            before = counting.changes
            assert run_sync(service.handle(Request("POST", path, body=body.encode()))).status == 200
            commits.append(counting.changes - before)
        done.append((commits, {row.provider for row in SqlMessages(db).dump()}))
    assert done == [([2, 1, 2], {"outbox"})] * 2


def test_the_audit_keeps_finds_and_erases(db: Sqlite) -> None:
    """Entries are written by a job, found by user and address, erased with either, and over after ``keep`` days."""
    now = [1_700_000_000_000]
    old, new = bytes(32), b"\1" * 32
    audit = SqlAudit(db, Peppers.of(old), keep=1, clock=lambda: now[0])
    audit.on(events.ThreepidAdded("@alice:a.example", MAIL))
    audit.on(events.ThreepidAdded("@bob:a.example", Threepid(Medium.EMAIL, "bob@example.org")))
    audit.on(events.LimitReached("send", 1))
    assert run_sync(audit.write()) == 2
    assert run_sync(audit.write()) == 0
    rotated = SqlAudit(db, Peppers.of(new, old), clock=lambda: now[0])
    (entry,) = run_sync(rotated.list(threepid=MAIL))
    assert (entry.event, entry.user_id, entry.at) == ("ThreepidAdded", "@alice:a.example", now[0])
    assert entry.details == {"medium": "email", "address": "a***@example.org"}
    assert [each.user_id for each in run_sync(audit.list(user_id="@bob:a.example"))] == ["@bob:a.example"]
    assert run_sync(audit.list(since=now[0] + 1)) == []
    assert run_sync(audit.erase(threepid=MAIL)) == 1
    audit.on(events.ThreepidRemoved("@bob:a.example", MAIL))
    assert run_sync(audit.erase(user_id="@bob:a.example")) == 1
    assert run_sync(audit.write()) == 0
    audit.on(events.ThreepidAdded("@carol:a.example", MAIL))
    run_sync(audit.write())
    assert run_sync(audit.purge()) == 0
    now[0] += 86_400_001
    assert run_sync(audit.purge()) == 1
    with pytest.raises(ConfigurationError, match="give user_id or threepid"):
        run_sync(audit.erase())
    with pytest.raises(ConfigurationError, match="keep"):
        SqlAudit(db, Peppers.of(old), keep=0)


def test_the_audit_loses_nothing_in_an_outage(db: Sqlite) -> None:
    """What cannot be written waits, and is written once the database is back."""

    class Failing:
        dialect, down = "sqlite", True

        async def run(self, operation: Any) -> Any:
            if self.down:
                raise ConnectionError
            return await db.run(operation)

    failing = Failing()
    audit = SqlAudit(failing, Peppers.of(bytes(32)))
    audit.on(events.ThreepidAdded("@alice:a.example", MAIL))
    with pytest.raises(ConnectionError):
        run_sync(audit.write())
    failing.down = False
    assert run_sync(audit.write()) == 1


def answer(world: World, path: str) -> int:
    """Return the status of a GET."""
    return run_sync(Service(world.homeserver, HEALTH).handle(Request("GET", path))).status


@pytest.mark.answers_5xx(503)
def test_ready_needs_a_database_that_can_be_written(make_world: Callable[..., World], db: Sqlite) -> None:
    """``/live`` asks nothing; ``/ready`` is 503 with a wrong schema; ``health`` says what is wrong."""
    world = make_world(sessions=SqlSessions(db), limiter=SqlLimits(db))
    assert (answer(world, "/_threepid/live"), answer(world, "/_threepid/ready")) == (200, 200)
    assert run_sync(world.service.health()).ready
    run_sync(db.run(lambda: doing("DELETE FROM matrix_threepid_schema")))
    assert (answer(world, "/_threepid/live"), answer(world, "/_threepid/ready")) == (200, 503)
    (problem,) = run_sync(world.service.health()).problems
    assert "the schema has version 0" in problem
    assert answer(make_world(), "/_threepid/ready") == 200


def test_health_is_off_unless_mounted(make_world: Callable[..., World]) -> None:
    """No role serves it by itself."""
    assert not make_world().service.serves("/_threepid/ready")
