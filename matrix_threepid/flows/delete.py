"""Take things back: bindings from identity servers, identifiers from accounts, everything when a user leaves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attrs import frozen

from ..events import ThreepidRemoved
from ..limits.rate import charge_change
from ..model.binding import Binding
from ..model.id_server import normal_id_server
from ..model.identity import Blocked, Busy, Done, NotSupported, ServerRefused, UnbindAnswer, Unreachable
from ..model.message import MessageKind
from ..model.threepid import Purpose, Threepid
from ..protocol.errors import ConfigurationError, ServerNotTrusted
from ..roles.emit import emit
from ..roles.homeserver import Homeserver
from . import binding_access, session_access
from .notify_owner import notify_owner


@frozen
class Unbound:
    """What the identity servers answered, in the order they were asked; nothing when none was known."""

    answers: tuple[UnbindAnswer, ...]

    @property
    def result(self) -> str:
        """Return ``success`` if every server confirmed (and one was known), else ``no-support``."""
        return "success" if self.answers and self.all_done else "no-support"

    @property
    def all_done(self) -> bool:
        """Whether nothing is left to unbind."""
        return all(isinstance(answer, Done) for answer in self.answers)

    def raise_refusal(self) -> None:
        """Raise the first refusal of an identity server, as an error for the client."""
        self._raise_first((ServerRefused,))

    def raise_failure(self) -> None:
        """Raise the first answer that is neither success nor lack of support."""
        self._raise_first((ServerRefused, Unreachable, Blocked, Busy))

    def _raise_first(self, kinds: tuple[type, ...]) -> None:
        for answer in self.answers:
            if isinstance(answer, kinds) and not isinstance(answer, Done | NotSupported):
                raise binding_access.as_error(answer)


async def unbind_everywhere(
    hs: Homeserver, user_id: str, candidates: Sequence[Threepid], id_server: str | None
) -> Unbound:
    """Take an identifier back from the server named, or from all it was bound at; all are tried."""
    rows = await binding_access.rows_of(hs, user_id, candidates)
    if id_server is not None:
        server = trusted_id_server(hs, id_server)
        rows = [row for row in rows if row.id_server == server] or [await _claimed(hs, user_id, candidates[0], server)]
    return await _unbind(hs, rows, queue_refusals=hs.policy.identity_server_refusal == "queue")


async def unbind_all(hs: Homeserver, user_id: str, id_server: str | None = None) -> Unbound:
    """Take all bindings of a user back, for a deactivation; refusals are asked again later, too.

    ``id_server``: also take the identifiers on the account back from there; they may have been bound elsewhere.
    """
    rows = await binding_access.rows_of(hs, user_id, None)
    if id_server is not None:
        server = trusted_id_server(hs, id_server)
        listed = [threepid.threepid for threepid in await hs.accounts.list(user_id)]
        rows += [_unremembered(hs, user_id, threepid, server) for threepid in listed]
    return await _unbind(hs, list({row.id: row for row in reversed(rows)}.values())[::-1], queue_refusals=True)


async def remove(hs: Homeserver, user_id: str, candidates: Iterable[Threepid]) -> None:
    """Take the first of ``candidates`` that is on the account off it; open resets by it end."""
    for threepid in candidates:
        if await hs.accounts.remove(user_id, threepid):
            await session_access.end_all(hs, threepid, Purpose.PASSWORD)
            emit(hs, ThreepidRemoved(user_id, threepid))
            await notify_owner(hs, user_id, MessageKind.REMOVED, threepid)
            return


def trusted_id_server(hs: Homeserver, given: str) -> str:
    """Return the normal form of an ``id_server``. Raises ``InvalidParam`` or ``ServerNotTrusted``."""
    server = normal_id_server(given)
    allowed = hs.policy.identity_servers(server)
    if type(allowed) is not bool:  # an async function's coroutine is true, too
        raise ConfigurationError(f"policy.identity_servers: must return bool, not {type(allowed).__name__}")
    if not allowed:
        raise ServerNotTrusted
    return server


async def _unbind(hs: Homeserver, rows: Sequence[Binding], *, queue_refusals: bool) -> Unbound:
    if hs.identity is None:
        return Unbound((NotSupported(),) * len(rows))
    until = hs.clock() + hs.policy.identity_deadline
    answers = [await binding_access.unbind(hs, row, until, queue_refusals=queue_refusals) for row in rows]
    return Unbound(tuple(_softened(answer) for answer in answers) if queue_refusals else tuple(answers))


def _softened(answer: UnbindAnswer) -> UnbindAnswer:
    """A refusal that went into the queue is no refusal to the client."""
    return NotSupported() if isinstance(answer, ServerRefused) else answer


async def _claimed(hs: Homeserver, user_id: str, threepid: Threepid, server: str) -> Binding:
    """Return a row for a binding we know nothing of. It may go into the queue, so users have only so many of these."""
    await charge_change(hs, user_id)
    return _unremembered(hs, user_id, threepid, server)


def _unremembered(hs: Homeserver, user_id: str, threepid: Threepid, server: str) -> Binding:
    return binding_access.resolved(binding_access.intent(hs, user_id, server), threepid, threepid.address)
