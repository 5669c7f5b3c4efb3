"""Codes as people type and paste them."""

from __future__ import annotations

from unicodedata import category, decimal

_SEPARATORS = frozenset("-\u2010\u2011\u2012\u2013.#")


def read_code(typed: str) -> str:
    """Return the code that was meant: its digits in ASCII, without what surrounds or separates them.

    Phones group digits, copy invisible marks along, and paste the ``#`` of the last line of an SMS; keyboards of other
    scripts have digits of their own. Anything else stays, so it is a wrong code. Tokens of links are never read so.

    >>> read_code(" #123\u00a0456 "), read_code("\uff11\uff12\uff13\uff14\uff15\uff16")
    ('123456', '123456')
    """
    kept = (char for char in typed if category(char) not in ("Zs", "Cf", "Cc") and char not in _SEPARATORS)
    return "".join(str(digit) if (digit := decimal(char, None)) is not None else char for char in kept)
