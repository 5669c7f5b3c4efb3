"""What an identity server publishes: an address belongs to a Matrix user.

See https://spec.matrix.org/latest/identity-service-api/#establishing-associations.
"""

from __future__ import annotations

from attrs import frozen

from .threepid import Threepid

# The specification requires ``not_after`` and names no duration. An association ends by an unbind and not by time, so
# the date is later than any client will check it.
_YEARS = 100 * 365 * 86_400_000


@frozen
class Association:
    """A published address.

    * ``threepid``: the medium and the canonical address.
    * ``mxid``: the user id, ``@localpart:domain``.
    * ``ts``: the time of the bind, in ms of the wall clock.

    >>> from matrix_threepid import Medium
    >>> Association(Threepid(Medium.EMAIL, "a@example.org"), "@a:example.org", 1_000).unsigned()["not_before"]
    1000
    """

    threepid: Threepid
    mxid: str
    ts: int

    def unsigned(self) -> dict[str, str | int]:
        """Return the JSON object that a bind answers, without ``signatures``.

        See https://spec.matrix.org/latest/identity-service-api/#post_matrixidentityv23pidbind.
        """
        return {
            "medium": self.threepid.medium.value,
            "address": self.threepid.address,
            "mxid": self.mxid,
            "ts": self.ts,
            "not_before": self.ts,
            "not_after": self.ts + _YEARS,
        }
