"""The request that is being answered, for the ``Context`` of events and for log lines."""

from __future__ import annotations

from contextvars import ContextVar
from secrets import token_hex

from attrs import define

from ..events import Context
from ..model.call import Call
from ..protocol.wire import Request


@define(eq=False)
class Answering:
    """A request that is being answered.

    * ``request``: the request.
    * ``endpoint``: the name of its endpoint; ``None`` until it is known.
    * ``caller``: the user id of its caller; ``None`` until it is known, and for requests without one.
    """

    request: Request
    endpoint: str | None = None
    caller: str | None = None
    _id: str | None = None

    def context(self, now: int) -> Context:
        """Return the context of an event that happens now."""
        # Made with the first event, since most requests have none.
        if self._id is None:
            self._id = token_hex(8)
        return Context(now, self._id, self.endpoint, Call(self.request).origin, self.caller)


ANSWERING: ContextVar[Answering | None] = ContextVar("matrix_threepid_answering", default=None)
"""The request that the running coroutine answers; ``None`` outside of one."""


def context_now(now: int) -> Context:
    """Return the context of an event that happens now."""
    answering = ANSWERING.get()
    return Context(now) if answering is None else answering.context(now)
