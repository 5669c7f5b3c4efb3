"""``Homeserver``: the ports of a homeserver, checked when the role is made."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from attrs import field, frozen

from .. import ports
from ..memory.bindings import MemoryBindings
from ..memory.reversals import MemoryReversals
from ..memory.uia_sessions import MemoryUiaSessions
from ..model.media import MEDIA
from ..model.threepid import Medium, Threepid, masked
from ..ports._checked import checked
from ..protocol.errors import ConfigurationError
from .base import Role
from .port_fields import implements, port

_log = logging.getLogger("matrix_threepid")
DUMMY = "m.login.dummy"
"""The stage that everybody completes."""


def _check_stages(instance: object, attribute: Any, stages: Mapping[str, object]) -> None:
    for stage in stages.values():
        implements(ports.ExtraStage)(instance, attribute, stage)


@frozen(kw_only=True, slots=False)
class Homeserver(Role):
    """The part of a homeserver that handles third-party identifiers.

    * ``accounts``: the host's accounts and the identifiers on them; required.
    * ``callers``: the host's access tokens; required.
    * ``uia``: the host's user-interactive authentication; required unless there is a ``keeper``, by whose passwords the
      library authenticates then.
    * ``keeper``: makes and closes the host's accounts, so that the library answers ``/register``, ``/account/password``
      and ``/account/deactivate``; default ``None``: the host answers them.
    * ``uia_sessions``: the store of sessions of user-interactive authentication; default in memory, for one process.
    * ``extra_stages``: the host's further stages of registration, by name; default none.
    * ``registration_flows``: the flows of registration, each a sequence of stages; default ``None``: ``m.login.dummy``,
      or any stage that proves an address.
    * ``bindings``: the store of bindings; default in memory, for one process.
    * ``reversals``: the store of changes that can be taken back, with ``Policy.undo_links``; default in memory, for one
      process.
    * ``identity``: the client for identity servers; ``None`` (default) switches binding off, and unbinding answers
      ``no-support``.
    * ``invitations``: the client for invitations of addresses to rooms, such as the same ``HttpIdentityClient``;
      ``None`` (default) switches them off.
    * ``rooms``: the host's rooms, for users who redeem such an invitation; ``None`` (default) switches the endpoints of
      the table ``FEDERATION`` off.
    * ``verifier``: checks the signatures of other homeservers there, such as an ``XMatrixVerifier``; ``None`` (default)
      accepts none.

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
    uia: ports.Uia | None = port(ports.Uia, None)

    keeper: ports.AccountKeeper | None = port(ports.AccountKeeper, None)
    uia_sessions: ports.UiaSessionStore = port(ports.UiaSessionStore, MemoryUiaSessions)
    extra_stages: Mapping[str, ports.ExtraStage] = field(factory=dict, validator=_check_stages, repr=False)
    registration_flows: Sequence[Sequence[str]] | None = None

    bindings: ports.BindingStore = port(ports.BindingStore, MemoryBindings)
    reversals: ports.ReversalStore = port(ports.ReversalStore, MemoryReversals)
    identity: ports.IdentityServerClient | None = port(ports.IdentityServerClient, None)
    invitations: ports.InvitationClient | None = port(ports.InvitationClient, None)
    rooms: ports.Rooms | None = port(ports.Rooms, None)
    verifier: ports.RequestVerifier | None = port(ports.RequestVerifier, None)

    def __attrs_post_init__(self) -> None:
        """Refuse choices that contradict each other, and wrap every port in a check of its answers."""
        for medium, sender in self.senders.items():
            if self.policy.hide_known_addresses and hasattr(sender, "verify"):
                # A decoy has no code at the provider, so its answer comes without asking there: time and outages tell.
                raise ConfigurationError(
                    f"senders: the sender for {medium.value} checks the codes itself (such as Twilio Verify), which "
                    "tells known addresses from others; with policy.hide_known_addresses use one that sends our codes"
                )
        if self.uia is None and self.keeper is None:
            raise ConfigurationError("uia: is required, unless keeper= is given")
        if self.policy.undo_links and (off := self.medium_off(Medium.EMAIL)):
            raise ConfigurationError(f"policy.undo_links: links to undo changes are sent by mail, but {off}")
        super().__attrs_post_init__()
        self._put("extra_stages", {name: checked(ports.ExtraStage, it) for name, it in self.extra_stages.items()})
        self._check_flows()
        for each in self.policy.test_addresses:
            _log.warning("policy.test_addresses: %s has a fixed code until %s", masked(each.address), each.until)

    def _check_flows(self) -> None:
        """Refuse a flow of registration that is empty, or has a stage that nothing here can complete."""
        proving = {row.stage for row in MEDIA.values() if self.medium_off(row.medium) is None}
        known = {DUMMY, *proving, *self.extra_stages}
        for flow in self.registration_flows or ():
            if isinstance(flow, str) or not flow:
                raise ConfigurationError("registration_flows: must be a sequence of sequences of stages")
            for stage in flow:
                if stage not in known:
                    raise ConfigurationError(
                        f"registration_flows: {stage} is none of the stages of this server: {', '.join(sorted(known))}"
                    )

    async def owner_of(self, threepid: Threepid) -> str | None:
        """Return the user id of the account with an identifier, or ``None``."""
        owner = await self.accounts.owner(threepid)
        return None if owner is None else owner.user_id
