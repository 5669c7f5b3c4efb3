"""What writes a message down with the session that sends it, in one transaction where the stores can.

A message is one sending of a session, a notice, or an invitation. Its id is derived from the pepper, the session and
the number of the sending, so that a message that is tried again, also after a crash, keeps its id, and no session has
to store one. That of an invitation is derived from its token.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, cast

from attrs import frozen

from ..model.delivery import DeliveryEvent, new_message_id
from ..model.invitation import Invitation
from ..model.keys import Peppers
from ..model.message import MessageKind
from ..model.outbound import OutboundMessage, address_key
from ..model.session import Session
from ..model.threepid import Medium, Purpose, is_same_mailbox
from ..ports import Charge, Clock, Messages, SessionStore
from ..ports._checked import checked, given

_ID_BYTES = 16
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9_.-]")


def provider_of(sender: object) -> str:
    """Return the name of a sender: its attribute ``provider``, else its class without ``Sender``, in lower case."""
    plain = given(sender)
    name = getattr(plain, "provider", None)
    text = name if isinstance(name, str) else type(plain).__name__.removesuffix("Sender")
    return _NOT_IN_A_NAME.sub("", text.lower()).lstrip("_.-")[:32] or "sender"


@frozen
class MessageWriter:
    """Makes the rows of messages.

    * ``peppers``: the secret keys.
    * ``providers``: the name of the sender of each medium.
    * ``mail_unknown``: ``Policy.mail_unknown_addresses``.
    * ``clock``: returns the time in ms.
    """

    peppers: Peppers
    providers: Mapping[Medium, str]
    mail_unknown: bool
    clock: Clock

    def message_id(self, session: Session) -> str | None:
        """Return the id of the message that a session has begun last; ``None`` if its pepper is no longer in force."""
        pepper = self.peppers.by_id(session.pepper_id)
        if pepper is None:
            return None
        return new_message_id(pepper.digest("message", session.sid, str(session.serial))[:_ID_BYTES])

    def message_of(self, session: Session) -> OutboundMessage | None:
        """Return the row of the message that a session is about to send; ``None`` if it sends none."""
        message_id = None if session.due_attempt is None or session.unaddressed else self.message_id(session)
        if message_id is None:
            return None
        return OutboundMessage(
            id=message_id,
            sid=session.sid,
            user_id=session.owner,
            medium=session.threepid.medium,
            kind=session.message_kind(mail_unknown=self.mail_unknown),
            purpose=session.purpose,
            address_key=address_key(self.peppers.current, session.threepid),
            provider=self.providers.get(session.threepid.medium, ""),
            written_at=self.clock(),
            expires_at=session.expires_at,
            spelled_otherwise=not is_same_mailbox(session.threepid.address, session.spelling),
        )

    def message_of_invitation(
        self, invitation: Invitation, user_id: str | None, spelling: str, expires_at: int
    ) -> OutboundMessage:
        """Return the row of the message that tells an address of an invitation.

        * ``user_id``: the user who invites; ``None`` if nobody has proved who that is.
        * ``spelling``: the address as it was typed.
        * ``expires_at``: when the invitation ends, in ms.
        """
        pepper, threepid = self.peppers.current, invitation.threepid
        return OutboundMessage(
            id=new_message_id(pepper.digest("invitation", invitation.token)[:_ID_BYTES]),
            user_id=user_id,
            medium=threepid.medium,
            kind=MessageKind.INVITATION,
            purpose=Purpose.BIND,
            address_key=address_key(pepper, threepid),
            provider=self.providers.get(threepid.medium, ""),
            written_at=self.clock(),
            expires_at=expires_at,
            spelled_otherwise=not is_same_mailbox(threepid.address, spelling),
        )


def writing(
    store: SessionStore, messages: Messages, message_of: Callable[[Session], OutboundMessage | None]
) -> SessionStore:
    """Return a store of sessions that writes down the message of each session it stores."""

    async def write(session: Session) -> None:
        message = message_of(session)
        if message is not None:
            await messages.write(message)

    return _joined(store, messages, "writing", message_of) or cast("SessionStore", _Then(store, write))


def telling(store: SessionStore, messages: Messages, event: DeliveryEvent) -> SessionStore:
    """Return a store of sessions that records an event with each session it stores."""

    async def record(_: Session) -> None:
        await messages.record(event)

    return _joined(store, messages, "telling", event) or cast("SessionStore", _Then(store, record))


def _joined(store: SessionStore, messages: Messages, ability: str, argument: object) -> SessionStore | None:
    """Return what a store does itself in one transaction; ``None`` if its messages are elsewhere."""
    plain = given(store)
    records_in = getattr(plain, "records_in", None)
    if records_in is None or not records_in(given(messages)):
        return None
    return cast("SessionStore", checked(SessionStore, getattr(plain, ability)(argument)))


class _Then:
    """A ``SessionStore`` in front of another, that does something after each session it has stored.

    For stores that are not in the database of the messages: what is done has a transaction of its own, before the
    answer.
    """

    def __init__(self, store: SessionStore, then: Callable[[Session], Awaitable[None]]) -> None:
        self._store: Any = store
        self._then = then

    def __getattr__(self, name: str) -> Any:
        if name == "_store":  # ``copy`` asks before ``__init__`` has run
            raise AttributeError(name)
        return getattr(self._store, name)

    async def open(self, session: Session) -> Session:
        holder: Session = await self._store.open(session)
        await self._done(session if holder.sid == session.sid else None)
        return holder

    async def replace(self, session: Session) -> bool:
        stored: bool = await self._store.replace(session)
        await self._done(session if stored else None)
        return stored

    async def open_charging(
        self,
        session: Session,
        charges: Sequence[Charge],
        now: int,
        resume: Callable[[Session], Session | None],
        unless: Sequence[Charge] = (),
    ) -> tuple[int, Session, Session | None]:
        wait, holder, changed = await self._store.open_charging(session, charges, now, resume, unless)
        await self._done(changed)
        return wait, holder, changed

    async def replace_charging(
        self, session: Session, charges: Sequence[Charge], now: int, *, required: bool
    ) -> tuple[bool, bool]:
        stored, charged = await self._store.replace_charging(session, charges, now, required=required)
        await self._done(session if stored else None)
        return stored, charged

    async def replace_giving_back(self, session: Session, charges: Sequence[Charge]) -> bool:
        stored: bool = await self._store.replace_giving_back(session, charges)
        await self._done(session if stored else None)
        return stored

    async def _done(self, stored: Session | None) -> None:
        if stored is not None:
            await self._then(stored)
