"""What the version of a room says about invitations to addresses: one table.

See https://spec.matrix.org/latest/rooms/.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from attrs import evolve, frozen


@frozen(kw_only=True)
class RoomRules:
    """The rules of a room version that concern invitations to addresses.

    * ``strict_numbers``: whether events hold no fractions and no integers beyond 2^53-1, so that a proof with one is
      refused; ``True`` from version 6 on.
    * ``text_levels``: whether power levels may be texts of integers; ``False`` from version 10 on.
    * ``keeps_signed``: whether a redacted ``m.room.member`` keeps ``third_party_invite.signed``; ``True`` from version
      11 on.
    * ``creators_above``: whether creators of the room are above every power level; ``True`` from version 12 on.
    """

    strict_numbers: bool = False
    text_levels: bool = True
    keeps_signed: bool = False
    creators_above: bool = False


_FIRST = RoomRules()
_SIXTH = evolve(_FIRST, strict_numbers=True)
_TENTH = evolve(_SIXTH, text_levels=False)
_ELEVENTH = evolve(_TENTH, keeps_signed=True)
_TWELFTH = evolve(_ELEVENTH, creators_above=True)

ROOM_RULES: Mapping[str, RoomRules] = MappingProxyType(
    {
        **dict.fromkeys(("1", "2", "3", "4", "5"), _FIRST),
        **dict.fromkeys(("6", "7", "8", "9"), _SIXTH),
        "10": _TENTH,
        "11": _ELEVENTH,
        "12": _TWELFTH,
    }
)
"""The ``RoomRules`` by room version. A host gives versions of its own the rules of the version they were made of."""
