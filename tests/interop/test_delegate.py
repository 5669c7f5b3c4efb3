"""A real Synapse whose numbers we validate: our delegate beside it, or our module inside it."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import define, evolve

from .http import Answer
from .sms_ways import BESIDE, INSIDE, WORKERS, Way
from .synapse import User, submit

V1 = "/_matrix/identity/api/v1"
ADD, REGISTER = "/account/3pid/msisdn/requestToken", "/register/msisdn/requestToken"
_numbers = (f"4477{area:02}900123" for area in range(100))
"""Each with a prefix of its own: a prefix gets only so many SMS."""


@define
class Phone:
    """A number nobody has used yet, and a session to validate it."""

    way: Way
    number: str
    sid: str = ""
    submit_url: str = ""

    @property
    def credentials(self) -> dict[str, str]:
        return {"sid": self.sid, "client_secret": "secret.of=a-client"}

    def ask(self, path: str = ADD, **members: Any) -> Answer:
        """Ask Synapse for an SMS."""
        wanted = {"country": "GB", "phone_number": f"0{self.number[2:]}", "send_attempt": 1}
        body = {"client_secret": self.credentials["client_secret"], **wanted, **members}
        answer = self.way.synapse.client.post(f"/_matrix/client/v3{path}", body)
        self.sid, self.submit_url = answer.body.get("sid", ""), answer.body.get("submit_url", "")
        return answer

    def submit(self, code: str) -> Answer:
        """Post a code to Synapse."""
        return submit(self.way.synapse.client, self.submit_url, {**self.credentials, "token": code})

    @property
    def code(self) -> str:
        return self.way.code(self.number)

    @property
    def wrong_code(self) -> str:
        return f"{(int(self.code) + 1) % 10**6:06}"

    def prove(self, path: str = ADD) -> Phone:
        self.ask(path)
        assert self.submit(self.code).body == {"success": True}
        return self


@pytest.fixture(scope="module", params=[BESIDE, INSIDE, WORKERS], ids=["delegate", "module", "workers"])
def way(request: pytest.FixtureRequest) -> Way:
    """A Synapse and its way to phones."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def phone(way: Way) -> Phone:
    return Phone(way, next(_numbers))


@pytest.fixture
def user(way: Way, request: pytest.FixtureRequest) -> User:
    """A user of this test alone."""
    return way.synapse.register(request.node.originalname.removeprefix("test_"))


@pytest.mark.rule("REQ-ISREQ-4", "SEC-263")
def test_a_number_gets_onto_an_account(phone: Phone, user: User) -> None:
    """Asked for, read off the phone, mistyped, typed, added with the password: the number is on the account."""
    asked = phone.ask()
    assert asked.status == 200
    assert (asked.body["msisdn"], asked.body["success"]) == (phone.number, True)
    assert asked.body["intl_fmt"].replace(" ", "") == f"+{phone.number}"
    wrong = phone.submit(phone.wrong_code)
    assert (wrong.status, wrong.body["success"], wrong.body["errcode"]) == (200, False, "M_TOKEN_INCORRECT")
    early = user.authenticated("/account/3pid/add", phone.credentials)
    assert early.refusal == (400, "M_THREEPID_AUTH_FAILED")
    assert phone.submit(phone.code) == Answer(200, {"success": True})
    assert user.authenticated("/account/3pid/add", phone.credentials).status == 200
    assert user.threepids() == [("msisdn", phone.number)]


def test_a_number_opens_an_account(phone: Phone) -> None:
    """Registration with ``m.login.msisdn``: the stage waits for the code, then the account has the number."""
    synapse = phone.way.synapse
    asked = synapse.sign_up("newcomer")
    assert ["m.login.msisdn"] in [flow["stages"] for flow in asked.body["flows"]]
    assert phone.ask(REGISTER).status == 200
    proof = {"type": "m.login.msisdn", "threepid_creds": phone.credentials, "session": asked.body["session"]}
    assert synapse.sign_up("newcomer", proof).refusal == (401, "M_UNAUTHORIZED")
    assert phone.submit(phone.code).body == {"success": True}
    done = synapse.sign_up("newcomer", proof)
    assert done.status == 200, done
    newcomer = User(synapse.client, done.body["user_id"], done.body["access_token"])
    assert newcomer.threepids() == [("msisdn", phone.number)]


