"""How long sessions, links, codes and claims live."""

from __future__ import annotations

from attrs import frozen

from ..protocol.members import Choices, choice, documented
from ..protocol.rules import Integer


@documented
@frozen(kw_only=True)
class Lifetimes(Choices):
    """How long things live, in ms (SEC-115).

    >>> Lifetimes(code=300_000).token
    3600000
    """

    AT = "policy.lifetimes"

    token: int = choice(Integer(1), 3_600_000, doc="ms that a link works after it was sent")
    code: int = choice(Integer(1), 600_000, doc="ms that a code works after it was sent")
    session: int = choice(Integer(1), 86_400_000, doc="ms that a session lives without being validated")
    validated: int = choice(Integer(1), 3_600_000, doc="ms that a session lives after its validation")
    total: int = choice(Integer(1), 86_400_000, doc="ms after its creation at which any session ends")
    claim: int = choice(Integer(1), 600_000, doc="ms for which one claimant keeps others from a validated session")
    repeat: int = choice(Integer(1), 600_000, doc="ms for which a request whose answer got lost may be repeated")


IDENTITY_LIFETIMES = Lifetimes(token=86_400_000, validated=86_400_000, total=172_800_000)
"""The lifetimes of the identity API: 24 hours from the creation, and again 24 hours from the validation.

See https://spec.matrix.org/latest/identity-service-api/#establishing-associations.
"""
