"""A homeserver in memory: ports, service, a clock that tests set, and people who use it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from attrs import evolve

from ..model.keys import Peppers
from ..model.message import TokenMessage
from ..model.threepid import Medium
from ..offload import run_sync
from ..policy import Limit, Limits, Policy, SmsRules
from ..protocol.wire import Request, Response
from ..roles.homeserver import Homeserver
from ..service import Service
from ..uia import Stages
from .fake_accounts import PASSWORD, FakeAccounts, FakeCallers, FakeUia
from .fakes import Events, FakeClock, Outbox, Rules

BASE_URL = "https://hs.example.org"
"""The ``Policy.public_base_url`` of a world's homeserver."""
PEPPER = b"a pepper for tests, of 32 bytes or more"
ALICE = "@alice:hs.example.org"
"""A user of a world's homeserver."""
BOB = "@bob:hs.example.org"
"""Another user of a world's homeserver."""
_PLENTY = Limit(1_000_000, 1000)
GENEROUS = Limits(
    per_address=_PLENTY,
    per_client=_PLENTY,
    per_user=_PLENTY,
    changes=_PLENTY,
    bindings=_PLENTY,
    invitations=_PLENTY,
    call_outs=_PLENTY,
    apart=0,
    mails_a_day=1_000_000,
    sms_a_day=1_000_000,
)
"""Limits that tests do not reach. Guesses stay limited."""

GENEROUS_SMS = SmsRules(
    countries=("GB", "DE", "US"),
    per_number=(_PLENTY,),
    per_prefix=(_PLENTY,),
    budget_per_country=1_000_000,
    budget_per_hour=1_000_000,
    budget_per_day=1_000_000,
    kept_for_users=0,
    kept_for_new=0,
    network_share=1,
    conversion=None,
)
"""SMS to three countries, without a limit that tests reach."""


class World:
    """A homeserver in memory with fakes of every port.

    * ``policy``: choices that replace the defaults, by name.
    * ``ports``: ports that replace the fakes, by name.
    * ``exchanges``: every request with its response, for ``check_invariants``.

    >>> from matrix_threepid.testing import ALICE, World
    >>> world = World()
    >>> world.add(world.prove("alice@example.org")).status
    200
    >>> world.threepids(ALICE)
    ['alice@example.org']
    """

    def __init__(self, policy: Mapping[str, Any] | None = None, **ports: Any) -> None:
        self.clock = FakeClock()
        self.accounts, self.callers, self.uia = FakeAccounts(), FakeCallers(), FakeUia()
        self.outbox, self.sms, self.rules, self.events = Outbox(), Outbox(), Rules(), Events()
        self.exchanges: list[tuple[Request, Response]] = []
        given = {
            "server_name": "hs.example.org",
            "accounts": self.accounts,
            "callers": self.callers,
            "uia": self.uia,
            "peppers": Peppers.of(PEPPER),
            "policy": Policy(
                **{"public_base_url": BASE_URL, "limits": GENEROUS, "sms": GENEROUS_SMS, **(policy or {})}
            ),
            "senders": {Medium.EMAIL: self.outbox},
            "rules": self.rules,
            "listener": self.events,
            "clock": self.clock,
        }
        self._wire(Homeserver(**{**given, **ports}))

    def rewire(self, **ports: Any) -> None:
        """Replace ports or the policy, as after a restart; stores stay."""
        self._wire(evolve(self.homeserver, **ports))

    def _wire(self, homeserver: Homeserver) -> None:
        self.homeserver, self.service, self.stages = homeserver, Service(homeserver), Stages(homeserver)

    # -- calls --------------------------------------------------------------------------------------

    def request(self, method: str, path: str, body: Any = None, user: str | None = None, **more: Any) -> Request:
        """Return a request; ``path`` below ``/_matrix/client/v3`` unless it starts with ``/_``."""
        headers = {**({"authorization": f"Bearer {user}"} if user else {}), **more.pop("headers", {})}
        raw = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
        full = path if path.startswith("/_") else f"{Homeserver.prefix}/v3{path}"
        return Request(method, full, headers, body=raw, **{"client": "203.0.113.7", **more})

    def call(self, method: str, path: str, body: Any = None, user: str | None = None, **more: Any) -> Response:
        """Make a request and return its response."""
        return run_sync(self.acall(method, path, body, user, **more))

    async def acall(self, method: str, path: str, body: Any = None, user: str | None = None, **more: Any) -> Response:
        """Make a request in the event loop that runs, and return its response."""
        request = self.request(method, path, body, user, **more)
        response = await self.service.handle(request)
        self.exchanges.append((request, response))
        return response

    def post(self, path: str, body: Any, user: str | None = None, **more: Any) -> Response:
        """POST a JSON body."""
        return self.call("POST", path, body, user, **more)

    # -- what people do -----------------------------------------------------------------------------

    def ask(
        self, address: str = "alice@example.org", secret: str = "secret", attempt: int = 1, **more: Any
    ) -> Response:
        """Request a mail; return the response.

        * ``purpose``: ``add``, ``register`` or ``password``.
        * ``body``: further members of the body.
        """
        path = {"add": "/account/3pid", "register": "/register", "password": "/account/password"}[
            more.pop("purpose", "add")
        ]
        body = {"email": address, "client_secret": secret, "send_attempt": attempt, **more.pop("body", {})}
        return self.post(f"{path}/email/requestToken", body, **more)

    def open_link(self, message: TokenMessage | None = None, method: str = "GET", **more: Any) -> Response:
        """Open the link of a message (by default the last one), as a person or a mail scanner does."""
        parts = urlsplit((message or self.outbox.last).link or "")
        return self.call(method, parts.path, query=parts.query, **more)

    def confirm(self, message: TokenMessage | None = None, **fields: str) -> Response:
        """Press the button of the page behind the link of a message (by default the last one)."""
        parts = urlsplit((message or self.outbox.last).link or "")
        form = "&".join(f"{name}={value}" for name, value in {**dict(parse_qsl(parts.query)), **fields}.items())
        headers = {"content-type": "application/x-www-form-urlencoded"}
        return self.call("POST", parts.path, form.encode(), headers=headers)

    def prove(self, address: str = "alice@example.org", secret: str = "secret", **more: Any) -> str:
        """Request a mail, read it and confirm the address; return the ``sid``."""
        sid: str = self.ask(address, secret, **more).json()["sid"]
        self.confirm()
        return sid

    def add(self, sid: str, secret: str = "secret", user: str = ALICE, **more: Any) -> Response:
        """Add an address as a client does: ask, receive the 401, send the password."""
        body = {"sid": sid, "client_secret": secret}
        first = self.post("/account/3pid/add", body, user, **more)
        if first.status != 401:
            return first
        auth = {"type": "m.login.password", "password": PASSWORD, "session": first.json()["session"]}
        return self.post("/account/3pid/add", {**body, "auth": auth}, user, **more)

    def threepids(self, user: str = ALICE) -> list[str]:
        """Return the addresses that ``GET /account/3pid`` lists."""
        listed = self.call("GET", "/account/3pid", user=user).json()["threepids"]
        return [threepid["address"] for threepid in listed]
