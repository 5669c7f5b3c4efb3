"""``UiaContract``: the promises of the port ``Uia``."""

from __future__ import annotations

import json
import logging
from copy import deepcopy
from typing import Any, ClassVar

import pytest

from ...ports import Caller, Uia
from ...protocol.errors import UiaRequired
from ...protocol.wire import Request
from .base import Contract

_ACTION, _OTHER_ACTION = "add_threepid", "deactivate"
_BODY = {"sid": "a-sid", "client_secret": "a-client-secret"}
_ODD: dict[str, Any] = {
    "nothing": {},
    "an unknown session": {"session": "unknown"},
    "a number": {"session": 7},
    "a list": {"session": ["x"]},
    "an object": {"session": {}},
    "null": {"session": None},
    "a long session": {"session": "x" * 100_000},
    "a session in no encoding": {"session": "\ud800"},
    "zero": {"session": "\x00"},
    "an odd stage": {"type": 5},
    "a stage nobody knows": {"type": "org.example.none"},
    "a stage and no session": {"type": "m.login.password"},
}


class UiaContract(Contract):
    """The contract of ``Uia``. The users ``alice`` and ``bob`` exist on the host.

    * ``uia`` (fixture): the ``Uia``.
    * ``right``, ``wrong`` (methods): return an ``auth`` that completes a flow, and one that does not.

    One ``auth`` object, such as a password, must complete a flow.
    """

    alice: ClassVar[Caller] = Caller("@alice:hs.example.org")
    bob: ClassVar[Caller] = Caller("@bob:hs.example.org")

    def right(self, caller: Caller, session: str) -> dict[str, Any]:
        """Return the ``auth`` with which this caller completes a flow."""
        raise NotImplementedError

    def wrong(self, caller: Caller, session: str) -> dict[str, Any]:
        """Return an ``auth`` of the same type that is wrong."""
        raise NotImplementedError

    def test_without_auth_the_flows_are_named(self, uia: Uia) -> None:
        """A first request raises ``UiaRequired`` with flows, a session and params, as a 401 of the specification."""
        self._check(self._refused(uia))

    def test_every_session_is_another(self, uia: Uia) -> None:
        """Two requests have two sessions."""
        assert self._refused(uia)["session"] != self._refused(uia)["session"]

    def test_a_completed_flow_lets_through(self, uia: Uia) -> None:
        """With the right ``auth`` for the session, ``require`` returns."""
        self._complete(uia)

    def test_without_completing_it_a_session_is_nothing(self, uia: Uia) -> None:
        """A session that was opened and not completed does not authenticate, and stays open."""
        session = self._refused(uia)["session"]
        assert self._refused(uia, auth={"session": session})["session"] == session

    def test_what_is_wrong_does_not_count(self, uia: Uia) -> None:
        """A wrong ``auth`` raises ``UiaRequired`` and authenticates nothing later; the right one still does."""
        session = self._refused(uia)["session"]
        state = self._refused(uia, auth=self.wrong(self.alice, session))
        self._check(state)
        assert self._refused(uia, auth={"session": session})
        self._ask(uia, auth=self.right(self.alice, state["session"]))

    @pytest.mark.parametrize("auth", _ODD.values(), ids=_ODD)
    def test_odd_auth_is_not_enough(self, uia: Uia, auth: dict[str, Any]) -> None:
        """Any other ``auth`` is answered with ``UiaRequired`` and a session that works."""
        state = self._refused(uia, auth=auth)
        self._check(state)
        self._ask(uia, auth=self.right(self.alice, state["session"]))

    # -- a session is for one thing -----------------------------------------------------------------

    def test_a_session_is_for_one_action(self, uia: Uia) -> None:
        """A session that was opened or completed for one action does not authenticate another action."""
        opened, done = self._refused(uia)["session"], self._complete(uia)
        self._check(self._refused(uia, auth={"session": done}, action=_OTHER_ACTION))
        self._refused(uia, auth=self.right(self.alice, opened), action=_OTHER_ACTION)

    @pytest.mark.parametrize("change", [{"sid": "another"}, {"more": 1}, {"client_secret": "another"}])
    def test_a_session_is_for_one_body(self, uia: Uia, change: dict[str, Any]) -> None:
        """A session that was completed for one body does not authenticate another body."""
        done = self._complete(uia)
        self._check(self._refused(uia, {**_BODY, **change}, auth={"session": done}))

    def test_a_session_is_for_one_user(self, uia: Uia) -> None:
        """A session that one user completed does not authenticate another user."""
        done = self._complete(uia)
        self._check(self._refused(uia, auth={"session": done}, caller=self.bob))

    def test_one_users_answer_is_not_anothers(self, uia: Uia) -> None:
        """In a session of one user, the password of another user does not count."""
        session = self._refused(uia, caller=self.bob)["session"]
        self._ask(uia, auth=self.right(self.bob, session), caller=self.bob)
        self._refused(uia, auth={"session": session})

    # -- what stays inside --------------------------------------------------------------------------

    def test_the_body_stays_as_it_is(self, uia: Uia) -> None:
        """``require`` reads the body and changes nothing in it."""
        body = {**_BODY, "auth": self.right(self.alice, self._refused(uia)["session"])}
        before = deepcopy(body)
        self.do(uia.require, self._request(), self.alice, body, _ACTION)
        assert body == before

    def test_answers_are_not_shown(self, uia: Uia, caplog: pytest.LogCaptureFixture) -> None:
        """No answer of a client is in a log or a response."""
        caplog.set_level(logging.DEBUG)
        session = self._refused(uia)["session"]
        wrong, right = self.wrong(self.alice, session), self.right(self.alice, session)
        state = self._refused(uia, auth=wrong)
        self._ask(uia, auth=right)
        public = {session, "session", self.alice.user_id, *map(str, (wrong.get("type"), right.get("type")))}
        secrets = {text for auth in (wrong, right) for text in _texts(auth)} - public
        assert not [secret for secret in secrets if secret in f"{caplog.text} {json.dumps(state)}"]

    # -- how requests are made ----------------------------------------------------------------------

    def _complete(self, uia: Uia) -> str:
        """Complete a flow for the usual request; return its session."""
        session = str(self._refused(uia)["session"])
        self._ask(uia, auth=self.right(self.alice, session))
        return session

    def _refused(self, uia: Uia, body: dict[str, Any] = _BODY, **more: Any) -> dict[str, Any]:
        """Return the state of the 401 that a request receives."""
        with pytest.raises(UiaRequired) as required:
            self._ask(uia, body, **more)
        assert required.value.status == 401
        return required.value.body()

    def _ask(self, uia: Uia, body: dict[str, Any] = _BODY, **more: Any) -> None:
        """Make a request; ``auth``, ``caller`` and ``action`` may be given."""
        asked = {**body, "auth": more["auth"]} if "auth" in more else body
        caller, action = more.get("caller", self.alice), more.get("action", _ACTION)
        self.do(uia.require, self._request(), caller, asked, action)

    def _request(self) -> Request:
        return Request("POST", "/_matrix/client/v3/account/3pid/add")

    def _check(self, state: dict[str, Any]) -> None:
        """Assert that a client can go on from this 401."""
        stages = [stage for flow in state["flows"] for stage in flow["stages"]]
        assert stages
        assert all(isinstance(stage, str) for stage in stages)
        assert isinstance(state["session"], str) and state["session"]
        assert isinstance(state.get("params", {}), dict)
        json.dumps(state)


def _texts(value: Any) -> list[str]:
    """Return all texts in a value, names of members left out."""
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _texts(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in _texts(inner)]
    return [value] if isinstance(value, str) and value else []
