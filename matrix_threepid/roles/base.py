"""``Role``: the ports and choices that homeserver, identity server and delegate have in common (decisions 1 and 4)."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Mapping
from functools import cached_property
from inspect import iscoroutinefunction
from typing import Any, ClassVar
from urllib.parse import urlsplit

from attrs import evolve, field, fields, frozen

from .. import ports
from ..events import Event
from ..logs import LogListener
from ..memory.limits import MemoryLimits
from ..memory.sessions import MemorySessions
from ..model.delivery import DeliveryEvent
from ..model.keys import Peppers, random_text
from ..model.media import MEDIA
from ..model.session import Session
from ..model.threepid import Medium, Purpose, Threepid
from ..policy import Policy
from ..policy.for_tests import AddressForTests, check_ends, found_at
from ..ports._checked import CheckedClock, CheckedRandomBytes, checked, checked_sender, given
from ..ports.stores import ChargingSessions
from ..protocol.errors import ConfigurationError
from ..protocol.wire import Request
from ..protocol.wiring import demand
from ..texts.catalogue import Texts
from ..texts.pages import BuiltInPages
from .context import context_now
from .plain_fields import check_peppers, check_policy, check_senders, check_server_name
from .port_fields import implements, port
from .recording import MessageWriter, provider_of, telling, writing

SID_BYTES = 16
"""128 random bits (SEC-110)."""
_APPENDED = re.compile(r"[A-Za-z0-9._-]{0,32}")
_log = logging.getLogger("matrix_threepid")


class Silence:
    """A ``Listener`` that ignores every event."""

    def on(self, event: Event) -> None:
        return None


class EverythingAllowed:
    """``AddressRules`` that allow every address; the default."""

    async def allows(self, threepid: Threepid, purpose: Purpose, user_id: str | None) -> bool:
        return True


@frozen(kw_only=True, slots=False)
class Role:
    """The ports and choices that all roles have in common.

    * ``server_name``: the name of the server, shown in messages.
    * ``peppers``: the secret keys, ``Peppers.of(...)``.
    * ``policy``: the choices of the host; default ``Policy()``.
    * ``senders``: a ``TokenSender`` for each ``Medium`` that can be validated; default none.
    * ``sessions``: the store of sessions; default in memory, for one process.
    * ``limiter``: the store of limits; default in memory, for one process.
    * ``messages``: the store of messages; default ``None``: what becomes of a message is not recorded.
    * ``suppressions``: the store of addresses that get no messages for a while; it needs ``messages``. Default
      ``None``: every address gets messages.
    * ``callers``: the host's access tokens; default ``None``: no request has a caller.
    * ``rules``: the host's rules on single addresses; default: every address is allowed.
    * ``gate``: the host's condition for a message, such as a captcha; default ``None``: there is none.
    * ``listener``: receives the events; default ``LogListener``, which logs them.
    * ``pages``: renders the HTML pages of links; default the pages of the library.
    * ``clock``: returns the time in ms; default the clock of the machine.
    * ``random_bytes``: returns random bytes; default ``secrets.token_bytes``.

    Each class of a role has these values, which are not passed to it:

    * ``prefix``: the start of its paths.
    * ``submit_version``: the version in the paths of its links.
    * ``errcodes``: the errcodes that its API names otherwise than the client-server API.
    * ``allow_headers``: the value of ``Access-Control-Allow-Headers``; ``None`` for that of the client-server API.
    * ``sees_clients``: whether requests come from clients themselves, so that limits per client apply.

    The attributes hold the ports wrapped in checks of their answers (``ports._checked.Checked``). Raises
    ``ConfigurationError`` with the name of the argument that is wrong.
    """

    prefix: ClassVar[str]
    errcodes: ClassVar[Mapping[str, str]] = {}
    allow_headers: ClassVar[str | None] = None
    submit_version: ClassVar[str]
    sees_clients: ClassVar[bool] = True

    server_name: str = field(validator=check_server_name)
    peppers: Peppers = field(validator=check_peppers)
    policy: Policy = field(default=Policy(), validator=check_policy)
    senders: Mapping[Medium, ports.TokenSender] = field(factory=dict, validator=check_senders, repr=False)
    sessions: ports.SessionStore = port(ports.SessionStore, MemorySessions)
    limiter: ports.RateLimiter = port(ports.RateLimiter, MemoryLimits)
    messages: ports.Messages | None = port(ports.Messages, None)
    suppressions: ports.Suppressions | None = port(ports.Suppressions, None)
    callers: ports.Callers | None = port(ports.Callers, None)
    rules: ports.AddressRules = port(ports.AddressRules, EverythingAllowed)
    gate: ports.Gate | None = port(ports.Gate, None)
    listener: ports.Listener = port(ports.Listener, LogListener)
    pages: ports.Pages = port(ports.Pages, BuiltInPages)
    clock: ports.Clock = field(default=ports.system_clock, repr=False)
    random_bytes: ports.RandomBytes = field(default=secrets.token_bytes, repr=False)

    def __attrs_post_init__(self) -> None:
        """Check the texts, and wrap every port in a check of its answers (SEC-136)."""
        # A sender may be made of others (``Fallback``), whose texts are checked as well.
        within = [part for sender in self.senders.values() for part in getattr(sender, "parts", ())]
        for part in (self.pages, *self.senders.values(), *within):
            if isinstance(texts := getattr(part, "texts", None), Texts):
                texts.check(self.policy.languages)
                if texts.directory is not None:
                    # Not for the built-in layouts, which tests render: Jinja2 takes a tenth of a second to load.
                    from ..texts.probe import probe

                    probe(texts, self.policy.languages)
        self._check_sources()
        if self.suppressions is not None and self.messages is None:
            raise ConfigurationError("suppressions: need messages=, by which a failure finds the address it is about")
        # By validator, so that ports that a host's own role declares with ``port`` are wrapped too.
        for attribute in fields(type(self)):
            if isinstance(attribute.validator, implements):
                self._put(attribute.name, checked(attribute.validator.protocol, getattr(self, attribute.name)))
        self._put("senders", {medium: checked_sender(sender) for medium, sender in self.senders.items()})
        self._put("clock", self.clock if isinstance(self.clock, CheckedClock) else CheckedClock(self.clock))
        self._put(
            "random_bytes",
            self.random_bytes
            if isinstance(self.random_bytes, CheckedRandomBytes)
            else CheckedRandomBytes(self.random_bytes),
        )
        # Called once, as these wrappers judge the answers. No byte is drawn, so seeded sources go on as they were.
        now = self.clock()
        self.random_bytes(0)
        check_ends(self.policy.test_addresses, now)

    def _check_sources(self) -> None:
        """Raise ``ConfigurationError`` for a clock or a source of random bytes that cannot be called as such."""
        for name in ("clock", "random_bytes"):
            given = getattr(self, name)
            plain = callable(given) and not iscoroutinefunction(given)
            demand(name, plain, bool, "must be a function that is not async; leave it out for that of the machine")

    def _put(self, name: str, port: object) -> None:
        # The class is frozen; this is what attrs itself does in ``__init__``.
        object.__setattr__(self, name, port)

    @property
    def charging_sessions(self) -> ChargingSessions | None:
        """``writing_sessions``, if it can charge limits in the transaction of a change; else ``None``."""
        return self.charging(self.writing_sessions)

    def charging(self, sessions: ports.SessionStore) -> ChargingSessions | None:
        """Return a store of sessions, if it can charge limits in the transaction of a change; else ``None``."""
        store: Any = given(sessions)
        counts_in = getattr(store, "counts_in", None)
        return store if counts_in is not None and counts_in(given(self.limiter)) else None

    @cached_property
    def writing_sessions(self) -> ports.SessionStore:
        """The store of sessions; with ``messages`` it writes down the message of each session it stores."""
        if self.messages is None:
            return self.sessions
        return writing(self.sessions, self.messages, self.writer.message_of)

    @cached_property
    def writer(self) -> MessageWriter:
        """What makes the rows of messages."""
        providers = {medium: provider_of(sender) for medium, sender in self.senders.items()}
        return MessageWriter(self.peppers, providers, self.policy.mail_unknown_addresses, self.clock)

    def telling_sessions(self, event: DeliveryEvent | None) -> ports.SessionStore:
        """The store of sessions; with ``messages`` it records an event with each session it stores."""
        if self.messages is None or event is None:
            return self.sessions
        return telling(self.sessions, self.messages, event)

    @cached_property
    def _verifiers(self) -> Mapping[Medium, ports.RemoteVerifier]:
        # Once, since a question to a class of a protocol takes as long as all MACs of a request.
        return {medium: each for medium, each in self.senders.items() if isinstance(each, ports.RemoteVerifier)}

    def checking_sender(self, threepid: Threepid) -> ports.RemoteVerifier | None:
        """Return the sender of an address if its provider makes and checks the codes, else ``None``."""
        sender = self._verifiers.get(threepid.medium)
        return None if sender is None or self.for_tests(threepid) else sender

    def for_tests(self, threepid: Threepid) -> AddressForTests | None:
        """Return the address for tests that an identifier is now; ``None`` if it is none (SEC-164)."""
        addresses = self.policy.test_addresses
        return found_at(addresses, threepid, self.clock()) if addresses else None

    def medium_off(self, medium: Medium) -> str | None:
        """Return why addresses of this medium cannot be validated, or ``None`` if they can."""
        if medium not in self.senders:
            return f"no sender for {medium.value} is wired"
        if self.policy.public_base_url is None:
            return "policy.public_base_url is not set"
        off = MEDIA[medium].off
        return None if off is None else off(self.policy)

    def new_sid(self, slot: str) -> str:
        """Return a new session id of 128 random bits, with what a store of the kind ``PlacingSessions`` appends.

        * ``slot``: the slot of the session.
        """
        sid = random_text(self.random_bytes(SID_BYTES))
        place = getattr(given(self.sessions), "place", None)
        if place is None:
            return sid
        placed = place(sid, slot)
        if not isinstance(placed, str) or not placed.startswith(sid) or not _APPENDED.fullmatch(placed[len(sid) :]):
            # Without the random bits it could be guessed; with other letters clients could not send it back.
            raise ConfigurationError("sessions: place must append up to 32 letters, digits, . _ or - to the sid")
        return placed

    @property
    def host(self) -> str:
        """The host name in the server's links: that of ``Policy.public_base_url``, else ``server_name``."""
        return urlsplit(self.policy.public_base_url or "").hostname or self.server_name

    @property
    def code_host(self) -> str:
        """The host name that an SMS binds its code to, by ``Policy.code_host``; empty for none."""
        return self.host if self.policy.code_host == "" else self.policy.code_host or ""

    def submit_url(self, medium: Medium) -> str:
        """Return the URL of the link page, which is also ``submit_url``: clients post tokens to it.

        See MSC2078, https://github.com/matrix-org/matrix-spec-proposals/pull/2078.
        """
        return f"{self.policy.public_base_url}{self.prefix}{self.submit_version}{submit_path(medium)}"

    def confirmed_url(self, medium: Medium) -> str:
        """Return the URL of the page that a confirmation leads to, which holds no token (SEC-18)."""
        return f"{self.policy.public_base_url}{self.prefix}{self.submit_version}{confirmed_path(medium)}"

    async def identify(self, request: Request) -> ports.Caller | None:
        """Return the caller of a request, as ``callers`` answers; ``None`` without a token or without ``callers``."""
        return None if self.callers is None else await self.callers.identify(request)

    async def check_terms(self, caller: ports.Caller) -> None:
        """Raise ``TermsNotSigned`` for a caller who has to accept terms first; only an identity server has terms."""

    async def account_of(self, session: Session) -> str | None:
        """Return the user id that a session concerns: its owner, or the account whose password it resets."""
        return await self.owner_of(session.threepid) if session.purpose is Purpose.PASSWORD else session.owner

    async def owner_of(self, threepid: Threepid) -> str | None:
        """Return the user id of the account with an identifier; ``None`` in roles without accounts."""
        return None

    def emit(self, event: Event) -> None:
        """Pass an event to the listener; its exceptions are logged and change nothing."""
        # The event is emitted after the fact: an error answer would say that nothing was changed.
        try:
            self.listener.on(evolve(event, context=context_now(self.clock())))
        except Exception as error:
            # Only the class is logged: the text of the exception may repeat the address in the event (SEC-19).
            _log.error("listener failed on %s: %s", type(event).__name__, type(error).__name__)


def submit_path(medium: Medium) -> str:
    """Return the path, below a version, of the link page and of ``submit_url``."""
    return f"/threepid/{medium.value}/submit_token"


def confirmed_path(medium: Medium) -> str:
    """Return the path, below a version, of the page that a confirmation leads to."""
    return f"/threepid/{medium.value}/confirmed"
