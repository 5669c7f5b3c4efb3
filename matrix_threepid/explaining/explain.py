"""``explain``: looks at everything that is known of a subject; charges nothing and changes nothing.

It tells much more than any client may learn, so no table of endpoints for clients has it (SEC-28).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from attrs import evolve

from ..events import Explained
from ..limits.room import room_of_address, room_of_user
from ..model.media import MEDIA
from ..model.msisdn import plan_of
from ..model.session import Session
from ..model.threepid import Candidate, Threepid, masked
from ..roles.base import Role
from ..roles.homeserver import Homeserver
from ..roles.identity_server import IdentityServer
from .account_state import of_account, of_bindings
from .causes import Cause
from .delivery_state import messages_to, of_messages, of_suppression
from .explanation import Explanation, Finding
from .published_state import of_published
from .requests_now import open_sessions, requests_now
from .session_state import of_session
from .subject import read_subject

_MOST = 20
"""Sessions, and entries of the audit, that are shown: the newest."""


class _Entry(Protocol):
    """An entry of the audit; ``SqlAudit`` has them."""

    @property
    def at(self) -> int: ...
    @property
    def event(self) -> str: ...
    @property
    def details(self) -> dict[str, object]: ...


class AuditReader(Protocol):
    """Where earlier events are read: ``SqlAudit``."""

    def list(
        self, *, user_id: str | None = None, threepid: Threepid | None = None, limit: int = 100
    ) -> Awaitable[Sequence[_Entry]]:
        """Return the newest entries of a user or an address, newest first."""


async def explain(
    role: Role,
    what: str,
    *,
    now: int | None = None,
    actor: str = "",
    audit: AuditReader | None = None,
    record: Callable[[Explained], Awaitable[None]] | None = None,
) -> Explanation:
    """Return what happened to an address, a number, a session or a user, and what would happen now.

    Nothing is charged, changed or sent. The event ``Explained`` is emitted before the answer.

    * ``role``: the homeserver, identity server or delegate.
    * ``what``: an address, a number, the sid of a session, or ``@user:server``.
    * ``now``: the time in ms for which it holds; default that of the role's clock.
    * ``actor``: who asks, for the audit; default empty.
    * ``audit``: the audit, for earlier events; default ``None``: without them.
    * ``record``: awaited with the event before it is emitted, to write it down durably; default ``None``: nothing.

    Raises ``InvalidParam`` for a text that is none of these, and ``Unavailable`` if a store does not answer.

    >>> from matrix_threepid import run_sync
    >>> from matrix_threepid.testing import World
    >>> world = World()
    >>> run_sync(explain(world.homeserver, "nobody@example.org")).cause_of("password").value
    'on_no_account'
    """
    if now is not None:
        role = evolve(role, clock=lambda: now)
    subject = read_subject(what, role.policy)

    async def tell(threepid: Threepid | None, user_id: str | None = None) -> None:
        event = Explained(actor, subject.kind, threepid=threepid, user_id=user_id)
        if record is not None:
            await record(event)
        role.emit(event)

    if subject.candidate is not None:
        threepid = subject.candidate.threepid
        await tell(threepid)
        return await _of_address(role, subject.kind, subject.candidate, await _earlier(audit, threepid=threepid))
    if subject.kind == "user":
        await tell(None, subject.name)
        return await _of_user(role, subject.name, await _earlier(audit, user_id=subject.name))
    session = await role.sessions.get(subject.name)
    if session is None:
        await tell(None)
        text = "there is no such session"
        lost = Finding(about=f"session {subject.name}", text=text, cause=Cause.UNKNOWN_SESSION)
        return Explanation(kind="session", subject=subject.name, at=role.clock(), now=[lost])
    await tell(session.threepid, session.owner)
    return await _of_one_session(role, session)


async def _of_address(role: Role, kind: str, candidate: Candidate, earlier: Sequence[Finding]) -> Explanation:
    threepid = candidate.threepid
    plan = plan_of(threepid.address) if MEDIA[threepid.medium].costs else None
    owner = await role.owner_of(threepid)
    rooms = await room_of_address(role, threepid, plan)
    facts = [Finding(about="account", text=f"{owner} has it" if owner else "no account has it")]
    if not isinstance(role, Homeserver):
        facts = [Finding(about="account", text="this role knows no accounts")]
    if plan is not None:
        facts.append(Finding(about="number", text=f"belongs to {plan.region}, kind {plan.kind or 'usual'}"))
    if isinstance(role, IdentityServer):
        facts += await of_published(role, threepid)
    sessions = await open_sessions(role, threepid)
    if isinstance(role, Homeserver) and owner is not None:
        facts += await of_bindings(role, owner, threepid)
    held = await of_suppression(role, threepid)
    shown = {each.sid for each in sessions}
    others = [each for each in await messages_to(role, threepid) if each.sid not in shown]
    return Explanation(
        kind=kind,
        subject=f"{threepid.medium.value} {masked(threepid.address)}",
        at=role.clock(),
        facts=[*facts, *held],
        happened=[*await _of_sessions(role, sessions), *of_messages(others[:_MOST]), *earlier],
        now=await requests_now(role, threepid, plan, rooms, owner, held),
        limits=[each for each in rooms if each.used],
    )


async def _of_user(role: Role, user_id: str, earlier: Sequence[Finding]) -> Explanation:
    facts: list[Finding] = []
    if isinstance(role, Homeserver):
        facts = [*await of_account(role, user_id), *await of_bindings(role, user_id, None)]
    return Explanation(
        kind="user",
        subject=user_id,
        at=role.clock(),
        facts=facts,
        happened=[*await _of_sessions(role, await role.sessions.of_owner(user_id)), *earlier],
        limits=[each for each in await room_of_user(role, user_id) if each.used],
    )


async def _of_one_session(role: Role, session: Session) -> Explanation:
    threepid = session.threepid
    plan = plan_of(threepid.address) if MEDIA[threepid.medium].costs else None
    rooms = await room_of_address(role, threepid, plan)
    owner = await role.owner_of(threepid)
    held = await of_suppression(role, threepid)
    now = await requests_now(role, threepid, plan, rooms, owner, held)
    return Explanation(
        kind="session",
        subject=session.sid,
        at=role.clock(),
        facts=[Finding(about="address", text=f"{threepid.medium.value} {masked(threepid.address)}"), *held],
        happened=await of_session(role, session),
        now=[each for each in now if each.about in (session.purpose.value, "limits")],
        limits=[each for each in rooms if each.used],
    )


async def _of_sessions(role: Role, sessions: Sequence[Session]) -> list[Finding]:
    newest = sorted(sessions, key=lambda session: session.created_at, reverse=True)
    # A notice tells of a change; of the sessions that people wait for it says nothing.
    asked = [each for each in newest if not each.notice]
    return [found for session in asked[:_MOST] for found in await of_session(role, session)]


async def _earlier(
    audit: AuditReader | None, *, user_id: str | None = None, threepid: Threepid | None = None
) -> list[Finding]:
    if audit is None:
        return []
    entries = await audit.list(user_id=user_id, threepid=threepid, limit=_MOST)
    return [
        Finding(
            about="audit",
            text=" ".join((each.event, *(f"{name}={value}" for name, value in each.details.items()))),
            at=each.at,
        )
        for each in entries
    ]
