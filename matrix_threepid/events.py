"""The events that a ``Listener`` receives, for metrics, audit logs and push.

All are frozen values without secrets. Addresses in them are masked when they are printed. Each carries a ``Context``:
when it happened, and in which request.
"""

from __future__ import annotations

from attrs import field, frozen

from .model.delivery import DeliveryStatus
from .model.message import Outcome
from .model.threepid import Medium, Purpose, Threepid


@frozen
class Context:
    """Where an event comes from. All but ``at`` is ``None`` outside of a request, such as in a job.

    * ``at``: ms of the wall clock.
    * ``request_id``: a random name of the request, the same for all of its events; it is not sent to the client.
    * ``endpoint``: the name of the endpoint, such as ``request_add_email_token``, which tells medium and purpose.
    * ``client``: the client's network without its last part, such as ``203.0.113.*``; empty if it is unknown.
    * ``caller``: the user id of the caller; ``None`` for a request without a valid access token.
    """

    at: int = 0
    request_id: str | None = None
    endpoint: str | None = None
    client: str | None = None
    caller: str | None = None


@frozen(kw_only=True)
class Happened:
    """What all events have in common.

    * ``context``: when it happened and in which request; set when the event is emitted, and not compared.
    """

    context: Context = field(default=Context(), eq=False, repr=False, kw_only=True)


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
class ThreepidAdded(Happened):
    """An identifier was added to an account.

    * ``user_id``: the user of the account.
    * ``threepid``: the identifier.
    """

    user_id: str
    threepid: Threepid


@frozen
class ThreepidRemoved(Happened):
    """An identifier was removed from an account. A host deletes what depends on it, such as e-mail pushers.

    * ``user_id``: the user of the account.
    * ``threepid``: the identifier.
    """

    user_id: str
    threepid: Threepid


@frozen
class ChangesUndone(Happened):
    """The holder of an old address has taken changes of an account back, by the link in a notice.

    * ``user_id``: the user of the account.
    * ``threepid``: the address at which the link was received.
    """

    user_id: str
    threepid: Threepid


@frozen
class RemovalConfirmed(Happened):
    """A removal was confirmed by mail at another old address; the removed one gets no link any more.

    * ``user_id``: the user of the account.
    * ``threepid``: the removed address.
    """

    user_id: str
    threepid: Threepid


@frozen
class SessionDisowned(Happened):
    """The reader of a mail pressed "This was not me". The session has ended.

    * ``threepid``: the address of the session.
    * ``purpose``: what the session was opened for.
    """

    threepid: Threepid
    purpose: Purpose


@frozen
class LimitReached(Happened):
    """A limit refused a request.

    * ``action``: what was asked for, such as ``send``, ``sms``, ``change`` or ``guess``.
    * ``retry_after_ms``: ms until the same request would be granted.
    """

    action: str
    retry_after_ms: int


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


@frozen
class ThreepidBound(Happened):
    """An identity server confirmed that it publishes an address of a user.

    * ``user_id``: the user.
    * ``threepid``: the address.
    * ``id_server``: the identity server, as ``host`` or ``host:port``.
    """

    user_id: str
    threepid: Threepid
    id_server: str


@frozen
class ThreepidInvited(Happened):
    """An identity server keeps an invitation of an address to a room.

    * ``user_id``: the user who invites.
    * ``threepid``: the address.
    * ``id_server``: the identity server, ``host[:port]``.
    """

    user_id: str
    threepid: Threepid
    id_server: str


@frozen
class InvitationRedeemed(Happened):
    """A user who has proved an invited address was invited to the room.

    * ``user_id``: the user.
    * ``room_id``: the room.
    """

    user_id: str
    room_id: str


@frozen
class InvitationRefused(Happened):
    """A proof for an invitation of an address was refused.

    * ``user_id``: the user whom the proof names.
    * ``room_id``: the room that it names.
    * ``reason``: why, in words.
    """

    user_id: str
    room_id: str
    reason: str


@frozen
class ThreepidUnbound(Happened):
    """An identity server confirmed that it no longer publishes an address of a user.

    * ``user_id``: the user.
    * ``threepid``: the address.
    * ``id_server``: the identity server, as ``host`` or ``host:port``.
    """

    user_id: str
    threepid: Threepid
    id_server: str


