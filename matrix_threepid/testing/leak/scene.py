"""``Scene``: what a host has stored, what only people know of it, and what somebody with a dump tries."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from urllib.parse import unquote, urlencode, urlsplit

from attrs import define, evolve, field, frozen

from ...flows.session_access import code, link_token
from ...model.message import TokenMessage
from ...model.session import Session
from ...offload import run_sync
from ...ports import Charge
from ...protocol.wire import Response
from ...roles.base import Role

CLIENT_SECRET = "a client secret"
FORM = {"content-type": "application/x-www-form-urlencoded"}
Call = Callable[..., Response]
"""Calls the host: method, path and body; ``headers``."""


@frozen
class Secret:
    """What only people know.

    * ``what``: what it is.
    * ``text``: the secret.
    * ``sid``: the session it belongs to, or another id.
    * ``guessed``: whether it may be short, so that a hash without a key is as good as the secret.
    """

    what: str
    text: str = field(repr=False)
    sid: str = ""
    guessed: bool = False


@define
class Scene:
    """A host with something stored in every state.

    * ``role``: the role of the host.
    * ``states``: the state of each session, by its id.
    * ``secrets``: what only people know.
    * ``attempts``: what is tried with each text of the dump: what it would do, and a function that does it and returns
      whether it worked.
    """

    role: Role
    states: dict[str, str] = field(factory=dict)
    secrets: list[Secret] = field(factory=list)
    attempts: list[tuple[str, Callable[[str], bool]]] = field(factory=list)

    def opened(self, state: str, sid: str, client_secret: str) -> str:
        """Note a session in a state, and return its id."""
        self.states[sid] = state
        self.secrets.append(Secret(CLIENT_SECRET, client_secret, sid, guessed=True))
        return sid

    def told(self, messages: Sequence[TokenMessage]) -> None:
        """Note what messages have told their readers."""
        for message in messages:
            for link in filter(None, (message.link, message.stop_link)):
                fields = dict(re.findall(r"(sid|token|private_key)=([0-9A-Za-z_-]+)", unquote(link)))
                secret = fields.get("private_key") or fields["token"]
                self.secrets.append(Secret("the token of a link", secret, fields.get("sid", "")))
            if message.code:
                self.secrets.append(Secret("a code", message.code, guessed=True))

    def session(self, sid: str) -> Session:
        """Return a session as it is stored now."""
        found = run_sync(self._get(sid))
        if found is None:
            raise ValueError("sessions: a session that was opened is gone")
        return found

    async def _get(self, sid: str) -> Session | None:
        return await self.role.sessions.get(sid)

    def derived(self) -> None:
        """Note the tokens and codes of messages that wait: they are made when they are sent."""
        for session in map(self.session, self.states):
            if (token := link_token(self.role, session)) is not None:
                self.secrets.append(Secret("the token of a link", token, session.sid))
            if session.code_digits and (made := code(self.role, session)) is not None:
                self.secrets.append(Secret("a code", made, session.sid, guessed=True))

    def client_secret(self, sid: str) -> str:
        """Return the client secret of a session."""
        return next(secret.text for secret in self.secrets if (secret.what, secret.sid) == (CLIENT_SECRET, sid))

    def validates(self, call: Call, sid: str, to_link: str, to_code: str) -> Callable[[str], bool]:
        """Return what tries a text as token of a session, or as its code together with its client secret.

        * ``call``: calls the host.
        * ``to_link``, ``to_code``: the URLs or paths to which the form of a link and a code are posted.
        """
        digits = self.session(sid).code_digits

        def attempt(word: str) -> bool:
            form = urlencode({"sid": sid, "token": word}).encode()
            # A confirmation is answered with a redirect.
            if call("POST", urlsplit(to_link).path, form, headers=FORM).status in (200, 303):
                return True
            if not word.isdecimal() or len(word) != digits:
                return False
            body = {"sid": sid, "client_secret": self.client_secret(sid), "token": word}
            done = call("POST", urlsplit(to_code).path, body)
            self._forgive(sid)
            return done.status == 200 and done.json().get("success") is not False

        return attempt

    def _forgive(self, sid: str) -> None:
        """Take a guess back: a text that is not tried any more says nothing."""
        stored = self.session(sid)

        async def replace() -> bool:
            return await self.role.sessions.replace(evolve(stored, guesses=0, revision=stored.revision + 1))

        if stored.guesses:
            run_sync(replace())


class NoLimits:
    """A ``RateLimiter`` that grants everything: a limit must not hide that a secret was found."""

    async def charge(self, charges: Sequence[Charge], now: int) -> int:
        return 0

    async def give_back(self, charges: Sequence[Charge], now: int) -> None:
        return None

    async def used(self, charges: Sequence[Charge], now: int) -> Sequence[int]:
        return [0] * len(charges)

    async def forget(self, keys: Sequence[str]) -> None:
        return None

    async def purge(self, now: int, limit: int) -> int:
        return 0
