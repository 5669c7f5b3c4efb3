"""Sessions and bindings as administrators see them: no secret, addresses masked."""

from __future__ import annotations

from attrs import frozen

from ..explaining.session_state import of_session
from ..model.binding import Binding
from ..model.outbound import OutboundMessage
from ..model.session import Session
from ..model.suppression import Suppression
from ..model.threepid import masked
from ..roles.base import Role


@frozen(kw_only=True)
class SessionView:
    """One session.

    * ``sid``: its id.
    * ``purpose``: what it was opened for.
    * ``medium``, ``address``: the address, masked.
    * ``user_id``: the user whose access token the request carried; ``None`` without one.
    * ``state``: a ``Cause`` that says what has become of it.
    * ``said``: the same as a sentence.
    * ``created_at``, ``expires_at``: when it was opened, and when it ends, in ms.
    * ``validated_at``, ``consumed_at``: when it was confirmed and used, in ms; ``None`` before.
    * ``messages``: how many messages were begun.
    * ``guesses``: how many codes were typed since the last message.
    """

    sid: str
    purpose: str
    medium: str
    address: str
    user_id: str | None
    state: str
    said: str
    created_at: int
    expires_at: int
    validated_at: int | None
    consumed_at: int | None
    messages: int
    guesses: int


@frozen(kw_only=True)
class BindingView:
    """One binding.

    * ``id_server``: the identity server.
    * ``user_id``: the user.
    * ``medium``, ``address``: the address, masked.
    * ``created_at``: when it was first asked for, in ms.
    * ``bound_at``: when the identity server confirmed it, in ms; ``None`` before.
    * ``unwanted_since``: when its unbind was first asked for, in ms; ``None`` if it is wanted.
    * ``due_at``: when the next unbind is sent, in ms; ``None`` if none is planned.
    * ``attempts``: how many unbinds have failed.
    """

    id_server: str
    user_id: str
    medium: str
    address: str
    created_at: int
    bound_at: int | None
    unwanted_since: int | None
    due_at: int | None
    attempts: int


@frozen(kw_only=True)
class EventView:
    """One thing that is known about a message.

    * ``status``: what happened to it, a ``DeliveryStatus``.
    * ``at``: when, in ms.
    * ``provider``: who says so.
    * ``reason``: why; may be empty.
    """

    status: str
    at: int
    provider: str
    reason: str


@frozen(kw_only=True)
class MessageView:
    """One message and what became of it.

    * ``id``: its id.
    * ``sid``: the id of its session; ``None`` without one.
    * ``user_id``: the user; ``None`` without one.
    * ``medium``, ``kind``, ``purpose``: what it was about.
    * ``provider``: who was to send it.
    * ``written_at``: when it was written down, in ms.
    * ``status``: how far it has come, a ``DeliveryStatus``.
    * ``events``: what was recorded, the oldest first.
    """

    id: str
    sid: str | None
    user_id: str | None
    medium: str
    kind: str
    purpose: str
    provider: str
    written_at: int
    status: str
    events: tuple[EventView, ...]


@frozen(kw_only=True)
class SuppressionView:
    """What is held against one address, which only a MAC names.

    * ``key``: that MAC.
    * ``until``: when messages are sent again after a failure, in ms; ``None`` without one.
    * ``reason``: what was reported; may be empty.
    * ``complained_at``: when the reader last called a message spam, in ms; ``None`` if never.
    """

    key: str
    until: int | None
    reason: str
    complained_at: int | None


def view_of_message(message: OutboundMessage) -> MessageView:
    """Return a message as administrators see it."""
    return MessageView(
        id=message.id,
        sid=message.sid,
        user_id=message.user_id,
        medium=message.medium.value,
        kind=message.kind.value,
        purpose=message.purpose.value,
        provider=message.provider,
        written_at=message.written_at,
        status=message.status.value,
        events=tuple(
            EventView(status=each.status.value, at=each.at, provider=each.provider, reason=each.reason)
            for each in message.events
        ),
    )


def view_of_suppression(held: Suppression) -> SuppressionView:
    """Return a suppression as administrators see it."""
    until = None if held.failed_at is None else held.until
    return SuppressionView(key=held.key, until=until, reason=held.reason, complained_at=held.complained_at)


async def view_of_session(role: Role, session: Session) -> SessionView:
    """Return a session as administrators see it."""
    state = (await of_session(role, session))[0]
    return SessionView(
        sid=session.sid,
        purpose=session.purpose.value,
        medium=session.threepid.medium.value,
        address=masked(session.threepid.address),
        user_id=session.owner,
        state="" if state.cause is None else state.cause.value,
        said=state.text,
        created_at=session.created_at,
        expires_at=session.expires_at,
        validated_at=session.validated_at,
        consumed_at=session.consumed_at,
        messages=session.serial,
        guesses=session.guesses,
    )


def view_of_binding(row: Binding) -> BindingView:
    """Return a binding as administrators see it."""
    return BindingView(
        id_server=row.id_server,
        user_id=row.user_id,
        medium="" if row.threepid is None else row.threepid.medium.value,
        address="" if row.threepid is None else masked(row.threepid.address),
        created_at=row.created_at,
        bound_at=row.bound_at,
        unwanted_since=row.unwanted_since,
        due_at=row.due_at,
        attempts=row.attempts,
    )