def test_clients_before_uia_add_too(phone: Phone, user: User) -> None:
    """``POST /account/3pid`` as old clients use it."""
    added = user.post("/account/3pid", {"three_pid_creds": phone.prove().credentials})
    assert added.status == 200
    assert user.threepids() == [("msisdn", phone.number)]


def test_a_larger_attempt_sends_another_code(phone: Phone) -> None:
    """The same attempt sends nothing, a larger one a new code; the old one is then wrong."""
    phone.ask()
    first = phone.code
    phone.ask()
    assert phone.way.sent.count(phone.number) == 1
    phone.ask(send_attempt=2)
    assert phone.code != first
    assert phone.submit(first).body["errcode"] == "M_TOKEN_INCORRECT"
    assert phone.submit(phone.code).body == {"success": True}


def test_a_code_takes_five_guesses(phone: Phone) -> None:
    """After five wrong codes the right one comes too late, and Synapse's client hears why."""
    phone.ask()
    for _ in range(5):
        assert phone.submit(phone.wrong_code).body["errcode"] == "M_TOKEN_INCORRECT"
    answer = phone.submit(phone.code)
    assert (answer.status, answer.body["success"], answer.body["errcode"]) == (200, False, "M_SESSION_EXPIRED")


@pytest.mark.parametrize(
    ("members", "refused"),
    [
        ({"country": "FR", "phone_number": "06 12 34 56 78"}, (400, "M_DESTINATION_REJECTED")),
        ({"country": "GB", "phone_number": "0909 879 0123"}, (400, "M_DESTINATION_REJECTED")),
        ({"country": "GB", "phone_number": "07700 9"}, (400, "M_INVALID_ADDRESS")),
    ],
)
def test_our_refusals_reach_the_client(phone: Phone, members: dict[str, str], refused: tuple[int, str]) -> None:
    """Status and errcode of a requestToken come through Synapse as they are, and nothing is sent."""
    before = len(phone.way.sent)
    assert phone.ask(**members).refusal == refused
    assert len(phone.way.sent) == before


def test_limits_reach_the_client(phone: Phone) -> None:
    """A number that had its share is refused with a time to come back."""
    answers = [phone.ask(send_attempt=attempt) for attempt in range(1, 6)]
    assert answers[-1].refusal == (429, "M_LIMIT_EXCEEDED")
    assert answers[-1].body["retry_after_ms"] > 0


def test_a_proof_is_told_as_often_as_it_is_asked_for(phone: Phone) -> None:
    """Synapse asks several times a session; so does this test, once more, after the number is on an account."""
    phone.prove()
    told = [phone.way.door.get(f"{V1}/3pid/getValidated3pid", **phone.credentials) for _ in range(3)]
    assert told[0].status == 200
    assert told[0].body["address"] == phone.number
    assert told == [told[0]] * 3


@pytest.mark.parametrize("extra", ["", "/"])
def test_the_secret_path_leads_in(way: Way, extra: str) -> None:
    """The path of the configuration leads to us, with a slash at its end as well."""
    door = evolve(way.door, base=way.door.base + extra)
    answer = door.get(f"{V1}/3pid/getValidated3pid", sid="a", client_secret="b")
    assert answer.refusal == (404, "M_NO_VALID_SESSION")


@pytest.mark.parametrize("base", ["", "/else", "/_synapse/client/else"])
def test_no_other_path_leads_in(way: Way, base: str) -> None:
    """Who does not know the path finds nothing, whatever else is there."""
    door = evolve(way.door, base=base)
    assert door.status("GET", f"{V1}/3pid/getValidated3pid") == 404
