"""``Administration``: what administrators can look at and do. Each deed has a reason and is in the audit before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import field, frozen

from .. import ports
from ..deactivate import erase_threepids
from ..events import Administered
from ..explaining.explain import AuditReader, explain
from ..explaining.explanation import Explanation
from ..explaining.requests_now import open_sessions
from ..explaining.subject import Subject, read_subject
from ..flows.binding_access import bindings_of
from ..flows.session_access import update_session
from ..flows.unbind import unbind_all, unbind_everywhere
from ..limits.guesses import guesses_of
from ..limits.rate import keys_of_user
from ..limits.sending import charged_to_address
from ..limits.sms import number_limits
from ..model.media import MEDIA
from ..model.outbound import address_keys
from ..model.session import Session
from ..model.threepid import Threepid
from ..ports._checked import given
from ..protocol.errors import Forbidden, InvalidParam, NoValidSession
from ..protocol.wiring import demand
from ..roles.base import Role
from ..roles.homeserver import Homeserver
from ..roles.port_fields import implements
from . import by_hand
from .exporting import exported
from .views import (
    BindingView,
    MessageView,
    SessionView,
    SuppressionView,
    view_of_binding,
    view_of_message,
    view_of_session,
    view_of_suppression,
)

_LONGEST, _LISTED = 500, 100
"""The characters of a reason, and the suppressions that are listed at once."""


@frozen(kw_only=True)
class Administration:
    """What administrators can look at and do with one role.

    * ``role``: the role.
    * ``audit``: where each deed is written down before it is done, such as ``SqlAudit``; required.

    Every method takes ``actor``, the name of the administrator; deeds take ``reason`` as well, 1 to 500 printable
    characters. What is looked at and what is done are in the audit. All raise ``InvalidParam`` for a text that names
    nothing, and ``Unavailable`` if a store or the audit does not answer; then nothing was done. Raises
    ``ConfigurationError`` for an ``audit`` without ``record``.
    """

    role: Role = field(validator=lambda _, __, role: demand("role", role, lambda it: isinstance(it, Role), "is a role"))
    audit: ports.AuditLog = field(validator=implements(ports.AuditLog), repr=False)

    # -- looking ------------------------------------------------------------------------------------

    async def explain(self, what: str, *, actor: str) -> Explanation:
        """Return what ``observing.explain`` does, with what the audit has."""
        return await explain(self.role, what, actor=actor, audit=_reader(self.audit), record=self.audit.record)

    async def sessions(self, what: str, *, actor: str) -> Sequence[SessionView]:
        """Return sessions, the newest first: the one with an id, or the open ones of an address or a user."""
        await self.explain(what, actor=actor)
        found = await self._sessions(read_subject(what, self.role.policy))
        newest = sorted(found, key=lambda session: session.created_at, reverse=True)
        return [await view_of_session(self.role, each) for each in newest]

    async def bindings(self, user_id: str, *, actor: str) -> Sequence[BindingView]:
        """Return the remembered bindings of a user. Raises ``Forbidden`` for a role without accounts."""
        homeserver = self._homeserver()
        await self.explain(user_id, actor=actor)
        return [view_of_binding(each) for each in await bindings_of(homeserver, user_id)]

    async def messages(self, what: str, *, actor: str) -> Sequence[MessageView]:
        """Return the messages of a session, or the newest ones to an address, the newest first.

        Raises ``Forbidden`` for a role without ``messages``, and ``InvalidParam`` for a user.
        """
        if self.role.messages is None:
            raise Forbidden("This role records no messages")
        subject = read_subject(what, self.role.policy)
        await self.explain(what, actor=actor)
        if subject.candidate is not None:
            keys = address_keys(self.role.peppers, subject.candidate.threepid)
            return [view_of_message(each) for each in await self.role.messages.of_address(keys)]
        if subject.kind == "user":
            raise InvalidParam("what: must be an address, a number, or the sid of a session")
        return [view_of_message(each) for each in reversed(await self.role.messages.of_session(subject.name))]

    async def suppressions(self, what: str | None = None, *, actor: str, after: str = "") -> Sequence[SuppressionView]:
        """Return what is held against an address; without one, 100 suppressions in the order of their keys.

        * ``after``: without an address, the key after which to begin; empty (default) for the first.

        Raises ``Forbidden`` for a role without ``suppressions``.
        """
        held = self._suppressions()
        if what is None:
            return [view_of_suppression(each) for each in await held.listed(after, _LISTED)]
        threepid = self._threepid(what)
        await self.explain(what, actor=actor)
        found = await held.of_address(address_keys(self.role.peppers, threepid))
        return [view_of_suppression(each) for each in found]

    # -- deeds --------------------------------------------------------------------------------------

    async def send_again(self, sid: str, *, actor: str, reason: str) -> None:
        """Send the message of a session that waits for its confirmation once more.

        An SMS counts for the budgets; no other limit is charged. Raises ``NoValidSession``, ``SessionExpired``,
        ``Forbidden``, ``ThreepidDenied``, ``LimitExceeded`` or ``Unavailable``.
        """
        session = await self._session(sid)
        await by_hand.check_sendable(self.role, session)
        await self._record("send_again", actor, reason, session)
        await by_hand.send_again(self.role, session)

    async def cancel(self, sid: str, *, actor: str, reason: str) -> None:
        """End a session; its links, codes and proofs stop working. Raises ``NoValidSession``."""
        session = await self._session(sid)
        await self._record("cancel", actor, reason, session)
        await update_session(self.role, session, lambda stored: None if stored.over else stored.end())

    async def confirm(self, sid: str, *, actor: str, reason: str) -> None:
        """Confirm a session by hand, as if its link had been used; its user then adds the address as usual (SEC-162).

        Only a live session that a user opened to add a mail address that is on no account now. The new address and all
        addresses of the account are told by mail. Raises ``NoValidSession``, ``SessionExpired``, ``Forbidden``,
        ``ThreepidDenied`` or ``ThreepidInUse``.
        """
        session = await self._session(sid)
        await by_hand.check_confirmable(self.role, session)
        await self._record("confirm", actor, reason, session)
        await by_hand.confirm(self.role, session)

    async def lift_limits(self, what: str, *, actor: str, reason: str) -> None:
        """Forget what an address, a number or a user has used of its limits, guesses of codes included.

        Budgets of SMS, prefixes and networks stay as they are: they guard all others.
        """
        subject = read_subject(what, self.role.policy)
        if subject.candidate is not None:
            threepid = subject.candidate.threepid
            await self._record("lift_limits", actor, reason, threepid=threepid)
            await self.role.limiter.forget(self._keys(threepid))
        elif subject.kind == "user":
            await self._record("lift_limits", actor, reason, user_id=subject.name)
            await self.role.limiter.forget(keys_of_user(self.role, subject.name))
        else:
            raise InvalidParam("what: must be an address, a number, or @user:server")

    async def lift_suppression(self, what: str, *, actor: str, reason: str) -> bool:
        """Forget that messages to an address came back or were called spam; return whether there was anything.

        Raises ``Forbidden`` for a role without ``suppressions``.
        """
        held, threepid = self._suppressions(), self._threepid(what)
        await self._record("lift_suppression", actor, reason, threepid=threepid)
        return await held.lift(address_keys(self.role.peppers, threepid)) > 0

    async def unbind(self, user_id: str, what: str | None = None, *, actor: str, reason: str) -> str:
        """Unbind what is published of a user; return ``success`` or ``no-support``. Failures are tried again later.

        * ``what``: only this address or number; ``None`` (default) for all.
        """
        homeserver = self._homeserver()
        if what is None:
            await self._record("unbind", actor, reason, user_id=user_id)
            return "success" if (await unbind_all(homeserver, user_id)).all_done else "no-support"
        threepid = self._threepid(what)
        await self._record("unbind", actor, reason, threepid=threepid, user_id=user_id)
        return (await unbind_everywhere(homeserver, user_id, (threepid,), None)).result

    async def export(self, user_id: str, *, actor: str, reason: str) -> dict[str, object]:
        """Return everything that is stored about a user as values for JSON, with whole addresses and no secret."""
        await self._record("export", actor, reason, user_id=user_id)
        return await exported(self.role, user_id, _reader(self.audit))

    async def erase(self, user_id: str, *, actor: str, reason: str) -> Sequence[BindingView]:
        """Unbind, remove and delete what is stored about a user; return the bindings that are not unbound yet.

        The audit stays, since it tells of this deed too.
        """
        homeserver = self._homeserver()
        await self._record("erase", actor, reason, user_id=user_id)
        return [view_of_binding(each) for each in await erase_threepids(homeserver, user_id)]

    # -- what they share ----------------------------------------------------------------------------

    async def _session(self, sid: str) -> Session:
        session = await self.role.sessions.get(sid)
        if session is None:
            raise NoValidSession
        return session

    async def _sessions(self, subject: Subject) -> Sequence[Session]:
        store = self.role.sessions
        if subject.candidate is not None:
            return await open_sessions(self.role, subject.candidate.threepid)
        if subject.kind == "user":
            return await store.of_owner(subject.name)
        session = await store.get(subject.name)
        return [] if session is None else [session]

    async def _record(
        self,
        action: str,
        actor: str,
        reason: str,
        session: Session | None = None,
        *,
        threepid: Threepid | None = None,
        user_id: str | None = None,
    ) -> None:
        """Write a deed to the audit before it is done, and tell the listener. Raises ``InvalidParam``."""
        why = reason.strip()
        if not 1 <= len(why) <= _LONGEST or not why.isprintable():
            raise InvalidParam(f"reason: must be 1 to {_LONGEST} printable characters")
        sid = None if session is None else session.sid
        if session is not None:
            threepid, user_id = session.threepid, session.owner
        event = Administered(actor, action, why, session=sid, threepid=threepid, user_id=user_id)
        await self.audit.record(event)
        self.role.emit(event)

    def _keys(self, threepid: Threepid) -> list[str]:
        role = self.role
        counters = [*charged_to_address(role, threepid), *(each for each in guesses_of(role, threepid) if each)]
        if MEDIA[threepid.medium].costs:
            counters += number_limits(role, threepid)
        return [each.key for counter in counters for each in counter.charges(role)]

    def _threepid(self, what: str) -> Threepid:
        candidate = read_subject(what, self.role.policy).candidate
        if candidate is None:
            raise InvalidParam("what: must be an address or a number")
        return candidate.threepid

    def _suppressions(self) -> ports.Suppressions:
        if self.role.suppressions is None:
            raise Forbidden("This role holds nothing against addresses")
        return self.role.suppressions

    def _homeserver(self) -> Homeserver:
        if not isinstance(self.role, Homeserver):
            raise Forbidden("This role knows no accounts")
        return self.role


def _reader(audit: ports.AuditLog) -> AuditReader | None:
    """Return the audit if it can be read as well."""
    readable: Any = given(audit)
    return readable if callable(getattr(readable, "list", None)) else None
