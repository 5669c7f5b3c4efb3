"""User-interactive authentication, for hosts that leave it to the library: a session for one user, action and body.

The members of the first body that an action needs are kept with the session, since clients may send nothing but
``auth`` afterwards. A password is kept only as the hash that the host makes. See
https://spec.matrix.org/latest/client-server-api/#user-interactive-authentication-api.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping

from attrs import evolve, field, frozen

from ..limits.rate import charge_authentication, charge_password
from ..model.call import Call
from ..model.keys import Pepper, random_text, same
from ..model.uia_session import LIFETIME, UiaSession
from ..ports import AccountKeeper
from ..protocol import errors
from ..roles.homeserver import Homeserver
from .login import check_identifier

CALLERS_STAGE = "m.login.password"
Check = Callable[[Mapping[str, object], str], Awaitable[str | None]]
"""Checks a stage: called with ``auth`` and the session's id; returns what to keep of it, or raises what is wrong."""
_TRIES = 8
_ID_BYTES = 16
_STORED_ID = 22
"""The characters of the stored id, with which the id begins that clients know."""
# What the check of a stage raises for an answer that does not complete it; anything else ends the request.
_INCOMPLETE = (
    errors.Unauthorized,
    errors.Forbidden,
    errors.MissingParam,
    errors.InvalidParam,
    errors.NoValidSession,
)


@frozen(kw_only=True)
class Action:
    """What a request asks for.

    * ``name``: the action; a session serves no other.
    * ``user_id``: the user who asks; ``None`` without an access token.
    * ``flows``: each a sequence of stages; one of them has to be completed.
    * ``checks``: the check of every stage.
    * ``params``: what clients need for a stage, by stage; default nothing.
    * ``members``: the members of this request that the action needs, without secrets.
    * ``body``: the members of this request that a session is bound to without keeping them, since they may hold
      secrets; default none.
    * ``password``: the new password in this request; ``None`` if it has none, or the action needs none.
    """

    name: str
    user_id: str | None = None
    flows: tuple[tuple[str, ...], ...]
    checks: Mapping[str, Check] = field(repr=False)
    params: Mapping[str, object] = field(factory=dict, repr=False)
    members: Mapping[str, object] = field(factory=dict, repr=False)
    body: Mapping[str, object] = field(factory=dict, repr=False)
    password: str | None = field(default=None, repr=False)

    def subject(self, pepper: Pepper) -> str:
        """Return the MAC of this action and user, as a session has it that was opened with a pepper."""
        return pepper.mac("uia", self.name, self.user_id or "")

    def kept(self, pepper: Pepper) -> dict[str, object]:
        """Return the members that such a session keeps; of ``body`` a MAC."""
        sealed = {"body": pepper.mac("uia body", json.dumps(self.body, sort_keys=True))} if self.body else {}
        return {**self.members, **sealed}


async def require(hs: Homeserver, call: Call, action: str) -> None:
    """Return once the caller has authenticated for an action; by the host's ``uia`` if it has one, else by password.

    Raises ``UiaRequired``.
    """
    if hs.uia is not None:
        await hs.uia.require(call.request, call.user, call.body, action)
        return
    user = call.user.user_id
    rest = {name: value for name, value in call.body.items() if name != "auth"}
    # Clients also ask for the stages with an empty body.
    await authenticate(hs, call, evolve(of_caller(hs, user, action, {}), body=rest))


def of_caller(hs: Homeserver, user_id: str, name: str, members: Mapping[str, object]) -> Action:
    """Return an action for which the caller has to give the password of the account."""
    checks = {CALLERS_STAGE: by_password(hs, user_id)}
    return Action(name=name, user_id=user_id, flows=((CALLERS_STAGE,),), checks=checks, members=members)


def by_password(hs: Homeserver, user_id: str) -> Check:
    """Return the check of ``m.login.password`` for a user; tries are limited."""

    async def check(auth: Mapping[str, object], session: str) -> None:
        password = auth.get("password")
        if not isinstance(password, str):
            raise errors.MissingParam("auth.password: must be a string")
        await charge_password(hs, user_id)
        if not await keeper_of(hs).password_fits(user_id, password):
            raise errors.Forbidden("Invalid password")

    return check


async def authenticate(hs: Homeserver, call: Call, action: Action) -> UiaSession:
    """Return the session of an action whose authentication is complete, or was done and may be repeated.

    Raises ``UiaRequired`` until then, ``LimitExceeded``, and what the check of the password's identifier raises.
    """
    auth = call.body.get("auth")
    auth = auth if isinstance(auth, dict) else {}
    named = auth.get("session")
    session, pepper = (None, None) if named is None else await _found(hs, action, named)
    if session is not None and pepper is not None and session.done_at is None:
        session = await _bound(hs, action, session, pepper)
    if session is None:
        opened = await _open(hs, call, action)
        if named is not None:
            wrong = errors.Forbidden("auth.session: is unknown, over, or was opened for something else")
            raise unfinished(hs, action, opened, wrong)
        session = opened
    if session.done_at is None:
        if auth.get("type") is not None and not _complete(action, session):
            session = await _attempt(hs, action, session, auth)
        if not _complete(action, session):
            raise unfinished(hs, action, session)
    return await _same_password(hs, call, action, session)


async def change(hs: Homeserver, session: UiaSession, step: Callable[[UiaSession], UiaSession]) -> UiaSession:
    """Change a stored session by compare-and-swap, and return it. Raises ``Unavailable``."""
    for _ in range(_TRIES):
        changed = step(session)
        if changed is session or await hs.uia_sessions.replace(changed):
            return changed
        stored = await hs.uia_sessions.get(session.id)
        if stored is None:
            break
        session = stored
    raise errors.Unavailable


