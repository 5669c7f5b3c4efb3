"""Rules on the body of an answer, for providers that answer 200 with an error, or one status for several errors."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from typing import Literal

from attrs import field, frozen

from ...model.message import Accepted, Outcome, RefusedForever, RefusedForNow
from ...net.fetch import HttpReply
from ...protocol.errors import ConfigurationError
from .._http_outcomes import wait_of

Meaning = Literal["accepted", "refused_for_ever", "denied", "refused_for_now", "down"]
MEANINGS = ("accepted", "refused_for_ever", "denied", "refused_for_now", "down")


def _texts(values: Iterable[str] | None) -> frozenset[str] | None:
    if isinstance(values, str):
        raise ConfigurationError("values: must be a list of texts, not one text")
    return None if values is None else frozenset(values)


@frozen
class AnswerRule:
    """What a member of the JSON object with which a provider answers means.

    * ``member``: where it stands: names, and places in lists from 0, joined by dots, such as ``messages.0.status``.
    * ``values``: the values with that meaning, as texts; numbers, ``true``, ``false`` and ``null`` as JSON writes them.
      ``None`` for every value.
    * ``means``: ``"accepted"`` (of answers with a 2xx only), ``"refused_for_ever"`` (the recipient will never get a
      message), ``"denied"`` (country switched off, or fraud suspected), ``"refused_for_now"``, or ``"down"``: refused
      for now by a provider that is out of order, so that ``Fallback`` may ask another one.

    >>> AnswerRule("status", ["0"], "accepted").member
    'status'
    """

    member: str
    values: Collection[str] | None = field(converter=_texts)
    means: Meaning

    def __attrs_post_init__(self) -> None:
        if not self.member or not all(self.member.split(".")):
            raise ConfigurationError("member: must be names joined by dots, such as messages.0.status")
        if self.means not in MEANINGS:
            raise ConfigurationError(f"means: must be one of: {', '.join(MEANINGS)}")
        if self.values is not None and not all(isinstance(value, str) for value in self.values):
            raise ConfigurationError("values: must be texts; numbers as JSON writes them")


def judged(rules: Sequence[AnswerRule], reply: HttpReply) -> Outcome | None:
    """Return the outcome by the first rule that holds for an answer; ``None`` if none does."""
    try:
        body = json.loads(reply.body) if rules else None
    except (ValueError, RecursionError):
        return None
    good = 200 <= reply.status < 300
    for rule in rules:
        if (rule.means != "accepted" or good) and _holds(rule, body):
            return _outcome(rule, reply)
    return None


def wants_acceptance(rules: Sequence[AnswerRule]) -> bool:
    """Return whether a rule says what an accepted message looks like, so that a 2xx alone is not enough."""
    return any(rule.means == "accepted" for rule in rules)


def _holds(rule: AnswerRule, body: object) -> bool:
    value = body
    for name in rule.member.split("."):
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and name.isascii() and name.isdigit() and int(name[:6]) < len(value):
            value = value[int(name[:6])]
        else:
            return False
    return rule.values is None or (value if isinstance(value, str) else json.dumps(value)) in rule.values


def _outcome(rule: AnswerRule, reply: HttpReply) -> Outcome:
    # The member is the operator's own word; the value may quote the recipient.
    reason = f"the answer {reply.status} says in {rule.member}: {rule.means.replace('_', ' ')}"
    if rule.means == "accepted":
        return Accepted()
    if rule.means in ("refused_for_ever", "denied"):
        return RefusedForever(reason, denied=rule.means == "denied")
    return RefusedForNow(reason, wait_of(reply), elsewhere=rule.means == "down")
