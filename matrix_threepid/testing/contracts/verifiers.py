"""``RemoteVerifierContract``: the promises of a ``TokenSender`` whose provider makes and checks the codes."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from ...model.message import TokenMessage
from ...model.threepid import Medium
from ...ports import RemoteVerifier
from .providers import CODE, SHORT, Behaviour, VerifyingProvider
from .senders import TokenSenderContract

THEIRS = "424242"
"""The code the provider has made."""
_HOSTILE = {
    "a line": "\r\nX-Injected: yes",
    "a parameter": "&To=%2B15005550006",
    "a member": '","to":"',
    "zero": "\x00",
    "not ASCII": "\u00e9",
    "too much": "1" * 5000,
}
_NO_WORD = [how for how in Behaviour if how not in (Behaviour.ACCEPT, Behaviour.REFUSE_FOR_EVER)]
_no_word = pytest.mark.parametrize("how", _NO_WORD, ids=lambda how: how.name.lower())


class RemoteVerifierContract(TokenSenderContract):
    """The contract of ``RemoteVerifier``, in addition to that of ``TokenSender``.

    * ``sender`` (fixture): a ``RemoteVerifier``.
    * ``provider`` (fixture): a ``VerifyingProvider``.
    """

    medium = Medium.MSISDN

    def test_the_code_that_was_sent_fits(self, sender: RemoteVerifier, provider: VerifyingProvider) -> None:
        """The provider's own code is right for its recipient."""
        to = self.message().recipient
        provider.expect(to, THEIRS)
        assert self._verify(sender, to, THEIRS) is True
        assert list(provider.asked) == [(to, THEIRS)]

    @pytest.mark.parametrize("code", ["424243", "", "42424", "4242420", CODE])
    def test_another_code_does_not_fit(self, sender: RemoteVerifier, provider: VerifyingProvider, code: str) -> None:
        """A code that the provider did not send is wrong, the one in the message included."""
        to = self.message().recipient
        provider.expect(to, THEIRS)
        self.send(sender, self.message())
        assert self._verify(sender, to, code) is not True

    def test_a_code_is_for_its_recipient(self, sender: RemoteVerifier, provider: VerifyingProvider) -> None:
        """The code of one number is wrong for another number."""
        provider.expect("447700900009", THEIRS)
        assert self._verify(sender, self.message().recipient, THEIRS) is not True

    @_no_word
    def test_without_a_word_nothing_fits(
        self, sender: RemoteVerifier, provider: VerifyingProvider, how: Behaviour
    ) -> None:
        """Without a usable answer in time, a code is neither right nor wrong, and nothing is raised."""
        self.need(how.value)
        provider.expect(self.message().recipient, THEIRS)
        provider.behave(how)
        assert self._verify(sender, self.message().recipient, THEIRS, SHORT) is None

    @pytest.mark.parametrize("more", _HOSTILE.values(), ids=_HOSTILE)
    def test_a_code_is_asked_about_as_it_is(
        self, sender: RemoteVerifier, provider: VerifyingProvider, more: str
    ) -> None:
        """Any text that a client submits is passed to the provider as one value, or not at all."""
        to = self.message().recipient
        provider.expect(to, THEIRS)
        assert self._verify(sender, to, THEIRS + more) is not True
        assert list(provider.asked) in ([], [(to, THEIRS + more)])

    @_no_word
    def test_nothing_secret_is_shown_when_codes_are_checked(
        self, sender: RemoteVerifier, provider: VerifyingProvider, how: Behaviour, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Neither the number nor the code nor a password is logged."""
        self.need(how.value)
        caplog.set_level(logging.DEBUG)
        provider.behave(how)
        self._verify(sender, self.message().recipient, THEIRS, SHORT)
        self.check_quiet(caplog.text, self.message().recipient, THEIRS)

    def check_text(self, message: TokenMessage, text: str) -> None:
        """Assert that the text does not hold the library's own code."""
        assert (message.code or "no code") not in text

    def _verify(self, sender: RemoteVerifier, recipient: str, code: str, deadline: int = 10_000) -> Any:
        return self.soon(sender.verify, recipient, code, deadline)
