"""What is kept, printed and logged gives no secret away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from matrix_threepid import Threepid, run_sync
from matrix_threepid.events import Event
from matrix_threepid.hosts.asgi import Asgi
from matrix_threepid.protocol.errors import NoValidSession
from matrix_threepid.testing import ALICE, PASSWORD, FakeAccounts, World
from matrix_threepid.testing.world import PEPPER

from .acting import PURPOSES, ask_for, dump, proved_for, refusal, submit, token_of

MARKER = "a-marker-nobody-else-uses"


@pytest.mark.rule("SEC-20", "SEC-112", "SEC-265")
@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("reset_by", ["link", "code"])
def test_a_stolen_store_opens_nothing(make_world: Callable[..., World], purpose: str, reset_by: str) -> None:
    """No column of a session works as its token, its secret or its link."""
    world = make_world({"password_reset_by": reset_by})
    sid = ask_for(world, purpose, body={"client_secret": MARKER}).json()["sid"]
    [session] = dump(world)
    columns = [str(value) for value in attrs.asdict(session, recurse=False).values() if value not in (None, "")]
    assert not {MARKER, token_of(world.outbox.last)} & set(columns)
    for column in columns:
        assert submit(world, sid, column[:255], MARKER).status in (400, 429)
        assert submit(world, sid, token_of(world.outbox.last), column).status in (400, 404)
        if reset_by == "link":
            assert world.confirm(token=column.replace("&", "")).status == 400
    assert dump(world)[0].validated_at is None
    world.exchanges.clear()  # what was posted here as a token is what the store holds


@pytest.mark.rule("SEC-19", "SEC-134")
def test_what_is_printed_is_redacted(world: World) -> None:
    """Sessions, messages, requests and peppers print neither secrets nor whole addresses."""
    world.ask("Somebody@example.org", MARKER, body={"next_link": "https://app.example.org/secret-path"})
    request, _ = world.exchanges[0]
    token = token_of(world.outbox.last)
    for value in (dump(world), world.outbox.messages, request, world.homeserver, world.events.seen):
        printed = repr(value) + str(value)
        for secret in (MARKER, token, PEPPER.decode(), "omebody@", "secret-path", "203.0.113.7"):
            assert secret not in printed
    assert repr(Threepid) not in repr(dump(world))
    assert "S***@example.org" in repr(world.outbox.last)


@pytest.mark.parametrize("body", [{"sid": [MARKER]}, {"client_secret": MARKER + " "}, {"token": {"x": MARKER}}])
def test_refusals_repeat_no_value(world: World, body: dict[str, Any]) -> None:
    """An error names the member and its rule, never what was sent."""
    good = {"sid": "s", "client_secret": "c", "token": "t"}
    answer = world.post("/_matrix/client/unstable/threepid/email/submit_token", {**good, **body})
    assert answer.status == 400
    assert MARKER.encode() not in answer.body
    assert next(iter(body)) in answer.json()["error"]


@pytest.mark.rule("REQ-GEN-7", "SEC-19", "SEC-265")
def test_a_log_of_a_whole_journey_is_clean(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """From request to deletion nothing secret and no whole address is logged at any level."""
    sid = world.prove("somebody@example.org", MARKER, user=ALICE)
    world.add(sid, MARKER)
    world.post("/account/3pid/delete", {"medium": "email", "address": "somebody@example.org"}, ALICE)
    assert world.exchanges
    for secret in (MARKER, PASSWORD, token_of(world.outbox.last), "somebody@example.org"):
        assert secret not in caplog.text


class Failing:
    """A listener that fails, with something secret in its words."""

    def on(self, event: Event) -> None:
        raise RuntimeError(MARKER)


@pytest.mark.rule("REQ-GEN-7")
def test_a_failing_listener_changes_nothing(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Every answer is as with a good listener; the log names the kinds of event and error only."""
    world.rewire(listener=Failing())
    assert world.add(world.prove()).status == 200
    assert world.post("/account/3pid/delete", {"medium": "email", "address": "alice@example.org"}, ALICE).status == 200
    assert proved_for(world, "register", "new@example.org")
    assert refusal(submit(world, "nobody", "x")) == (404, NoValidSession.errcode)
    assert "RuntimeError" in caplog.text
    assert MARKER not in caplog.text


class Broken(FakeAccounts):
    """Accounts with a bug."""

    async def owner(self, threepid: Threepid) -> Any:
        raise RuntimeError(MARKER)


@pytest.mark.rule("SEC-54", "SEC-135")
def test_a_bug_of_the_host_is_not_told_to_clients(world: World) -> None:
    """What a port's exception says stays on the server; the client gets a name to report."""
    world.rewire(accounts=Broken())
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"body": b'{"email":"a@example.org","client_secret":"s","send_attempt":1}'}

    async def send(message: Any) -> None:
        sent.append(message)

    path = "/_matrix/client/v3/register/email/requestToken"
    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": path,
        "headers": [],
        "query_string": b"",
        "client": None,
    }
    run_sync(Asgi(world.service)(scope, receive, send))
    assert sent[0]["status"] == 500
    assert b"M_UNKNOWN" in sent[1]["body"]
    assert MARKER.encode() not in sent[1]["body"]
