"""What has become of messages once a sender had them, and what is held against an address, where it is recorded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..limits.counting import used
from ..limits.suppression import probe_of
from ..model.delivery import DeliveryEvent, DeliveryStatus
from ..model.outbound import OutboundMessage, address_keys
from ..model.session import Session
from ..model.threepid import Threepid
from ..roles.base import Role
from .causes import Cause
from .explanation import Finding

_SAID = {
    DeliveryStatus.HANDED_OVER: "was taken by the mail server or provider",
    DeliveryStatus.DEFERRED: "was not taken yet and is tried again",
    DeliveryStatus.REFUSED: "was refused",
    DeliveryStatus.EXPIRED: "was not handed over before its token ended",
    DeliveryStatus.DELIVERED: "was delivered to the recipient's server or phone network",
    DeliveryStatus.BOUNCED_SOFT: "came back, and another one may arrive",
    DeliveryStatus.BOUNCED: "came back, and the next one would too",
    DeliveryStatus.COMPLAINED: "was called spam by its reader",
}
_CAUSES = {
    DeliveryStatus.DEFERRED: Cause.DEFERRED,
    DeliveryStatus.DELIVERED: Cause.DELIVERED,
    DeliveryStatus.BOUNCED_SOFT: Cause.BOUNCED_SOFT,
    DeliveryStatus.BOUNCED: Cause.BOUNCED,
    DeliveryStatus.COMPLAINED: Cause.COMPLAINED,
}
_CAME_BACK = (Cause.BOUNCED, Cause.BOUNCED_SOFT, Cause.COMPLAINED)
_WAITING = (Cause.HANDED_OVER, Cause.TOKEN_EXPIRED, Cause.SESSION_EXPIRED)
"""The states of a session in which a message that came back is the cause."""


async def messages_of(role: Role, session: Session) -> Sequence[OutboundMessage]:
    """Return the messages of a session, the newest first; none if nothing is recorded."""
    if role.messages is None:
        return []
    return list(reversed(await role.messages.of_session(session.sid)))


async def messages_to(role: Role, threepid: Threepid) -> Sequence[OutboundMessage]:
    """Return the newest messages to an address, the newest first; none if nothing is recorded."""
    return [] if role.messages is None else await role.messages.of_address(address_keys(role.peppers, threepid))


def with_fate(state: Finding, messages: Sequence[OutboundMessage]) -> Finding:
    """Return the state of a session as its newest message tells it, such as that it came back.

    * ``state``: what the row of the session tells.
    * ``messages``: its messages, the newest first.
    """
    event = _last(messages[0]) if messages else None
    cause = None if event is None else _CAUSES.get(event.status)
    if event is None or cause is None or state.cause not in _WAITING:
        return state
    if state.cause is not Cause.HANDED_OVER and cause not in _CAME_BACK:
        return state
    text = f"the message {_SAID[event.status]}{_by(event)}"
    return Finding(about=state.about, text=text, cause=cause, at=event.at, until=state.until)


def of_messages(messages: Sequence[OutboundMessage]) -> Iterator[Finding]:
    """Yield what was recorded of messages, the newest first."""
    for message in messages:
        about = f"message {message.id[:8]}"
        for event in reversed(message.events):
            yield Finding(about=about, text=f"{_SAID.get(event.status, event.status.value)}{_by(event)}", at=event.at)
        what = f"{message.kind.value} for {message.purpose.value}"
        session = f", session {message.sid}" if message.sid else ""
        yield Finding(
            about=about, text=f"written for {message.provider or 'no sender'}: {what}{session}", at=message.written_at
        )


async def of_suppression(role: Role, threepid: Threepid) -> list[Finding]:
    """Return what is held against an address; nothing if nothing is recorded."""
    if role.suppressions is None:
        return []
    now, found = role.clock(), list[Finding]()
    for each in await role.suppressions.of_address(address_keys(role.peppers, threepid)):
        if each.failing(now):
            tried = "was used" if await was_tried(role, threepid) else "is left"
            text = f"messages came back for good ({each.reason or 'no reason given'}): one a day (UTC) is tried"
            text = f"{text}, and that of today {tried}"
            found.append(
                Finding(about="suppression", text=text, cause=Cause.SUPPRESSED, at=each.failed_at, until=each.until)
            )
        if each.complaint_counts(now):
            text = "the reader called a message spam: no notices are sent, and what the reader asks for is"
            found.append(Finding(about="suppression", text=text, cause=Cause.COMPLAINED, at=each.complained_at))
    return found


async def was_tried(role: Role, threepid: Threepid) -> bool:
    """Return whether the message was let through that tries, once a day, an address to which messages came back."""
    return any(await used(role, [probe_of(threepid)]))


def _last(message: OutboundMessage) -> DeliveryEvent | None:
    """Return the event that gave a message its status."""
    return next((each for each in reversed(message.events) if each.status is message.status), None)


def _by(event: DeliveryEvent) -> str:
    return f", says {event.provider}" + (f": {event.reason}" if event.reason else "")
