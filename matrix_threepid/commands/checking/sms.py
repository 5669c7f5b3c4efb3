"""In which languages an SMS is shortened, since with the host's names its whole text would be paid as two."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import evolve

from ...model.message import MessageKind, TokenMessage
from ...model.threepid import Medium, Purpose
from ...ports._checked import given
from ...roles.base import Role
from ...senders._sms import segments, wordings
from ...texts.catalogue import Texts
from .findings import Finding, Kind

_LEFT_OUT = (
    "",
    "the server's name is left out",
    "the server's name and the warning are left out",
    "only the code and its last line are sent",
    "only the code is sent",
)
"""What is missing in each wording of an SMS, the longest first."""


def of_sms(role: Role) -> Iterator[Finding]:
    """Yield which languages' SMS need two segments as a whole, and what is left out to send one."""
    sender = given(role.senders.get(Medium.MSISDN))
    messages = _messages(role)
    shortened: dict[int, list[str]] = {}
    for part in (sender, *getattr(sender, "parts", ())):
        texts = getattr(part, "texts", None)
        if not isinstance(texts, Texts):
            continue  # its provider has the words
        for language in role.policy.languages:
            written = [evolve(message, language=language) for message in messages]
            shortened.setdefault(max(_wording(texts, each) for each in written), []).append(language)
    for wording, left_out in enumerate(_LEFT_OUT):
        if left_out and wording in shortened:
            languages = ", ".join(sorted(set(shortened[wording])))
            yield Finding(Kind.FACT, Medium.MSISDN.value, f"two SMS would be needed in {languages}, so {left_out}")


def _messages(role: Role) -> list[TokenMessage]:
    """Return an SMS for each purpose, with a code of the usual length."""
    return [
        TokenMessage(
            medium=Medium.MSISDN,
            recipient="447700900001",
            purpose=purpose,
            kind=MessageKind.TOKEN,
            link=None,
            code="0" * role.policy.code_digits,
            server=role.server_name,
            host=role.code_host,
            brand=role.policy.brand,
            requested_at=0,
            lifetime=role.policy.lifetimes.code,
            deadline=role.policy.send_deadline,
        )
        for purpose in Purpose
    ]


def _wording(texts: Texts, message: TokenMessage) -> int:
    """Return which of the wordings is sent."""
    texts_of_it = wordings(texts, message)
    fits = next((at for at, text in enumerate(texts_of_it) if segments(text) == 1), len(texts_of_it) - 1)
    # A host without any name has no wording with one.
    return fits + len(_LEFT_OUT) - len(texts_of_it)
