"""What becomes of messages: what senders answer, and what providers and mail servers report later.

Only with a store ``messages``. See ``model.outbound`` for what is kept, and ``model.suppression`` for what follows.
"""

from __future__ import annotations

from ..events import DeliveryReported
from ..limits.suppression import CAME_BACK
from ..model.delivery import DeliveryEvent, DeliveryStatus, ends_address
from ..model.media import MEDIA
from ..model.message import Accepted, Outcome, RefusedForNow, Unknown
from ..model.outbound import OutboundMessage
from ..model.session import Session
from ..model.suppression import Suppression
from ..model.threepid import Medium
from ..protocol.errors import Unavailable
from ..roles.base import Role
from ..roles.recording import provider_of

_TRIES = 32


def outcome_event(
    role: Role, session: Session, outcome: Outcome, *, expired: bool, again: bool
) -> DeliveryEvent | None:
    """Return the event for what a sender has answered; ``None`` if nothing is recorded.

    * ``session``: the session whose message was sent.
    * ``outcome``: the answer.
    * ``expired``: whether the message was not handed over, since its token was over.
    * ``again``: whether the message is tried again after a refusal for now.
    """
    message_id = None if role.messages is None else role.writer.message_id(session)
    if message_id is None:
        return None
    return event_of(role, message_id, session.threepid.medium, outcome, expired=expired, again=again)


def event_of(
    role: Role, message_id: str, medium: Medium, outcome: Outcome, *, expired: bool = False, again: bool = False
) -> DeliveryEvent:
    """Return the event for what the sender of a medium has answered; other arguments as in ``outcome_event``."""
    status, reason = DeliveryStatus.HANDED_OVER, ""
    if not isinstance(outcome, Accepted):
        reason = outcome.reason
    if expired:
        status = DeliveryStatus.EXPIRED
    elif isinstance(outcome, RefusedForNow) and again:
        status = DeliveryStatus.DEFERRED
    elif not isinstance(outcome, Accepted | Unknown):
        status = DeliveryStatus.REFUSED
    sender = role.senders.get(medium)
    return DeliveryEvent(
        message_id=message_id,
        status=status,
        at=role.clock(),
        provider="none" if sender is None else provider_of(sender),
        reason=reason,
        permanent_address_failure=status is DeliveryStatus.REFUSED and any(map(ends_address, reason.split())),
    )


async def record_delivery(role: Role, event: DeliveryEvent) -> OutboundMessage | None:
    """Record what was reported of a message, and act on it; return the message as it is stored then.

    * ``role``: the role that has sent the message.
    * ``event``: the event, whose provider was believed by its proof.

    ``None``: without ``messages``, for a message that is not stored (any more), and for a report that tells nothing
    new; then nothing is done.
    """
    message = None if role.messages is None else await role.messages.get(event.message_id)
    if role.messages is None or message is None or message.with_event(event) is message:
        return None
    # Acted on first, which is the same however often it is done: after a crash in between the report comes again.
    await _act(role, message, event)
    recorded = await role.messages.record(event)
    if recorded is not None:
        role.emit(DeliveryReported(message.medium, message.purpose, event.status, event.provider, event.reason))
    return recorded


async def came_back(role: Role, session: Session) -> str | None:
    """Return what a client is told whose newest message came back; ``None`` if it did not, or nobody knows.

    * ``session``: a session whose client has shown its secret, or whose reader the token of its link.

    Never with hidden addresses: only who has an account is sent a message that can come back.
    """
    if role.messages is None or role.policy.hide_known_addresses or session.validated_at is not None:
        return None
    message_id = role.writer.message_id(session)
    message = None if message_id is None else await role.messages.get(message_id)
    if message is None or message.status is not DeliveryStatus.BOUNCED:
        return None
    return CAME_BACK.format(session.threepid.medium.value)


async def act_on_refusal(role: Role, event: DeliveryEvent) -> None:
    """Act on what a sender has answered and was recorded: that mailbox or domain do not exist."""
    message = None if role.messages is None else await role.messages.get(event.message_id)
    if message is not None:
        await _act(role, message, event)


async def _act(role: Role, message: OutboundMessage, event: DeliveryEvent) -> None:
    """Suppress the address of a message, or lift its suppression (SEC-148)."""
    store, key, now = role.suppressions, message.address_key, role.clock()
    # A message that costs money is judged by whether its code comes back, and so are the others of its asker. One to
    # another spelling may have gone to another mailbox, and anybody can choose one that does not exist.
    if store is None or MEDIA[message.medium].costs or message.spelled_otherwise:
        return
    for _ in range(_TRIES):
        held = next(iter(await store.of_address([key])), Suppression(key=key))
        changed = held
        if event.status is DeliveryStatus.COMPLAINED:
            changed = held.with_complaint(min(event.at, now))
        elif event.status is DeliveryStatus.DELIVERED:
            changed = held.with_delivery(message.written_at)
        elif event.permanent_address_failure:
            changed = held.with_failure(message.written_at, now, event.reason)
        if changed is held or await store.put(changed):
            return
    raise Unavailable
