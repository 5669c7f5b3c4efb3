"""User-interactive authentication: a session for one user, one action and one body; one stage completes it.

What a stage proves, its check says: a coroutine that is given the client's ``auth`` and the session's id, returns the
library's ``Proof`` (``None`` where there is nothing to keep), and raises what the client shall hear.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from hashlib import sha256
from typing import Any

import attrs
from attrs import field, frozen

from matrix_threepid import (
    AccountThreepid,
    Caller,
    MatrixError,
    Medium,
    Policy,
    Proof,
    Purpose,
    Request,
    check_identifier,
    errors,
)
from matrix_threepid.ports import Accounts, Clock
from matrix_threepid.stores import Database

from .passwords import Passwords
from .tables import ask

LIFETIME = 15 * 60_000
PASSWORD = "m.login.password"
_FAILED = (errors.Unauthorized, errors.Forbidden, errors.MissingParam, errors.InvalidParam, errors.NoValidSession)

Check = Callable[[Mapping[str, Any], str], Awaitable[Proof | None]]


@frozen
class Operation:
    """What is asked for: an action, the stages of which any one is enough, and the user if there is one yet."""

    action: str
    stages: Mapping[str, Check] = field(repr=False)
    user_id: str | None = None

    def subject(self, body: Mapping[str, Any]) -> str:
        """Return a digest of what a session is bound to: user, action, and the body without ``auth``."""
        rest = {name: value for name, value in body.items() if name != "auth"}
        return sha256(json.dumps([self.user_id, self.action, rest], sort_keys=True).encode()).hexdigest()


@frozen
class Passed:
    """A session with its stage completed, and the proof if the stage gave one."""

    session: str
    stages: tuple[str, ...]
    proof: Proof | None = None

    @property
    def threepids(self) -> tuple[AccountThreepid, ...]:
        """The identifiers that were proved."""
        return () if self.proof is None else (self.proof.threepid,)

    @property
    def owner(self) -> str | None:
        """Whose address was proved, if it is somebody's."""
        return None if self.proof is None else self.proof.owner


@frozen
class Known:
    """Says whom an identifier names: the accounts, as the library reads identifiers."""

    server_name: str
    accounts: Accounts
    policy: Policy


class Interactive:
    """The sessions, in a table: any process of the server may take the next request."""

    def __init__(self, db: Database, passwords: Passwords, clock: Clock, known: Known) -> None:
        self._db, self._passwords, self._clock, self._known = db, passwords, clock, known

    async def require(self, request: Request, caller: Caller, body: Mapping[str, Any], action: str) -> None:
        """Let the caller prove with their password that it is they (the library's port)."""
        await self.authenticate(Operation(action, {PASSWORD: self.by_password(caller.user_id)}, caller.user_id), body)

    def by_password(self, user_id: str) -> Check:
        """Return the check of ``m.login.password`` for a user."""

        async def check(auth: Mapping[str, Any], session: str) -> None:
            if not await self._passwords.fit(user_id, auth.get("password")):
                raise errors.Forbidden("Invalid password")

        return check

    async def authenticate(self, operation: Operation, body: Mapping[str, Any]) -> Passed:
        """Return once ``body["auth"]`` completes a stage, or did so before; else raise ``UiaRequired``."""
        auth = body.get("auth") or {}
        named = auth.get("session")
        found = await self._passed(operation, body, named) if named is not None else None
        if found is not None:
            return found
        session = named or await self._open(operation, body)
        if auth.get("type") is None:
            raise unfinished(operation.stages, session)
        return await self._attempt(operation, body, session)

    async def finish(self, passed: Passed) -> None:
        """Forget a session whose action was done."""
        await ask(self._db, "DELETE FROM uia_sessions WHERE id = ?", passed.session)

    async def purge(self) -> None:
        """Forget the sessions that are over."""
        await ask(self._db, "DELETE FROM uia_sessions WHERE expires_at <= ?", self._clock())

    async def _open(self, operation: Operation, body: Mapping[str, Any]) -> str:
        session = secrets.token_urlsafe(18)
        sql = "INSERT INTO uia_sessions (id, subject, expires_at) VALUES (?, ?, ?)"
        await ask(self._db, sql, session, operation.subject(body), self._clock() + LIFETIME)
        return session

    async def _passed(self, operation: Operation, body: Mapping[str, Any], session: object) -> Passed | None:
        """Return what a session came to, ``None`` while it is open. Raises ``UiaRequired`` if it is not for this."""
        sql = "SELECT subject, stage, proof FROM uia_sessions WHERE id = ? AND expires_at > ?"
        known = isinstance(session, str) and session.isprintable()
        rows = await ask(self._db, sql, session, self._clock()) if known else []
        subject, stage, proof = rows[0] if rows else (None, None, None)
        # Clients ask for the stages with an empty body, and then send the real one in the same session.
        bound = (operation.subject(body), operation.subject({}))[: 1 if stage else 2]
        if subject not in bound:
            error = errors.Forbidden("auth.session: is unknown, over, or was opened for something else")
            raise unfinished(operation.stages, await self._open(operation, body), error)
        return Passed(str(session), tuple(operation.stages), _read(proof)) if stage else None

    async def _attempt(self, operation: Operation, body: Mapping[str, Any], session: str) -> Passed:
        """Check the stage a client offers, and remember that it is done."""
        auth, stage = body["auth"], body["auth"]["type"]
        if stage == PASSWORD and operation.user_id is not None:
            # Not an answer to the stage, so no 401: 400 for what cannot be read, 403 for another user.
            await check_identifier(self._known, auth, operation.user_id)
        try:
            if not isinstance(stage, str) or stage not in operation.stages:
                raise errors.InvalidParam("auth.type: is none of the stages")
            proof = await operation.stages[stage](auth, session)
        except _FAILED as error:
            raise unfinished(operation.stages, session, error) from None
        sql = "UPDATE uia_sessions SET subject = ?, stage = ?, proof = ? WHERE id = ?"
        await ask(self._db, sql, operation.subject(body), stage, _written(proof), session)
        return Passed(session, tuple(operation.stages), proof)


def unfinished(stages: Iterable[str], session: str, error: MatrixError | None = None) -> errors.UiaRequired:
    """Return the 401 that names the stages, and what was wrong with the one that was tried."""
    flows = [{"stages": [stage]} for stage in stages]
    state = {"flows": flows, "params": {}, "session": session, "completed": []}
    return errors.UiaRequired({**state, **(error.body() if error else {})})


def _written(proof: Proof | None) -> str | None:
    return None if proof is None else json.dumps(attrs.asdict(proof))


def _read(text: str | None) -> Proof | None:
    if text is None:
        return None
    values = json.loads(text)
    threepid = AccountThreepid(**{**values["threepid"], "medium": Medium(values["threepid"]["medium"])})
    return Proof(**{**values, "purpose": Purpose(values["purpose"]), "threepid": threepid})
