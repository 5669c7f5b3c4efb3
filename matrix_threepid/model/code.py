"""Codes as people type and paste them."""

from __future__ import annotations

import re
from unicodedata import category, decimal

# The end of an SMS, with what stands before it: https://wicg.github.io/sms-one-time-codes/#format
_ORIGIN_BOUND = re.compile(r"[\s\S]*@[^\s@#]+\s+[#\uff03]([^\s@]+)(?:\s+@\S+)?\s*")
# Invisible, although Unicode counts them as letters.
_FILLERS = frozenset("\u115f\u1160\u3164\uffa0")


def read_code(typed: str) -> str:
    """Return the code that was meant: its letters and digits, with the digits in ASCII.

    Phones group digits, copy invisible marks along, and paste the ``#`` of the last line of an SMS, or the whole line
    (``@example.org #123456``); keyboards of other scripts have digits of their own. Letters stay, so a text with other
    words in it is a wrong code. Tokens of links are never read so.

    >>> read_code(" #123\u00a0456 "), read_code("\uff11\uff12\uff13\uff14\uff15\uff16"), read_code("@a.example #123456")
    ('123456', '123456', '123456')
    """
    line = _ORIGIN_BOUND.fullmatch(typed)
    kept = (char for char in (line[1] if line else typed) if category(char)[0] in "LN" and char not in _FILLERS)
    return "".join(str(digit) if (digit := decimal(char, None)) is not None else char for char in kept)
