"""Settings of the rules on the body of a gateway's answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from attrs import frozen

from ..protocol.members import documented, member
from ..protocol.rules import ListOf, OneOf
from .rules import TEXT

if TYPE_CHECKING:
    from ..senders.gateway.answers import AnswerRule


@documented
@frozen(kw_only=True)
class AnswerSettings:
    """What a member of the JSON object with which a gateway answers means; the settings are those of ``AnswerRule``."""

    place: str = member(
        TEXT, key="member", doc="where it stands: names and places in lists, joined by dots: `messages.0.status`"
    )
    values: tuple[str, ...] = member(
        ListOf(TEXT), (), doc="the values with that meaning, numbers as texts; every value if empty"
    )
    means: Literal["accepted", "refused_for_ever", "denied", "refused_for_now", "down"] = member(
        OneOf("accepted", "refused_for_ever", "denied", "refused_for_now", "down"), doc="what they mean"
    )

    def rule(self) -> AnswerRule:
        """Return the rule as ``HttpSender`` takes it. Raises ``ConfigurationError``."""
        from ..senders.gateway.answers import AnswerRule

        return AnswerRule(self.place, self.values or None, self.means)
