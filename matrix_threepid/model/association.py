"""What an identity server publishes: this address belongs to that Matrix user."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from .threepid import Threepid

_YEARS = 100 * 365 * 86_400_000


@frozen
class Association:
    """A published address; ``ts`` in ms."""

    threepid: Threepid
    mxid: str
    ts: int

    def unsigned(self) -> dict[str, Any]:
        """Return the association as the identity API writes it, without signatures."""
        return {
            "medium": self.threepid.medium.value,
            "address": self.threepid.address,
            "mxid": self.mxid,
            "ts": self.ts,
            "not_before": self.ts,
            "not_after": self.ts + _YEARS,
        }
