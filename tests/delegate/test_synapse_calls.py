"""The three calls Synapse makes of a delegate, byte for byte, through ASGI below a secret path."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from attrs import field, frozen
from hosts.driving import chunks, run, scope_of
from sms.acting import wrong

from matrix_threepid import Medium, Peppers, Policy, Service
from matrix_threepid.hosts.asgi import Asgi
from matrix_threepid.model.message import Outcome, RefusedForever, RefusedForNow, Unknown
from matrix_threepid.policy import SmsRules
from matrix_threepid.roles.identity_server import Delegate
from matrix_threepid.testing import FakeClock, Outbox

SECRET = "/kq3v8zq1x0bn5m2a7c9d4e6f"
API = "/_matrix/identity/api/v1"
HEADERS = (
    ("content-type", "application/json"),
    ("user-agent", "Synapse/1.163.2"),
    ("accept", "application/json"),
    ("accept-encoding", "gzip"),
)
ASKING: dict[str, Any] = {
    "client_secret": "sec.RET=_-1",
    "country": "GB",
    "next_link": "https://example.org/done",
    "phone_number": "07700 900123",
    "send_attempt": 1,
}


@frozen
class Synapse:
    """Synapse, as far as its delegate sees it: always the same client, no token, compact bodies with sorted keys."""

    box: Outbox = field(factory=Outbox)
    clock: FakeClock = field(factory=FakeClock)
    policy: Policy = Policy(public_base_url="https://matrix.example.org", sms=SmsRules(countries=["GB"]))
    base: str = SECRET
    app: Any = field(init=False)

    @app.default
    def _delegate(self) -> Asgi:
        role = Delegate(
            server_name="example.org",
            peppers=Peppers.of(bytes(32)),
            policy=self.policy,
            senders={Medium.MSISDN: self.box},
            clock=self.clock,
        )
        return Asgi(Service(role))

    def post(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        content = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
        return self._call("POST", path, content)

    def get(self, path: str, query: str) -> tuple[int, Any]:
        return self._call("GET", path, b"", query_string=query.encode())

    def ask(self, **changes: Any) -> tuple[int, Any]:
        body = {name: value for name, value in {**ASKING, **changes}.items() if value is not None}
        return self.post("/validate/msisdn/requestToken", body)

    def submit(self, sid: str, token: str) -> tuple[int, Any]:
        body = {"client_secret": ASKING["client_secret"], "sid": sid, "token": token}
        return self.post("/validate/msisdn/submitToken", body)

    def validated(self, sid: str) -> tuple[int, Any]:
        return self.get("/3pid/getValidated3pid", f"sid={sid}&client_secret=sec.RET%3D_-1")

    def _call(self, method: str, path: str, content: bytes, **more: Any) -> tuple[int, Any]:
        url = f"{self.base}{API}{path}"
        scope = scope_of(method, url, *HEADERS, root_path=SECRET, client=("127.0.0.1", 5), **more)
        answered = run(self.app, scope, *chunks(content))
        return answered.status, json.loads(answered.body)


@pytest.mark.parametrize("base", [SECRET, f"{SECRET}/"], ids=["base", "base with a final slash"])
def test_a_number_is_proved_in_three_calls(base: str) -> None:
    """Ask, submit, look: the answers have all members Synapse and its clients read, and nothing else."""
    synapse = Synapse(base=base)
    status, answer = synapse.ask()
    sid = answer.pop("sid")
    assert status == 200
    assert answer == {"success": True, "msisdn": "447700900123", "intl_fmt": "+44 7700 900123"}
    assert synapse.submit(sid, synapse.box.last.code or "") == (200, {"success": True})
    validated = {"medium": "msisdn", "address": "447700900123", "validated_at": synapse.clock()}
    assert synapse.validated(sid) == (200, validated)


def test_a_proof_may_be_read_again_and_again() -> None:
    """Synapse polls, and never says that it has used a session: the answer stays the same for a day."""
    synapse = Synapse()
    sid = synapse.ask()[1]["sid"]
    synapse.submit(sid, synapse.box.last.code or "")
    first = synapse.validated(sid)
    for _ in range(5):
        synapse.clock.advance(4 * 3_600_000)
        assert synapse.validated(sid) == first
    synapse.clock.advance(5 * 3_600_000)
    assert synapse.validated(sid)[0] == 400


def test_wrong_codes_are_answered_so_that_synapse_passes_them_on() -> None:
    """Synapse passes a 200 on, so a wrong code is a 200 that says so; then the right one is taken."""
    synapse = Synapse()
    sid = synapse.ask()[1]["sid"]
    code = synapse.box.last.code or ""
    status, answer = synapse.submit(sid, wrong(code))
    assert (status, answer["success"], answer["errcode"]) == (200, False, "M_TOKEN_INCORRECT")
    assert synapse.validated(sid)[1]["errcode"] == "M_SESSION_NOT_VALIDATED"
    assert synapse.submit(sid, code) == (200, {"success": True})


@pytest.mark.parametrize(
    ("spoil", "errcode"),
    [
        (lambda synapse, _: synapse.clock.advance(600_000), "M_SESSION_EXPIRED"),
        (lambda synapse, sid: [synapse.submit(sid, "x") for _ in range(5)], "M_SESSION_EXPIRED"),
        (lambda synapse, _: [synapse.clock.advance(30_000), synapse.ask(send_attempt=2)], "M_TOKEN_INCORRECT"),
    ],
    ids=["too old", "too many guesses", "replaced"],
)
def test_a_code_that_is_good_no_more_says_why(spoil: Callable[[Synapse, str], Any], errcode: str) -> None:
    """Old, guessed at and replaced codes are 200s with their errcode."""
    synapse = Synapse()
    sid = synapse.ask()[1]["sid"]
    code = synapse.box.last.code or ""
    spoil(synapse, sid)
    status, answer = synapse.submit(sid, code)
    assert (status, answer["success"], answer["errcode"]) == (200, False, errcode)


@pytest.mark.rule("REQ-MSISDN-6")
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"phone_number": "0909 879 0000"}, (400, "M_DESTINATION_REJECTED")),
        ({"phone_number": "+2347012345678"}, (400, "M_DESTINATION_REJECTED")),
        ({"phone_number": "nonsense"}, (400, "M_INVALID_ADDRESS")),
        ({"country": "xxGByy"}, (400, "M_INVALID_ADDRESS")),
        ({"send_attempt": "notint"}, (400, "M_INVALID_PARAM")),
        ({"phone_number": 7}, (400, "M_INVALID_PARAM")),
        ({"phone_number": None}, (400, "M_MISSING_PARAMS")),
    ],
)
def test_a_bad_request_is_refused_in_the_words_of_the_identity_api(changes: dict[str, Any], expected: Any) -> None:
    """Synapse passes status and errcode of a refusal on to its client."""
    synapse = Synapse()
    status, answer = synapse.ask(**changes)
    assert (status, answer["errcode"]) == expected
    assert synapse.box.messages == []


@pytest.mark.parametrize(
    ("became", "expected"),
    [
        (RefusedForNow("busy"), (400, "M_SEND_ERROR")),
        (RefusedForever("a landline"), (400, "M_SEND_ERROR")),
        (RefusedForever("the region is off", denied=True), (400, "M_DESTINATION_REJECTED")),
        (RefusedForNow("too often", 7_000), (429, "M_LIMIT_EXCEEDED")),
        (Unknown("lost"), (200, None)),
    ],
    ids=["refused for now", "refused for ever", "denied", "limited", "unknown"],
)
def test_a_refusal_of_the_provider_is_passed_on(became: Outcome, expected: Any) -> None:
    """What was not sent is said so, and when to come back if that is known; what may have been sent counts as sent."""
    synapse = Synapse(box=Outbox(outcomes=[became]))
    status, answer = synapse.ask()
    assert (status, answer.get("errcode")) == expected
    assert answer.get("retry_after_ms") == (7_000 if status == 429 else None)


def test_synapse_is_many_people_behind_one_address() -> None:
    """Limits per client do not hold Synapse's users up for one another; those per number stay."""
    synapse = Synapse()
    numbers = [f"+44{7400 + n % 20}90000{n // 20}" for n in range(40)]
    assert [synapse.ask(phone_number=number)[0] for number in numbers] == [200] * 40
    answers = []
    for attempt in (2, 3, 4):
        synapse.clock.advance(30_000)
        answers.append(synapse.ask(phone_number=numbers[0], send_attempt=attempt))
    assert [status for status, _ in answers] == [200, 200, 429]
    assert answers[-1][1]["errcode"] == "M_LIMIT_EXCEEDED"
    assert answers[-1][1]["retry_after_ms"] > 0


def test_a_session_of_somebody_else_is_none() -> None:
    """Without its secret a session is not found; with it, nothing but the number can come out."""
    synapse = Synapse()
    sid = synapse.ask()[1]["sid"]
    status, answer = synapse.get("/3pid/getValidated3pid", f"sid={sid}&client_secret=guess")
    assert (status, answer["errcode"]) == (404, "M_NO_VALID_SESSION")
