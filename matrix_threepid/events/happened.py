"""What all events have in common."""

from __future__ import annotations

from attrs import field, frozen


@frozen
class Context:
    """Where an event comes from. All but ``at`` is ``None`` outside of a request, such as in a job.

    * ``at``: ms of the wall clock.
    * ``request_id``: a random name of the request, the same for all of its events; it is not sent to the client.
    * ``endpoint``: the name of the endpoint, such as ``request_add_email_token``, which tells medium and purpose.
    * ``client``: the client's network without its last part, such as ``203.0.113.*``; empty if it is unknown.
    * ``caller``: the user id of the caller; ``None`` for a request without a valid access token.
    """

    at: int = 0
    request_id: str | None = None
    endpoint: str | None = None
    client: str | None = None
    caller: str | None = None


@frozen(kw_only=True)
class Happened:
    """What all events have in common.

    * ``context``: when it happened and in which request; set when the event is emitted, and not compared.
    """

    context: Context = field(default=Context(), eq=False, repr=False, kw_only=True)
