"""``Role``: what every role of the library needs, be it homeserver, identity server or delegate."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, ClassVar
from urllib.parse import urlsplit

from attrs import field, fields, frozen

from .. import ports
from ..events import Event
from ..memory.limits import MemoryLimits
from ..memory.sessions import MemorySessions
from ..model.keys import Peppers, random_text
from ..model.media import MEDIA
from ..model.session import Session
from ..model.threepid import Medium, Purpose, Threepid
from ..policy import Policy
from ..ports._checked import CheckedClock, CheckedRandomBytes, checked, checked_sender, given, methods
from ..protocol.errors import ConfigurationError
from ..protocol.wire import Request
from ..texts.pages import BuiltInPages

SID_BYTES = 16
# https://spec.matrix.org/latest/appendices/#server-name
_SERVER_NAME = re.compile(r"(?:[0-9A-Za-z.-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_log = logging.getLogger("matrix_threepid")


class Silence:
    """A ``Listener`` that hears nothing."""

    def on(self, event: Event) -> None:
        return None


class EverythingAllowed:
    """``AddressRules`` without rules."""

    async def allows(self, threepid: Threepid, purpose: Purpose, user_id: str | None) -> bool:
        return True


@frozen
class implements:  # noqa: N801  reads like the function it is called as
    """An attrs validator: the value must have every method of ``protocol``, or be ``None`` where it may."""

    protocol: type

    def __call__(self, _: Any, attribute: Any, port: Any) -> None:
        """Raise ``ConfigurationError`` naming the methods that are not there."""
        if isinstance(port, type):
            raise ConfigurationError(f"{attribute.name}={port.__name__} is a class: give an instance of it")
        lacking = [each.name for each in methods(self.protocol) if not callable(getattr(port, each.name, None))]
        if lacking and not (port is None and attribute.default is None):
            calls = ", ".join(f"{name}()" for name in lacking)
            raise ConfigurationError(f"{attribute.name}={type(given(port)).__name__} lacks {calls}")


def _fit_senders(instance: object, attribute: Any, senders: Mapping[Medium, object]) -> None:
    for medium, sender in senders.items():
        if not isinstance(medium, Medium):
            raise ConfigurationError(f"senders: keys must be Medium members, got {medium!r}")
        if (needed := MEDIA[medium].needs) and find_spec(needed) is None:
            remedy = "pip install 'matrix-threepid[phone]'"
            raise ConfigurationError(f"senders: {medium.value} needs the package {needed}: {remedy}")
        implements(ports.TokenSender)(instance, attribute, sender)


def _fit_peppers(_: object, attribute: Any, peppers: Peppers) -> None:
    if not isinstance(peppers, Peppers):
        raise ConfigurationError(f"{attribute.name}: must be Peppers.of(...), not {type(peppers).__name__}")


def _is_server_name(_: Any, attribute: Any, value: Any) -> None:
    if not isinstance(value, str) or not _SERVER_NAME.fullmatch(value):
        raise ConfigurationError(
            f"{attribute.name}: must be a Matrix server name, host[:port] without https://, such as example.org"
        )


def port(protocol: type, default: Any) -> Any:
    """Declare a port with its default: a class is called, any other value is taken as it is."""
    if isinstance(default, type):
        return field(factory=default, validator=implements(protocol), repr=False)
    return field(default=default, validator=implements(protocol), repr=False)


@frozen(kw_only=True, slots=False)
class Role:
    """The ports and choices all roles share. Raises ``ConfigurationError`` naming what does not fit.

    ``server_name``: shown in messages. ``peppers``: the host's secret keys. ``senders``: a ``TokenSender`` for each
    ``Medium`` that can be validated. Every default is safe for one process. ``sees_clients``: whether requests come
    from those they are made for, so that limits per client make sense.
    What the attributes hold are the ports given, with their answers checked: see ``Checked``.
    """

    prefix: ClassVar[str]
    errcodes: ClassVar[Mapping[str, str]] = {}
    allow_headers: ClassVar[str | None] = None
    submit_version: ClassVar[str]
    sees_clients: ClassVar[bool] = True

    server_name: str = field(validator=_is_server_name)
    peppers: Peppers = field(validator=_fit_peppers)
    policy: Policy = Policy()
    senders: Mapping[Medium, ports.TokenSender] = field(factory=dict, validator=_fit_senders, repr=False)
    sessions: ports.SessionStore = port(ports.SessionStore, MemorySessions)
    limiter: ports.RateLimiter = port(ports.RateLimiter, MemoryLimits)
    callers: ports.Callers | None = port(ports.Callers, None)
    rules: ports.AddressRules = port(ports.AddressRules, EverythingAllowed)
    listener: ports.Listener = port(ports.Listener, Silence)
    pages: ports.Pages = port(ports.Pages, BuiltInPages)
    clock: ports.Clock = field(default=ports.system_clock, repr=False)
    random_bytes: ports.RandomBytes = field(default=secrets.token_bytes, repr=False)

    def __attrs_post_init__(self) -> None:
        """Let no port be believed unchecked."""
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

    def _put(self, name: str, port: object) -> None:
        object.__setattr__(self, name, port)

    def medium_off(self, medium: Medium) -> str | None:
        """Return why addresses of this medium cannot be validated, or ``None`` if they can."""
        if medium not in self.senders:
            return f"no sender for {medium.value} is wired"
        if self.policy.public_base_url is None:
            return "policy.public_base_url is not set"
        off = MEDIA[medium].off
        return None if off is None else off(self.policy)

    def new_sid(self) -> str:
        """Return a fresh session id of 128 random bits."""
        return random_text(self.random_bytes(SID_BYTES))

    @property
    def host(self) -> str:
        """The host people know this server by: that of ``public_base_url``, or the server's name."""
        return urlsplit(self.policy.public_base_url or "").hostname or self.server_name

    def submit_url(self, medium: Medium) -> str:
        """Return the URL that links lead to and that clients post tokens to."""
        return f"{self.policy.public_base_url}{self.prefix}{self.submit_version}{submit_path(medium)}"

    def confirmed_url(self, medium: Medium) -> str:
        """Return the URL of the page people see after they confirmed."""
        return f"{self.policy.public_base_url}{self.prefix}{self.submit_version}{confirmed_path(medium)}"

    async def identify(self, request: Request) -> ports.Caller | None:
        """Return who calls, as the host's ``callers`` say; ``None`` where a role has none."""
        return None if self.callers is None else await self.callers.identify(request)

    async def account_of(self, session: Session) -> str | None:
        """Return the account a session concerns: of its opener, or the one whose password is to be reset."""
        return await self.owner_of(session.threepid) if session.purpose is Purpose.PASSWORD else session.owner

    async def owner_of(self, threepid: Threepid) -> str | None:
        """Return the account that has an identifier, where a role has accounts."""
        return None

    def emit(self, event: Event) -> None:
        """Hand an event to the host's listener. Whatever the listener does, the answer to the client stays."""
        try:
            self.listener.on(event)
        except Exception as error:
            # The class alone is logged: the text of a listener's error may repeat the address of the event.
            _log.error("listener failed on %s: %s", type(event).__name__, type(error).__name__)


def submit_path(medium: Medium) -> str:
    """Return the path, below a version, of the link page and of ``submit_url`` alike."""
    return f"/threepid/{medium.value}/submit_token"


def confirmed_path(medium: Medium) -> str:
    """Return the path, below a version, of the page people see after they confirmed."""
    return f"/threepid/{medium.value}/confirmed"