async def finish(hs: Homeserver, session: UiaSession) -> UiaSession:
    """Store that the action of a session is done, so that its request may be repeated; once for equal requests."""
    now, repeat = hs.clock(), hs.policy.lifetimes.repeat
    return await change(
        hs, session, lambda stored: stored if stored.done_at is not None else stored.finish(now, repeat)
    )


def unfinished(
    hs: Homeserver, action: Action, session: UiaSession, error: errors.MatrixError | None = None
) -> errors.UiaRequired:
    """Return the 401 that names the stages, those completed, and what was wrong with the one that was tried."""
    offered = {stage for flow in action.flows for stage in flow}
    state: dict[str, object] = {
        "flows": [{"stages": list(flow)} for flow in action.flows],
        "params": {stage: params for stage, params in action.params.items() if stage in offered},
        "session": shown_id(hs, action, session),
        "completed": list(session.stages),
    }
    return errors.UiaRequired({**state, **(error.body() if error else {})})


def shown_id(hs: Homeserver, action: Action, session: UiaSession) -> str:
    """Return the id of a session as its client knows it: the stored one, and a MAC of it.

    Whoever knows it acts for the one who has completed the stages, so it cannot be read from a database (SEC-20).
    """
    pepper = _pepper_of(hs, action, session) or hs.peppers.current
    return session.id + _tag(pepper, session.id)


def _tag(pepper: Pepper, session_id: str) -> str:
    return pepper.mac("uia session", session_id)


def _pepper_of(hs: Homeserver, action: Action, session: UiaSession) -> Pepper | None:
    """Return the pepper under which a session was opened, which may have been rotated since; ``None`` for another's."""
    return next((each for each in hs.peppers.live if session.subject == action.subject(each)), None)


def keeper_of(hs: Homeserver) -> AccountKeeper:
    """Return the host's ``AccountKeeper``. Raises ``Unrecognized`` where the host has none."""
    if hs.keeper is None:
        raise errors.Unrecognized
    return hs.keeper


async def _open(hs: Homeserver, call: Call, action: Action) -> UiaSession:
    # Before the password is hashed, which is meant to be slow.
    await charge_authentication(hs, call)
    hashed = None if action.password is None else await keeper_of(hs).hash_password(action.password)
    session = UiaSession(
        id=random_text(hs.random_bytes(_ID_BYTES)),
        subject=action.subject(hs.peppers.current),
        kept=json.dumps(action.kept(hs.peppers.current), sort_keys=True),
        password_hash=hashed,
        expires_at=hs.clock() + LIFETIME,
    )
    await hs.uia_sessions.open(session)
    return session


async def _found(hs: Homeserver, action: Action, named: object) -> tuple[UiaSession | None, Pepper | None]:
    """Return the live session of this action and user with this id, and its pepper; ``None`` twice if there is none."""
    if not isinstance(named, str) or not named.isascii() or not named.isprintable():
        return None, None
    session = await hs.uia_sessions.get(named[:_STORED_ID])
    if session is None or not session.alive(hs.clock()):
        return None, None
    pepper = _pepper_of(hs, action, session)
    if pepper is None or not same(named[_STORED_ID:], _tag(pepper, session.id)):
        return None, None
    return session, pepper


async def _bound(hs: Homeserver, action: Action, session: UiaSession, pepper: Pepper) -> UiaSession | None:
    """Return the session with what this body adds to it; ``None`` if the body is another one (SEC-42)."""
    kept, given = session.members, action.kept(pepper)
    added = {name: value for name, value in given.items() if name not in kept}
    if any(kept[name] != value for name, value in given.items() if name in kept):
        return None
    # What was left out of the first body may come until a stage is completed; afterwards only what is needed to act.
    if added and session.stages:
        return None
    late = action.password is not None and session.password_hash is None
    if not added and not late:
        return session
    hashed = session.password_hash
    if late and action.password is not None:
        hashed = await keeper_of(hs).hash_password(action.password)
    return await change(hs, session, lambda stored: stored.bind({**stored.members, **added}, hashed))


async def _attempt(hs: Homeserver, action: Action, session: UiaSession, auth: Mapping[str, object]) -> UiaSession:
    """Check the stage that a client offers, and store that it is completed."""
    stage = auth["type"]
    if stage == CALLERS_STAGE and action.user_id is not None:
        # Not an answer to the stage, so no 401: 400 for what cannot be read, 403 for another user.
        await check_identifier(hs, auth, action.user_id)
    try:
        if not isinstance(stage, str) or stage not in action.checks:
            raise errors.InvalidParam("auth.type: is none of the stages")
        given = await action.checks[stage](auth, shown_id(hs, action, session))
    except _INCOMPLETE as error:
        raise unfinished(hs, action, session, error) from None
    name = stage
    return await change(hs, session, lambda stored: stored.complete(name, given, hs.clock()))


async def _same_password(hs: Homeserver, call: Call, action: Action, session: UiaSession) -> UiaSession:
    """Return the session unless this request has another password than the one that was kept.

    Compared once all stages are completed: clients that poll repeat the password, and comparing is slow by design. A
    request that repeats one that was answered must have the password, since the answer may be an access token.
    """
    if session.password_hash is None or (action.password is None and session.done_at is None):
        return session
    # Before the password is hashed, as when a session is opened.
    await charge_authentication(hs, call)
    fits = action.password is not None and await keeper_of(hs).hash_fits(action.password, session.password_hash)
    if not fits:
        raise unfinished(hs, action, session, errors.Forbidden("the password is not that of the first request"))
    return session


def _complete(action: Action, session: UiaSession) -> bool:
    return any(set(flow) <= set(session.stages) for flow in action.flows)
