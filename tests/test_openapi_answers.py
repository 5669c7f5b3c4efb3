"""What the endpoints answer fits what the OpenAPI document says they answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from matrix_threepid.endpoints import HOMESERVER
from matrix_threepid.model.message import RefusedForNow
from matrix_threepid.model.threepid import Medium
from matrix_threepid.openapi import document
from matrix_threepid.policy import Limit, Limits, Policy
from matrix_threepid.protocol.wire import Response
from matrix_threepid.testing import ALICE, BASE_URL, BOB, Outbox, World

CLIENT = "/_matrix/client"
DOCUMENT = document(HOMESERVER)


def a_life(world: World) -> None:
    """Ask, confirm, add, list, delete, and go wrong on the way in most of the ways there are."""
    sid = world.prove()
    world.open_link()
    world.post("/account/3pid/add", {"sid": sid, "client_secret": "secret"})
    world.post("/account/3pid/add", {"sid": sid, "client_secret": "other"}, ALICE)
    world.add(sid)
    world.threepids()
    world.ask()
    world.ask(attempt=1, purpose="password")
    world.ask("nobody@example.org", purpose="password")
    world.post("/account/3pid", {"three_pid_creds": {"sid": sid, "client_secret": "secret"}}, BOB)
    world.post("/account/3pid/delete", {"medium": "email", "address": "alice@example.org"}, ALICE)
    world.post("/account/3pid/unbind", {"medium": "email"}, ALICE)


def pages(world: World) -> None:
    """Open and confirm links, good and bad."""
    world.ask()
    world.open_link()
    world.confirm(token="wrong")
    world.confirm()
    world.confirm(answer="refuse")
    world.call("GET", f"{CLIENT}/unstable/threepid/email/confirmed")


def codes(world: World) -> None:
    """Type codes, right and wrong."""
    world.rewire(senders={Medium.EMAIL: world.outbox, Medium.MSISDN: world.sms})
    body = {"country": "GB", "phone_number": "07400123456", "client_secret": "secret", "send_attempt": 1}
    sid = world.post("/account/3pid/msisdn/requestToken", body).json()["sid"]
    for token in ("000000x", world.sms.last.code, 5):
        answer = {"sid": sid, "client_secret": "secret", "token": token}
        world.post(f"{CLIENT}/unstable/threepid/msisdn/submit_token", answer)


def refusals(world: World) -> None:
    """Meet limits, outages, guests and bad bodies."""
    world.callers.kinds["@guest:hs.example.org"] = {"guest": True}
    world.call("GET", "/account/3pid", user="@guest:hs.example.org")
    world.call("GET", "/account/3pid", user="nobody")
    for body in (b"{", b"[]", {}, b" " * 20_000, {"email": 5, "client_secret": "s", "send_attempt": 1}):
        world.post("/account/3pid/email/requestToken", body)
    world.rewire(senders={Medium.EMAIL: Outbox(outcomes=[RefusedForNow("busy")])})
    world.ask()
    world.rewire(policy=Policy(public_base_url=BASE_URL, limits=Limits(per_client=Limit(1, 0.1))))
    world.ask("a@example.org")
    world.ask("b@example.org")


@pytest.mark.answers_5xx(503)
@pytest.mark.parametrize(
    ("story", "statuses"),
    [
        (a_life, {200, 303, 400, 401, 403}),
        (pages, {200, 303, 400}),
        (codes, {200, 400}),
        (refusals, {200, 400, 401, 403, 413, 429, 503}),
    ],
)
def test_answers_are_as_described(world: World, story: Callable[[World], None], statuses: set[int]) -> None:
    """Every answer has a status, a content type, headers and a body that the document lists for its operation."""
    story(world)
    assert {response.status for _, response in world.exchanges} == statuses
    for request, response in world.exchanges:
        responses = DOCUMENT["paths"][request.path][request.method.lower()]["responses"]
        described = responses.get(str(response.status)) or responses["4XX"]
        assert set(described.get("headers", {})) <= {name for name, _ in response.headers}
        if response.body:
            check(described["content"], response)


def check(content: dict[str, Any], response: Response) -> None:
    kind = (response.header("Content-Type") or "").partition(";")[0]
    schema = {**content[kind]["schema"], "components": DOCUMENT["components"]}
    Draft202012Validator(schema).validate(response.json() if kind == "application/json" else response.body.decode())
