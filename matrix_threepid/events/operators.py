"""What operators and administrators do."""

from __future__ import annotations

from attrs import frozen

from ..model.threepid import Threepid
from .happened import Happened


@frozen
class Administered(Happened):
    """An administrator is about to do something by hand. Written to the audit before it is done.

    * ``actor``: who, as the host names administrators.
    * ``action``: what: ``send_again``, ``cancel``, ``confirm``, ``lift_limits``, ``lift_suppression``, ``unbind``,
      ``export`` or ``erase``.
    * ``why``: the reason that was given.
    * ``session``: the id of the session; ``None`` (default) for what concerns none.
    * ``threepid``: the address; ``None`` (default) for what concerns none.
    * ``user_id``: the user; ``None`` (default) for what concerns none.
    """

    actor: str
    action: str
    why: str
    session: str | None = None
    threepid: Threepid | None = None
    user_id: str | None = None


@frozen
class Explained(Happened):
    """An operator has looked at what is known of an address, a session or a user. Emitted before the answer.

    * ``actor``: who asked, as given; empty if unknown.
    * ``subject``: ``address``, ``number``, ``session`` or ``user``.
    * ``threepid``: the address; ``None`` (default) for a user.
    * ``user_id``: the user; ``None`` (default) for an address.
    """

    actor: str
    subject: str
    threepid: Threepid | None = None
    user_id: str | None = None
