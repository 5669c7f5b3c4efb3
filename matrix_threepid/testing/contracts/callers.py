"""``CallersContract``: what every host's ``Callers`` keep to."""

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
    """Give the fixture ``callers``, and the method ``token``; ``alice`` and ``bob`` are users of the host.

    ``unsupported`` may name ``guest``, ``suspended`` and ``oauth``, which the host does not have, and ``end``,
    ``lock``: methods that are not given.
    """

    abilities = ("guest", "suspended", "oauth", "end", "lock")
    alice: str = "@alice:hs.example.org"
    bob: str = "@bob:hs.example.org"

    def token(self, callers: Any, user_id: str, kind: str = "") -> str:
        """Return a good access token of a user; ``kind``: one of ``guest``, ``suspended``, ``oauth``."""
        raise NotImplementedError

    def end(self, callers: Any, token: str) -> None:
        """Log this access token out."""
        raise NotImplementedError

    def lock(self, callers: Any, user_id: str) -> None:
        """Lock this account."""
        raise NotImplementedError

    def request(self, authorization: str | None) -> Request:
        """Return a request with this header, as the host's server would give it."""
        headers = {} if authorization is None else {"authorization": authorization}
        return Request("GET", "/_matrix/client/v3/account/3pid", headers)

    def test_a_token_names_its_user(self, callers: Callers) -> None:
        """Everybody is who their token says, again and again, and neither guest nor suspended."""
        tokens = {user: self.token(callers, user) for user in (self.alice, self.bob)}
        for user in (self.alice, self.bob, self.alice):
            assert self._identified(callers, tokens[user]) == Caller(user)

    def test_without_a_token_nobody_calls(self, callers: Callers) -> None:
        """No header is ``None``, which is not the same as a bad token: some endpoints need no caller."""
        assert self.do(callers.identify, self.request(None)) is None

    def test_an_unknown_token_is_told_so(self, callers: Callers) -> None:
        """A token nobody has raises ``UnknownToken``, so that clients log out and do not go on as nobody."""
        with pytest.raises(UnknownToken):
            self._identified(callers, "a-token-of-nobody")

    @pytest.mark.parametrize("odd", _ODD.values(), ids=_ODD)
    def test_odd_tokens_name_nobody(self, callers: Callers, odd: str) -> None:
        """Whatever stands in the header is unknown, and no error of ours."""
        assert self._caller(callers, f"Bearer {odd}") is None

    @pytest.mark.parametrize("change", ["{}x", "x{}", "{0}, {0}", "{0} {0}", "{}%"])
    def test_tokens_are_compared_as_a_whole(self, callers: Callers, change: str) -> None:
        """More than a token is another token."""
        self._is_not_alice(callers, f"Bearer {change.format(self.token(callers, self.alice))}")

    def test_part_of_a_token_is_none(self, callers: Callers) -> None:
        """Less than a token, or one in another case, is another token."""
        token = self.token(callers, self.alice)
        for other in {token[:-1], token[1:], token.swapcase()} - {token}:
            self._is_not_alice(callers, f"Bearer {other}")

    @pytest.mark.parametrize("scheme", ["Basic {}", "X-Matrix {}", "{}"])
    def test_other_schemes_carry_no_token(self, callers: Callers, scheme: str) -> None:
        """A token that is not a bearer's names nobody."""
        assert self._caller(callers, scheme.format(self.token(callers, self.alice))) is None

    @pytest.mark.parametrize("kind", ["guest", "suspended", "oauth"])
    def test_who_is_restricted_is_marked(self, callers: Callers, kind: str) -> None:
        """Guests, suspended users and OAuth sessions are told apart; what they may do the library knows."""
        self.need(kind)
        assert self._identified(callers, self.token(callers, self.alice, kind)) == Caller(self.alice, **{kind: True})
        assert self._identified(callers, self.token(callers, self.bob)) == Caller(self.bob)

    def test_a_token_ends(self, callers: Callers) -> None:
        """After a log-out the token is unknown at once, and the user's others stay."""
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
        """Neither a good token nor a bad one stands in a log, an error or a repr."""
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
        """Return who calls, nobody where the token is unknown."""
        try:
            return self.do(callers.identify, self.request(authorization))
        except (UnknownToken, MissingToken):
            return None

    def _is_not_alice(self, callers: Callers, authorization: str) -> None:
        """Assert that a header is not hers; where tokens are made up it may be somebody's."""
        caller = self._caller(callers, authorization)
        assert caller is None or caller.user_id != self.alice
