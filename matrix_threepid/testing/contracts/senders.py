"""``TokenSenderContract``: the promises of the port ``TokenSender``, whatever the provider does."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

import pytest
from attrs import evolve

from ...model.message import Accepted, MessageKind, Outcome, RefusedForever, RefusedForNow, TokenMessage, Unknown
from ...model.threepid import Medium
from ...ports import TokenSender
from .base import Contract
from .providers import CODE, SECRET, SHORT, Behaviour, Provider, told

_THREADS = 8
_NEVER_SAYS = (Behaviour.HANG, Behaviour.DRIP)
_LOST = (Behaviour.GARBAGE, *_NEVER_SAYS, Behaviour.LOSE)
_OUTCOMES: dict[Behaviour, type[Any]] = {
    Behaviour.ACCEPT: Accepted,
    Behaviour.REFUSE_FOR_EVER: RefusedForever,
    Behaviour.REFUSE_FOR_NOW: RefusedForNow,
    Behaviour.AWAY: RefusedForNow,
    **dict.fromkeys(_LOST, Unknown),
}
_SENT_KINDS = [kind for kind in MessageKind if kind is not MessageKind.SILENCE]  # which is never handed to a sender
_every_behaviour = pytest.mark.parametrize("how", list(Behaviour), ids=lambda how: how.name.lower())
_HOSTILE = {
    "a header": "\r\nX-Injected: yes\r\n\r\nhello",
    "a line": "\nX-Injected: yes",
    "a command": "\r\nRCPT TO:<eve@example.org>",
    "a parameter": "&X-Injected=yes",
    "a member": '","X-Injected":"yes',
}


class TokenSenderContract(Contract):
    """The contract of ``TokenSender``.

    * ``sender`` (fixture): the ``TokenSender``.
    * ``provider`` (fixture): the ``Provider`` that it sends to.
    * ``medium``: the medium that it sends by.
    * ``secrets``: texts of its configuration that must not be shown, such as passwords.
    * ``unsupported`` may name what the stand-in cannot do (values of ``Behaviour``), and ``notices`` (mails without a
      token). Every sender of SMS refuses a message without a code.
    """

    abilities: ClassVar[Any] = (*(how.value for how in Behaviour), "notices")
    medium: Medium = Medium.EMAIL
    secrets: tuple[str, ...] = ()

    # -- what becomes of a message ------------------------------------------------------------------

    def test_a_message_arrives_whole(self, sender: TokenSender, provider: Provider) -> None:
        """An accepted message arrives once, at its one recipient, with its link or code."""
        message = self.message()
        assert isinstance(self.send(sender, message), Accepted)
        (arrived,) = provider.arrived
        assert arrived.recipients == (message.recipient,)
        self.check_text(message, arrived.text)

    @_every_behaviour
    def test_what_a_provider_does_has_its_outcome(
        self, sender: TokenSender, provider: Provider, how: Behaviour
    ) -> None:
        """Nothing is raised and the deadline is kept; a message that may have been sent is ``Unknown``."""
        outcome = self.meet(sender, provider, how)
        assert isinstance(outcome, _OUTCOMES[how])
        pause = getattr(outcome, "retry_after", None)
        assert pause is None or pause > 0
        assert len(provider.arrived) <= 1

    @_every_behaviour
    def test_the_same_after_a_message_that_went_well(
        self, sender: TokenSender, provider: Provider, how: Behaviour
    ) -> None:
        """A connection or client that is used again changes neither the outcome nor the number of messages."""
        self.meet(sender, provider, Behaviour.ACCEPT)
        assert isinstance(self.meet(sender, provider, how), _OUTCOMES[how])
        assert len(provider.arrived) <= 2

    @_every_behaviour
    def test_trouble_passes(self, sender: TokenSender, provider: Provider, how: Behaviour) -> None:
        """After any failure, the next message arrives once the provider works again."""
        self.meet(sender, provider, how)
        before = len(provider.arrived)
        assert isinstance(self.meet(sender, provider, Behaviour.ACCEPT), Accepted)
        assert len(provider.arrived) == before + 1

    def test_without_time_nothing_is_raised(self, sender: TokenSender, provider: Provider) -> None:
        """A deadline that is over at the start gives an outcome as well."""
        self.need(Behaviour.HANG.value)
        assert isinstance(self.send(sender, self.message(deadline=0)), RefusedForNow | Unknown)

    @pytest.mark.parametrize("kind", _SENT_KINDS, ids=lambda kind: kind.value)
    def test_every_kind_is_sent_or_refused(self, sender: TokenSender, provider: Provider, kind: MessageKind) -> None:
        """Mails without a token arrive; a message that cannot be worded is refused for ever and not sent."""
        token = {} if kind is MessageKind.TOKEN else {"link": None, "code": None}
        outcome = self.send(sender, self.message(kind=kind, concerns="b***@example.org", **token))
        wordless = self.medium is Medium.MSISDN and kind is not MessageKind.TOKEN
        if kind is not MessageKind.TOKEN and not wordless:
            self.need("notices")
        assert isinstance(outcome, RefusedForever if wordless and "notices" not in self.unsupported else Accepted)
        assert len(provider.arrived) == isinstance(outcome, Accepted)

    # -- what stays inside --------------------------------------------------------------------------

    @_every_behaviour
    def test_nothing_secret_is_shown(
        self,
        sender: TokenSender,
        provider: Provider,
        how: Behaviour,
        caplog: pytest.LogCaptureFixture,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        """No token, address or password is in a log, on the terminal, in the outcome or in a ``repr``."""
        caplog.set_level(logging.DEBUG)
        outcome = self.meet(sender, provider, how)
        shown = f"{caplog.text} {''.join(capfd.readouterr())} {outcome!r} {outcome} {sender!r}"
        self.check_quiet(shown, self.message().recipient)

    @pytest.mark.parametrize("hostile", _HOSTILE.values(), ids=_HOSTILE)
    @pytest.mark.parametrize("member", ["recipient", "language", "account", "origin", "server"])
    def test_no_value_becomes_anything_else(
        self, sender: TokenSender, provider: Provider, member: str, hostile: str
    ) -> None:
        """Text that looks like a header, a command or a parameter is sent as text or refused; it adds no recipient."""
        usual = self.message()
        changes: dict[str, Any] = {member: f"{getattr(usual, member)}{hostile}"}
        message = evolve(usual, **changes)
        outcome = self.send(sender, message)
        assert isinstance(outcome, Accepted | RefusedForever | RefusedForNow)
        assert [each.recipients for each in provider.arrived] in ([], [(message.recipient,)])
        assert not [each for each in provider.arrived if "x-injected" in each.headers]
        self.check_quiet(repr(outcome), message.recipient)

    # -- several at once ----------------------------------------------------------------------------

    def test_messages_sent_together_are_not_mixed_up(self, sender: TokenSender, provider: Provider) -> None:
        """Each recipient gets its own token, once."""
        messages = [self.numbered(number) for number in range(_THREADS)]
        outcomes = self.together([(sender.send, message) for message in messages])
        assert {type(outcome) for outcome in outcomes} == {Accepted}
        texts = {arrived.recipients: arrived.text for arrived in provider.arrived}
        assert len(provider.arrived) == len(texts) == _THREADS
        for message in messages:
            self.check_text(message, texts[message.recipient,])

    # -- check --------------------------------------------------------------------------------------

    @pytest.mark.parametrize("how", [Behaviour.ACCEPT, Behaviour.AWAY], ids=["well", "away"])
    def test_check_says_what_is_wrong_and_sends_nothing(
        self, sender: TokenSender, provider: Provider, how: Behaviour
    ) -> None:
        """``check``, if there is one, sends nothing and returns ``None`` or a text without secrets."""
        check: Callable[[], Awaitable[str | None]] | None = getattr(sender, "check", None)
        if check is None:
            pytest.skip("this sender has no check")
        self.need(how.value)
        provider.behave(how)
        said = self.soon(check)
        assert (said is None) == (how is Behaviour.ACCEPT)
        assert not provider.arrived
        self.check_quiet(said or "")

    # -- how messages are made and looked at --------------------------------------------------------

    def message(self, **changes: Any) -> TokenMessage:
        """Return a message of this medium."""
        return told(self.medium, **changes)

    def numbered(self, number: int) -> TokenMessage:
        """Return a message that differs from its neighbours in recipient and token."""
        if self.medium is Medium.EMAIL:
            link = f"{self.message().link}{number:04}"
            return self.message(recipient=f"bob{number}@example.org", link=link)
        return self.message(recipient=f"44770090000{number}", code=f"{CODE[:5]}{number}")

    def check_text(self, message: TokenMessage, text: str) -> None:
        """Assert that a text holds the token of this message."""
        assert (message.link or message.code or "") in text

    def check_quiet(self, shown: str, *addresses: str) -> None:
        """Assert that a text holds no secret."""
        assert not [secret for secret in (SECRET, CODE, *addresses, *self.secrets) if secret in shown]

    def meet(self, sender: TokenSender, provider: Provider, how: Behaviour) -> Outcome:
        """Send a message to a provider with this behaviour; skip the test if the stand-in cannot do it."""
        self.need(how.value)
        provider.behave(how)
        return self.send(sender, self.message(**{"deadline": SHORT} if how in _NEVER_SAYS else {}))

    def send(self, sender: TokenSender, message: TokenMessage) -> Outcome:
        """Send a message; fail if that takes much longer than its deadline."""
        return self.soon(sender.send, message)
