"""``Homeserver``: the ports a homeserver gives, checked when they are put together."""

from __future__ import annotations

from typing import ClassVar

from attrs import field, frozen

from .. import ports
from ..memory.bindings import MemoryBindings
from ..model.threepid import Threepid
from .base import Role, implements, port


@frozen(kw_only=True, slots=False)
class Homeserver(Role):
    """A homeserver, as far as third-party identifiers go.

    ``accounts``, ``callers``, ``uia``: the host's own; everything else has a default. ``identity``: without it
    nothing is bound, and unbinding answers ``no-support``. See ``Role`` for the rest.
    Raises ``ConfigurationError`` naming what is wrong.
    """

    prefix: ClassVar[str] = "/_matrix/client"
    submit_version: ClassVar[str] = "/unstable"

    accounts: ports.Accounts = field(validator=implements(ports.Accounts), repr=False)
    callers: ports.Callers = field(validator=implements(ports.Callers), repr=False)
    uia: ports.Uia = field(validator=implements(ports.Uia), repr=False)

    bindings: ports.BindingStore = port(ports.BindingStore, MemoryBindings)
    identity: ports.IdentityServerClient | None = port(ports.IdentityServerClient, None)

    async def owner_of(self, threepid: Threepid) -> str | None:
        """Return the account that has an identifier."""
        owner = await self.accounts.owner(threepid)
        return None if owner is None else owner.user_id
