"""``GateContract``: the promises of the port ``Gate``."""

from __future__ import annotations

import json
import logging
from types import MappingProxyType
from typing import Any

import pytest
from attrs import evolve

from ...model.gate import Allow, Challenge, Deny, GateRequest
from ...model.threepid import Medium, Purpose, Threepid
from ...ports import Caller, Gate
from ...protocol.wire import Request
from .base import Contract

_ADDRESS, _OTHER = "carol@example.org", "dave@example.org"
_SECRET = "a-client-secret"
_ODD: dict[str, Any] = {
    "null": None,
    "a number": 7,
    "a list": [],
    "nothing": {},
    "an unknown session": {"session": "unknown"},
    "a session that is a number": {"session": 7},
    "a session that is a list": {"session": ["x"]},
    "a session that is an object": {"session": {}},
    "a long session": {"session": "x" * 16_000},
    "a session in no encoding": {"session": "\ud800"},
    "zero": {"session": "\x00"},
    "an odd stage": {"type": 5},
    "a stage nobody knows": {"type": "org.example.none"},
}


class GateContract(Contract):
    """The contract of ``Gate``.

    * ``gate`` (fixture): the ``Gate``.
    * ``right``, ``wrong`` (methods): return an ``auth`` that meets a challenge, and one that does not.
    * ``denied`` (method): returns an address that is refused.
    * ``unsupported`` may name ``challenge`` (the gate asks for nothing) and ``deny`` (it refuses no address).
    """

    abilities = ("challenge", "deny")

    def right(self, challenge: Challenge) -> dict[str, Any]:
        """Return the ``auth`` that meets a challenge."""
        raise NotImplementedError

    def wrong(self, challenge: Challenge) -> dict[str, Any]:
        """Return an ``auth`` of the same type that is wrong."""
        raise NotImplementedError

    def denied(self) -> str:
        """Return a mail address that the gate refuses."""
        raise NotImplementedError

    def asked(self, address: str = _ADDRESS, purpose: Purpose = Purpose.REGISTER, **more: Any) -> GateRequest:
        """Return what a gate is asked when a stranger wants a mail."""
        body = {"email": address, "client_secret": _SECRET, "send_attempt": 1, **more}
        path = "/_matrix/client/v3/register/email/requestToken"
        request = Request("POST", path, {"content-type": "application/json"}, client="203.0.113.7")
        threepid = Threepid(Medium.EMAIL, address)
        return GateRequest(request=request, purpose=purpose, threepid=threepid, body=MappingProxyType(body))

    @pytest.mark.parametrize("purpose", Purpose)
    @pytest.mark.parametrize("caller", [None, Caller("@alice:hs.example.org")], ids=["a stranger", "a user"])
    def test_every_purpose_is_answered(self, gate: Gate, purpose: Purpose, caller: Caller | None) -> None:
        """Whoever asks and what for, the answer is ``Allow``, ``Deny`` or ``Challenge``, within ``patience``."""
        answer = self.soon(gate.allows, evolve(self.asked(purpose=purpose), caller=caller))
        assert isinstance(answer, Allow | Deny | Challenge)

    @pytest.mark.parametrize("client", [None, "unknown", "2001:db8::7"])
    def test_clients_may_be_unknown(self, gate: Gate, client: str | None) -> None:
        """A request without a client address is answered too."""
        asked = self.asked()
        answer = self.do(gate.allows, evolve(asked, request=evolve(asked.request, client=client)))
        assert isinstance(answer, Allow | Deny | Challenge)

    @pytest.mark.parametrize("auth", _ODD.values(), ids=_ODD)
    def test_odd_auth_meets_no_challenge(self, gate: Gate, auth: Any) -> None:
        """Any other ``auth`` is answered like none, with a challenge that can be met."""
        self.need("challenge")
        challenge = self._challenged(gate, auth=auth)
        assert self.do(gate.allows, self.asked(auth=self.right(challenge))) == Allow()

    def test_a_challenge_can_be_met(self, gate: Gate) -> None:
        """The right ``auth`` passes, and passes again for the same request, whose answer may have been lost."""
        self.need("challenge")
        right = self.right(self._challenged(gate))
        assert [self.do(gate.allows, self.asked(auth=right)) for _ in range(2)] == [Allow(), Allow()]

    def test_a_challenge_is_json(self, gate: Gate) -> None:
        """A challenge has flows of named stages, params and a session, which clients get as JSON."""
        self.need("challenge")
        state = json.loads(json.dumps(self._challenged(gate).state()))
        assert state["session"]
        assert all(stage for flow in state["flows"] for stage in flow["stages"])

    def test_what_is_wrong_does_not_pass(self, gate: Gate) -> None:
        """A wrong ``auth`` does not pass, and does not let the next request pass; the right one still does."""
        self.need("challenge")
        challenge = self._challenged(gate, auth=self.wrong(self._challenged(gate)))
        self._challenged(gate, auth={"session": challenge.session})
        assert self.do(gate.allows, self.asked(auth=self.right(challenge))) == Allow()

    def test_a_session_is_for_one_address(self, gate: Gate) -> None:
        """What was solved for one address does not let a message to another pass: each costs a challenge."""
        self.need("challenge")
        right = self.right(self._challenged(gate))
        assert self.do(gate.allows, self.asked(auth=right)) == Allow()
        assert isinstance(self.do(gate.allows, self.asked(_OTHER, auth=right)), Challenge)

    def test_every_session_is_another(self, gate: Gate) -> None:
        """Two requests have two sessions."""
        self.need("challenge")
        assert self._challenged(gate).session != self._challenged(gate).session

    def test_a_refused_address_is_denied(self, gate: Gate) -> None:
        """A refused address is denied every time, by a rule that does not repeat it."""
        self.need("deny")
        for _ in range(2):
            answer = self.do(gate.allows, self.asked(self.denied()))
            assert isinstance(answer, Deny)
            assert self.denied() not in answer.rule

    def test_nothing_is_shown(self, gate: Gate, caplog: pytest.LogCaptureFixture) -> None:
        """Neither the address nor the client's secret is in a log or in the ``repr`` of the gate."""
        caplog.set_level(logging.DEBUG)
        self.do(gate.allows, self.asked())
        assert not [hidden for hidden in (_ADDRESS, _SECRET) if hidden in f"{caplog.text} {gate!r}"]

    def _challenged(self, gate: Gate, **more: Any) -> Challenge:
        answer = self.do(gate.allows, self.asked(**more))
        assert isinstance(answer, Challenge)
        return answer
