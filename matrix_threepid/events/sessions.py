"""What happens to a session: its messages, and what is submitted to it."""

from __future__ import annotations

from attrs import frozen

from ..model.delivery import DeliveryStatus
from ..model.message import Outcome
from ..model.threepid import Medium, Purpose, Threepid
from .happened import Happened


@frozen
class MessageSent(Happened):
    """A message was handed to a sender.

    * ``threepid``: the address.
    * ``purpose``: what its session was opened for.
    * ``outcome``: what the sender answered: accepted, refused for now or for ever, or unknown.
    """

    threepid: Threepid
    purpose: Purpose
    outcome: Outcome


@frozen
class DeliveryReported(Happened):
    """A provider or a mail server has reported what became of a message.

    * ``medium``: the medium of the message.
    * ``purpose``: what its session was opened for.
    * ``status``: what was reported.
    * ``provider``: who reported it, such as ``dsn`` or ``twilio``.
    * ``reason``: an enhanced status code or a few words; may be empty.
    """

    medium: Medium
    purpose: Purpose
    status: DeliveryStatus
    provider: str
    reason: str


@frozen
class ThreepidValidated(Happened):
    """A session was validated: its token or code was submitted.

    * ``threepid``: the address.
    * ``purpose``: what the session was opened for.
    """

    threepid: Threepid
    purpose: Purpose


@frozen
class SessionDisowned(Happened):
    """The reader of a mail pressed "This was not me". The session has ended.

    * ``threepid``: the address of the session.
    * ``purpose``: what the session was opened for.
    """

    threepid: Threepid
    purpose: Purpose


@frozen
class WrongToken(Happened):
    """A submitted token or code was wrong.

    * ``threepid``: the address of the session.
    * ``guesses``: wrong codes submitted so far for the code in force.
    """

    threepid: Threepid
    guesses: int


@frozen
class ManyWrongCodes(Happened):
    """More than ``allowed`` wrong codes were submitted in this hour of the clock (UTC). Emitted once an hour.

    * ``allowed``: ``Policy.wrong_codes_alarm``, counted over all addresses.
    """

    allowed: int
