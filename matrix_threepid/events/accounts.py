"""What happens to the addresses of an account."""

from __future__ import annotations

from attrs import frozen

from ..model.threepid import Threepid
from .happened import Happened


@frozen
class ThreepidAdded(Happened):
    """An identifier was added to an account.

    * ``user_id``: the user of the account.
    * ``threepid``: the identifier.
    """

    user_id: str
    threepid: Threepid


@frozen
class ThreepidRemoved(Happened):
    """An identifier was removed from an account. A host deletes what depends on it, such as e-mail pushers.

    * ``user_id``: the user of the account.
    * ``threepid``: the identifier.
    """

    user_id: str
    threepid: Threepid


@frozen
class ChangesUndone(Happened):
    """The holder of an old address has taken changes of an account back, by the link in a notice.

    * ``user_id``: the user of the account.
    * ``threepid``: the address at which the link was received.
    """

    user_id: str
    threepid: Threepid


@frozen
class RemovalConfirmed(Happened):
    """A removal was confirmed by mail at another old address; the removed one gets no link any more.

    * ``user_id``: the user of the account.
    * ``threepid``: the removed address.
    """

    user_id: str
    threepid: Threepid
