"""Unbind addresses from identity servers, for an unbind, a deletion or a deactivation.

A binding is stored as to be unbound before its server is called, so ``unbind_retry`` finds each one that failed.
See MSC1915, https://github.com/matrix-org/matrix-spec-proposals/pull/1915.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from ..events import ThreepidUnbound, UnbindGivenUp
from ..limits.rate import charge_binding
from ..model.binding import Binding
from ..model.identity import Blocked, Busy, Done, NotSupported, ServerRefused, UnbindAnswer, Unreachable
from ..model.threepid import Threepid
from ..roles.homeserver import Homeserver
from .binding_access import (
    LEASE,
    as_error,
    full,
    intent,
    is_intent,
    resolved,
    rows_of,
    trusted_id_server,
    update_binding,
)


@frozen
class Unbound:
    """The answers of the identity servers that were called.

    * ``answers``: one for each binding, in the order of the calls; empty if no binding was known.
    """

    answers: tuple[UnbindAnswer, ...]

    @property
    def result(self) -> str:
        """``success`` if at least one server was called and all confirmed, else ``no-support`` (REQ-UNBIND-7)."""
        return "success" if self.answers and self.all_done else "no-support"

    @property
    def all_done(self) -> bool:
        """Whether every server confirmed; true if no binding was known."""
        return all(isinstance(answer, Done) for answer in self.answers)

    def raise_refusal(self) -> None:
        """Raise the first refusal of an identity server, as an error for the client; an outage is none."""
        for answer in self.answers:
            if isinstance(answer, ServerRefused) and not answer.outage:
                raise as_error(answer)

    def raise_failure(self) -> None:
        """Raise the first answer that is neither ``Done`` nor ``NotSupported``, as an error for the client."""
        for answer in self.answers:
            if isinstance(answer, ServerRefused | Unreachable | Blocked | Busy):
                raise as_error(answer)


async def unbind_everywhere(
    hs: Homeserver,
    user_id: str,
    candidates: Sequence[Threepid],
    id_server: str | None,
    *,
    charged: bool = False,
) -> Unbound:
    """Unbind an identifier from the server named, or from every server at which it was bound (REQ-UNBIND-1).

    * ``hs``: the homeserver.
    * ``user_id``: the user for whom it was bound.
    * ``candidates``: the forms under which the identifier may be stored, the canonical one first.
    * ``id_server``: the server as the client wrote it; ``None`` for all servers with a remembered binding.
    * ``charged``: whether unbinds of remembered bindings are charged to the user. Others always are.

    Raises ``InvalidParam`` or ``ServerNotTrusted`` for ``id_server``, and ``LimitExceeded``.
    """
    rows = await rows_of(hs, user_id, candidates)
    if id_server is not None:
        server = trusted_id_server(hs, id_server)
        rows = [row for row in rows if row.id_server == server]
        if not rows:
            # A user could have any servers called, and the queue filled, by invented addresses and servers.
            charged = True
            rows = [_unremembered(hs, user_id, candidates[0], server)]
    if rows and charged and hs.identity is not None:
        await charge_binding(hs, user_id)
    return await _unbind_rows(hs, rows, queue_refusals=hs.policy.identity_server_refusal == "queue")


async def unbind_all(hs: Homeserver, user_id: str, id_server: str | None = None) -> Unbound:
    """Unbind all addresses of a user, for a deactivation; refusals are retried later as well (decision 12).

    * ``hs``: the homeserver.
    * ``user_id``: the user.
    * ``id_server``: also unbind the identifiers on the account from this server, since other software may have bound
      them there (REQ-DEACT-4); default ``None``.
    """
    rows = await rows_of(hs, user_id, None)
    if id_server is not None:
        server = trusted_id_server(hs, id_server)
        listed = [each.threepid for each in await hs.accounts.list(user_id)]
        known = {row.id for row in rows}
        rows += [row for threepid in listed if (row := _unremembered(hs, user_id, threepid, server)).id not in known]
    return await _unbind_rows(hs, rows, queue_refusals=True)


async def unbind_queued(hs: Homeserver, user_id: str, threepid: Threepid) -> None:
    """Unbind an address wherever it was bound for a user; what fails or is refused is tried again later."""
    await _unbind_rows(hs, await rows_of(hs, user_id, [threepid]), queue_refusals=True)


def _unremembered(hs: Homeserver, user_id: str, threepid: Threepid, server: str) -> Binding:
    """Return a row for a binding that is not stored; the server is sent the canonical address (REQ-UNBIND-10)."""
    return resolved(intent(hs, user_id, server), threepid, threepid.address)


async def _unbind_rows(hs: Homeserver, rows: Sequence[Binding], *, queue_refusals: bool) -> Unbound:
    if hs.identity is None:
        return Unbound((NotSupported(),) * len(rows))
    # One deadline for all servers: a user with many bindings must not hold the request up for longer (SEC-30).
    until = hs.clock() + hs.policy.identity_deadline
    answers = [await _unbind_row(hs, row, until, queue_refusals=queue_refusals) for row in rows]
    if queue_refusals:
        # The refusal is retried from the queue, so the answer is ``no-support`` in place of the error (decision 11).
        answers = [NotSupported() if isinstance(answer, ServerRefused) else answer for answer in answers]
    return Unbound(tuple(answers))


async def _unbind_row(hs: Homeserver, row: Binding, until: int, *, queue_refusals: bool) -> UnbindAnswer:
    """Unbind one binding; afterwards its row is deleted, as it was before, or in the queue.

    * ``hs``: the homeserver.
    * ``row``: the binding; it need not be stored.
    * ``until``: the time (ms) by which the call must be over.
    * ``queue_refusals``: whether a refusal is retried later; otherwise it leaves the row as it was.
    """
    now = hs.clock()
    remembered = await hs.bindings.get(row.id) is not None
    if not remembered and await full(hs, row.user_id):
        return await ask(hs, row, until)  # once: no server has said that it is bound, and the queue is bounded
    leased = await update_binding(
        hs, row, lambda stored: stored.unwanted(now, now + LEASE * hs.policy.identity_deadline)
    )
    answer = await ask(hs, leased, until)
    # ``NotSupported`` is not retried: a server that lacks the endpoint will lack it in an hour (REQ-UNBIND-8).
    refused = isinstance(answer, ServerRefused) and not answer.outage
    stays = isinstance(answer, NotSupported) or (refused and not queue_refusals)
    if isinstance(answer, Done):
        await forget(hs, leased)
    elif not stays:
        await ask_later(hs, leased)
    elif remembered:
        await update_binding(hs, leased, lambda stored: stored.wanted_again(row))
    else:
        # The row was made for this request and nothing is known to be bound.
        await hs.bindings.forget(leased)
    return answer


async def ask(hs: Homeserver, row: Binding, until: int) -> UnbindAnswer:
    """Send the unbind of a binding to its identity server; return the answer.

    * ``hs``: the homeserver.
    * ``row``: the binding.
    * ``until``: the time (ms) by which the answer must be there; ``Unreachable`` if it has passed.
    """
    if hs.identity is None or row.threepid is None:
        return NotSupported()
    left = until - hs.clock()
    if left <= 0:
        return Unreachable("no time was left", timeout=True)
    # The server may compare addresses literally, so it is sent the spelling that it returned when it bound.
    address = row.spelling or row.threepid.address
    return await hs.identity.unbind(row.id_server, row.user_id, row.threepid.medium, address, left)


async def forget(hs: Homeserver, row: Binding) -> None:
    """Delete a binding after the identity server has confirmed its unbind, and emit ``ThreepidUnbound``."""
    if is_intent(row) and hs.clock() < row.created_at + LEASE * hs.policy.identity_deadline:
        # The bind that this intent announces may still be running and publish the address after the unbind. The row
        # stays until that bind must be over, and the queue then unbinds once more.
        return
    if await hs.bindings.forget(row) and row.threepid is not None:
        hs.emit(ThreepidUnbound(row.user_id, row.threepid, row.id_server))


async def ask_later(hs: Homeserver, row: Binding) -> None:
    """Plan the next unbind after a longer pause, or give up after ``Retrying.give_up`` and emit ``UnbindGivenUp``."""
    jitter = hs.random_bytes(1)[0] / 255  # 0 to 1; spreads the calls to a server that answers again
    later = row.again(hs.clock(), hs.policy.retrying, jitter)
    if await hs.bindings.replace(later) and later.due_at is None and row.threepid is not None:
        hs.emit(UnbindGivenUp(row.user_id, row.threepid, row.id_server))
