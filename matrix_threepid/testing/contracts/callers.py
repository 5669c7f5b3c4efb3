"""``CallersContract``: the promises of the port ``Callers``."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from ...ports import Caller, Callers
from ...protocol.errors import MissingToken, UnknownToken, UserLocked
from ...protocol.wire import Request
from .base import Contract

_ODD = {
    "empty": "",
    "a space": " ",
    "not ASCII": "t\u00f6ken",
    "a surrogate": "\ud800",
    "zero": "\x00",
    "a line end": "a\r\nX-Injected: yes",
    "SQL": "' OR '1'='1",
    "a pattern": "%",
    "long": "x" * 100_000,
}


class CallersContract(Contract):
    """The contract of ``Callers``. The users ``alice`` and ``bob`` exist on the host.

    * ``callers`` (fixture): the ``Callers``.
    * ``token`` (method): returns an access token of a user.
    * ``end``, ``lock`` (methods, optional): log a token out, lock an account.
    * ``unsupported`` may name ``guest``, ``suspended``, ``oauth`` (kinds of callers that the host does not have), and
      ``end`` and ``lock`` (methods that are not given).
    """

    abilities = ("guest", "suspended", "oauth", "end", "lock")
    alice: str = "@alice:hs.example.org"
    bob: str = "@bob:hs.example.org"

    def token(self, callers: Any, user_id: str, kind: str = "") -> str:
        """Return a valid access token of a user.

        * ``kind``: ``guest``, ``suspended``, ``oauth``, or empty for an ordinary user.
        """
        raise NotImplementedError

    def end(self, callers: Any, token: str) -> None:
        """Log this access token out."""
        raise NotImplementedError

    def lock(self, callers: Any, user_id: str) -> None:
        """Lock this account."""
        raise NotImplementedError

    def request(self, authorization: str | None) -> Request:
        """Return a request with this ``Authorization`` header, as the host's server makes it."""
        headers = {} if authorization is None else {"authorization": authorization}
        return Request("GET", "/_matrix/client/v3/account/3pid", headers)

    def test_a_token_names_its_user(self, callers: Callers) -> None:
        """A token returns its user every time, marked neither as guest nor as suspended."""
        tokens = {user: self.token(callers, user) for user in (self.alice, self.bob)}
        for user in (self.alice, self.bob, self.alice):
            assert self._identified(callers, tokens[user]) == Caller(user)

    def test_without_a_token_nobody_calls(self, callers: Callers) -> None:
        """Without the header ``identify`` returns ``None`` and raises nothing: some endpoints need no caller."""
        assert self.do(callers.identify, self.request(None)) is None

    def test_an_unknown_token_is_told_so(self, callers: Callers) -> None:
        """An unknown token raises ``UnknownToken``, so that clients log out and do not go on without an account."""
        with pytest.raises(UnknownToken):
            self._identified(callers, "a-token-of-nobody")

    @pytest.mark.parametrize("odd", _ODD.values(), ids=_ODD)
    def test_odd_tokens_name_nobody(self, callers: Callers, odd: str) -> None:
        """Any other content of the header raises ``UnknownToken``, and no other exception."""
        assert self._caller(callers, f"Bearer {odd}") is None

    @pytest.mark.parametrize("change", ["{}x", "x{}", "{0}, {0}", "{0} {0}", "{}%"])
    def test_tokens_are_compared_as_a_whole(self, callers: Callers, change: str) -> None:
        """A token with more characters is another token."""
        self._is_not_alice(callers, f"Bearer {change.format(self.token(callers, self.alice))}")

    def test_part_of_a_token_is_none(self, callers: Callers) -> None:
        """A part of a token, or a token in another case, is another token."""
        token = self.token(callers, self.alice)
        for other in {token[:-1], token[1:], token.swapcase()} - {token}:
            self._is_not_alice(callers, f"Bearer {other}")

    @pytest.mark.parametrize("scheme", ["Basic {}", "X-Matrix {}", "{}"])
    def test_other_schemes_carry_no_token(self, callers: Callers, scheme: str) -> None:
        """A scheme other than ``Bearer`` carries no access token."""
        assert self._caller(callers, scheme.format(self.token(callers, self.alice))) is None

    @pytest.mark.parametrize("kind", ["guest", "suspended", "oauth"])
    def test_who_is_restricted_is_marked(self, callers: Callers, kind: str) -> None:
        """Guests, suspended users and OAuth sessions are marked on the ``Caller``."""
        self.need(kind)
        assert self._identified(callers, self.token(callers, self.alice, kind)) == Caller(self.alice, **{kind: True})
        assert self._identified(callers, self.token(callers, self.bob)) == Caller(self.bob)

    def test_a_token_ends(self, callers: Callers) -> None:
        """After a log-out the token is unknown at once, and the user's other tokens stay valid."""
        self.need("end")
        ended, other = self.token(callers, self.alice), self.token(callers, self.bob)
        self._identified(callers, ended)
        self.end(callers, ended)
        with pytest.raises(UnknownToken):
            self._identified(callers, ended)
        assert self._identified(callers, other) == Caller(self.bob)

    def test_a_locked_user_is_told_so(self, callers: Callers) -> None:
        """A locked account raises ``UserLocked``, with ``soft_logout``."""
        self.need("lock")
        token = self.token(callers, self.alice)
        self.lock(callers, self.alice)
        with pytest.raises(UserLocked) as locked:
            self._identified(callers, token)
        assert locked.value.body()["soft_logout"] is True

    def test_tokens_are_not_shown(self, callers: Callers, caplog: pytest.LogCaptureFixture) -> None:
        """No token, valid or not, is in a log, an error or a ``repr``."""
        caplog.set_level(logging.DEBUG)
        good, bad = self.token(callers, self.alice), "a-token-of-somebody"
        self._identified(callers, good)
        with pytest.raises(UnknownToken) as unknown:
            self._identified(callers, bad)
        shown = f"{caplog.text} {unknown.value!r} {unknown.value.body()} {callers!r}"
        assert bad not in shown
        assert good not in shown.replace(self.alice, "")

    def _identified(self, callers: Callers, token: str) -> Caller | None:
        return self.do(callers.identify, self.request(f"Bearer {token}"))

    def _caller(self, callers: Callers, authorization: str) -> Caller | None:
        """Return the caller; ``None`` where the token is unknown."""
        try:
            return self.do(callers.identify, self.request(authorization))
        except (UnknownToken, MissingToken):
            return None

    def _is_not_alice(self, callers: Callers, authorization: str) -> None:
        """Assert that a header does not authenticate alice."""
        caller = self._caller(callers, authorization)
        assert caller is None or caller.user_id != self.alice