@frozen
class UnbindGivenUp(Happened):
    """An unbind failed for ``Retrying.give_up`` ms and is not tried again. Its row stays for the operator.

    * ``user_id``: the user.
    * ``threepid``: the address, which may still be published.
    * ``id_server``: the identity server, as ``host`` or ``host:port``.
    """

    user_id: str
    threepid: Threepid
    id_server: str


@frozen
class OnbindGivenUp(Happened):
    """The homeserver of a user has not taken the invitations of an address for 7 days, or too many wait for it.

    * ``user_id``: the user to whom the address was bound.
    * ``threepid``: the address.
    """

    user_id: str
    threepid: Threepid


@frozen
class SmsBudgetUsed(Happened):
    """A budget of SMS has reached ``SmsRules.warn_at``, or is used up. Emitted once for each of the two.

    * ``budget``: ``hour``, ``day``, or a country (two letters of ISO 3166-1).
    * ``used``: SMS charged so far.
    * ``allowed``: the budget.
    """

    budget: str
    used: int
    allowed: int


@frozen
class SmsCountryPaused(Happened):
    """A country receives few SMS for now, since few of the codes sent there today were submitted.

    Callers with an access token and those without are judged, and paused, apart.

    * ``country``: two letters of ISO 3166-1.
    * ``sent``: SMS that these callers had sent to the country today (UTC), without those of paused networks and users.
    * ``validated``: how many of them were answered with their code; see ``Conversion``.
    """

    country: str
    sent: int
    validated: int


@frozen
class GateFailed(Happened):
    """The port ``Gate`` failed, so a request was answered with 503 and nothing was sent.

    * ``reason``: the class of its exception, ``TimeoutError`` for one that took too long, or what is wrong with its
      answer.
    """

    reason: str


@frozen
class Administered(Happened):
    """An administrator is about to do something by hand. Written to the audit before it is done.

    * ``actor``: who, as the host names administrators.
    * ``action``: what: ``send_again``, ``cancel``, ``confirm``, ``lift_limits``, ``lift_suppression``, ``unbind``,
      ``export`` or ``erase``.
    * ``why``: the reason that was given.
    * ``session``: the id of the session; ``None`` (default) for what concerns none.
    * ``threepid``: the address; ``None`` (default) for what concerns none.
    * ``user_id``: the user; ``None`` (default) for what concerns none.
    """

    actor: str
    action: str
    why: str
    session: str | None = None
    threepid: Threepid | None = None
    user_id: str | None = None


@frozen
class Explained(Happened):
    """An operator has looked at what is known of an address, a session or a user. Emitted before the answer.

    * ``actor``: who asked, as given; empty if unknown.
    * ``subject``: ``address``, ``number``, ``session`` or ``user``.
    * ``threepid``: the address; ``None`` (default) for a user.
    * ``user_id``: the user; ``None`` (default) for an address.
    """

    actor: str
    subject: str
    threepid: Threepid | None = None
    user_id: str | None = None


Event = (
    Administered
    | MessageSent
    | DeliveryReported
    | ThreepidValidated
    | ThreepidAdded
    | ThreepidRemoved
    | ChangesUndone
    | RemovalConfirmed
    | ThreepidBound
    | ThreepidInvited
    | InvitationRedeemed
    | InvitationRefused
    | ThreepidUnbound
    | UnbindGivenUp
    | OnbindGivenUp
    | SessionDisowned
    | LimitReached
    | WrongToken
    | ManyWrongCodes
    | SmsBudgetUsed
    | SmsCountryPaused
    | GateFailed
    | Explained
)
"""Any event: what a ``Listener`` is called with."""

__all__ = [
    "Administered",
    "ChangesUndone",
    "Context",
    "DeliveryReported",
    "Event",
    "Explained",
    "GateFailed",
    "Happened",
    "InvitationRedeemed",
    "InvitationRefused",
    "LimitReached",
    "ManyWrongCodes",
    "MessageSent",
    "OnbindGivenUp",
    "RemovalConfirmed",
    "SessionDisowned",
    "SmsBudgetUsed",
    "SmsCountryPaused",
    "ThreepidAdded",
    "ThreepidBound",
    "ThreepidInvited",
    "ThreepidRemoved",
    "ThreepidUnbound",
    "ThreepidValidated",
    "UnbindGivenUp",
    "WrongToken",
]
