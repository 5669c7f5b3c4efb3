"""``Homeserver``: the ports of a homeserver, checked when the role is made."""

from __future__ import annotations

from typing import ClassVar

from attrs import field, frozen

from .. import ports
from ..memory.bindings import MemoryBindings
from ..model.threepid import Threepid
from ..protocol.errors import ConfigurationError
from .base import Role, implements, port


@frozen(kw_only=True, slots=False)
class Homeserver(Role):
    """The part of a homeserver that handles third-party identifiers.

    * ``accounts``: the host's accounts and the identifiers on them; required.
    * ``callers``: the host's access tokens; required.
    * ``uia``: the host's user-interactive authentication; required.
    * ``bindings``: the store of bindings; default in memory, for one process.
    * ``identity``: the client for identity servers; ``None`` (default) switches binding off, and unbinding answers
      ``no-support``.

    ``Role`` describes the other arguments. Raises ``ConfigurationError`` with the name of the argument that is wrong.

    >>> from matrix_threepid import Peppers
    >>> from matrix_threepid.testing import FakeAccounts, FakeCallers, FakeUia
    >>> host = {"accounts": FakeAccounts(), "callers": FakeCallers(), "uia": FakeUia()}
    >>> Homeserver(server_name="example.org", peppers=Peppers.of(bytes(32)), **host).host
    'example.org'
    """

    prefix: ClassVar[str] = "/_matrix/client"
    # Not a path of the specification, which only says that ``submit_url`` must not be that of the identity API.
    submit_version: ClassVar[str] = "/unstable"

    accounts: ports.Accounts = field(validator=implements(ports.Accounts), repr=False)
    callers: ports.Callers = field(validator=implements(ports.Callers), repr=False)
    uia: ports.Uia = field(validator=implements(ports.Uia), repr=False)

    bindings: ports.BindingStore = port(ports.BindingStore, MemoryBindings)
    identity: ports.IdentityServerClient | None = port(ports.IdentityServerClient, None)

    def __attrs_post_init__(self) -> None:
        """Refuse choices that contradict each other, and wrap every port in a check of its answers."""
        for medium, sender in self.senders.items():
            if self.policy.hide_known_addresses and hasattr(sender, "verify"):
                # A decoy has no code at the provider, so its answer comes without asking there: time and outages tell.
                raise ConfigurationError(
                    f"senders: the sender for {medium.value} checks the codes itself (such as Twilio Verify), which "
                    "tells known addresses from others; with policy.hide_known_addresses use one that sends our codes"
                )
        super().__attrs_post_init__()

    async def owner_of(self, threepid: Threepid) -> str | None:
        """Return the user id of the account with an identifier, or ``None``."""
        owner = await self.accounts.owner(threepid)
        return None if owner is None else owner.user_id
