"""Take bindings back from identity servers, for an unbind, a deletion or a deactivation.

The wish is written down before a server is asked, so what could not be done is in the queue of ``unbind_retry``.
See MSC1915, https://github.com/matrix-org/matrix-spec-proposals/pull/1915.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from ..events import ThreepidUnbound, UnbindGivenUp
from ..limits.rate import charge_change
from ..model.binding import Binding
from ..model.identity import Blocked, Busy, Done, NotSupported, ServerRefused, UnbindAnswer, Unreachable
from ..model.threepid import Threepid
from ..roles.homeserver import Homeserver
from .binding_access import LEASE, as_error, intent, is_intent, resolved, rows_of, trusted_id_server, update_binding


@frozen
class Unbound:
    """What the identity servers answered, in the order they were asked; empty when none was known."""

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
        for answer in self.answers:
            if isinstance(answer, ServerRefused):
                raise as_error(answer)

    def raise_failure(self) -> None:
        """Raise the first answer that is neither success nor lack of support."""
        for answer in self.answers:
            if isinstance(answer, ServerRefused | Unreachable | Blocked | Busy):
                raise as_error(answer)


async def unbind_everywhere(
    hs: Homeserver, user_id: str, candidates: Sequence[Threepid], id_server: str | None
) -> Unbound:
    """Take an identifier back from the server named, or from all it was bound at; all are asked.

    * ``candidates``: the forms the identifier may be remembered in, the canonical one first.
    * ``id_server``: as the client wrote it; ``None`` for every server that is remembered.
    """
    rows = await rows_of(hs, user_id, candidates)
    if id_server is not None:
        server = trusted_id_server(hs, id_server)
        rows = [row for row in rows if row.id_server == server]
        if not rows:
            # A binding we know nothing of may go into the queue: so many of these a user may cause as of changes.
            await charge_change(hs, user_id)
            rows = [_unremembered(hs, user_id, candidates[0], server)]
    return await _unbind_rows(hs, rows, queue_refusals=hs.policy.identity_server_refusal == "queue")


async def unbind_all(hs: Homeserver, user_id: str, id_server: str | None = None) -> Unbound:
    """Take all bindings of a user back, for a deactivation; refusals are asked again later, too.

    * ``id_server``: also take the identifiers on the account back from there; they may have been bound elsewhere.
    """
    rows = await rows_of(hs, user_id, None)
    if id_server is not None:
        server = trusted_id_server(hs, id_server)
        listed = [held.threepid for held in await hs.accounts.list(user_id)]
        known = {row.id for row in rows}
        rows += [row for threepid in listed if (row := _unremembered(hs, user_id, threepid, server)).id not in known]
    return await _unbind_rows(hs, rows, queue_refusals=True)


def _unremembered(hs: Homeserver, user_id: str, threepid: Threepid, server: str) -> Binding:
    return resolved(intent(hs, user_id, server), threepid, threepid.address)


async def _unbind_rows(hs: Homeserver, rows: Sequence[Binding], *, queue_refusals: bool) -> Unbound:
    if hs.identity is None:
        return Unbound((NotSupported(),) * len(rows))
    until = hs.clock() + hs.policy.identity_deadline
    answers = [await _unbind_row(hs, row, until, queue_refusals=queue_refusals) for row in rows]
    if queue_refusals:
        # A refusal that went into the queue is not one for the client.
        answers = [NotSupported() if isinstance(answer, ServerRefused) else answer for answer in answers]
    return Unbound(tuple(answers))


async def _unbind_row(hs: Homeserver, row: Binding, until: int, *, queue_refusals: bool) -> UnbindAnswer:
    """Take one binding back, write-ahead: afterwards it is gone, as it was before, or in the queue.

    * ``until``: the time (ms) at which all calls of the request must be over.
    * ``queue_refusals``: whether a refusal is asked again later; else it leaves things as they were.
    """
    now = hs.clock()
    remembered = await hs.bindings.get(row.id) is not None
    leased = await update_binding(
        hs, row, lambda stored: stored.unwanted(now, now + LEASE * hs.policy.identity_deadline)
    )
    answer = await ask(hs, leased, until)
    stays = isinstance(answer, NotSupported) or (isinstance(answer, ServerRefused) and not queue_refusals)
    if isinstance(answer, Done):
        await forget(hs, leased)
    elif not stays:
        await ask_later(hs, leased)
    elif remembered:
        await update_binding(hs, leased, lambda stored: stored.wanted_again(row))
    else:
        await hs.bindings.forget(leased)
    return answer


async def ask(hs: Homeserver, row: Binding, until: int) -> UnbindAnswer:
    """Ask the identity server of a binding to take it back; ``until``: the time (ms) the answer must be there."""
    if hs.identity is None or row.threepid is None:
        return NotSupported()
    left = until - hs.clock()
    if left <= 0:
        return Unreachable("no time was left", timeout=True)
    address = row.spelling or row.threepid.address
    return await hs.identity.unbind(row.id_server, row.user_id, row.threepid.medium, address, left)


async def forget(hs: Homeserver, row: Binding) -> None:
    """Forget a binding that the identity server has taken back, unless a bind of it may still be under way."""
    if is_intent(row) and hs.clock() < row.created_at + LEASE * hs.policy.identity_deadline:
        return  # its lease ends later: the queue asks once more when the bind has had its time
    if await hs.bindings.forget(row) and row.threepid is not None:
        hs.emit(ThreepidUnbound(row.user_id, row.threepid, row.id_server))


async def ask_later(hs: Homeserver, row: Binding) -> None:
    """Put a binding back into the queue after a longer pause, or give it up when it is too old."""
    jitter = hs.random_bytes(1)[0] / 255  # spreads the calls of many users to a server that comes back
    later = row.again(hs.clock(), hs.policy.retrying, jitter)
    if await hs.bindings.replace(later) and later.due_at is None and row.threepid is not None:
        hs.emit(UnbindGivenUp(row.user_id, row.threepid, row.id_server))
