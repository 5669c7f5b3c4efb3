"""Phone numbers as phones, address books and links write them."""

from __future__ import annotations

import re
from unicodedata import category, decimal
from urllib.parse import unquote

# What stands before a number in links (https://www.rfc-editor.org/rfc/rfc3966, https://www.rfc-editor.org/rfc/rfc5724)
# and in contacts (https://www.rfc-editor.org/rfc/rfc6350#section-6.4.1), where both may follow one another.
_BEFORE = re.compile(r"(?i)(?:(?:[a-z0-9-]+\.)?tel(?:;[^:]*)?:\s*)?(?:(?:tel|sms|smsto|callto):)?(?:(?<=:)//)?")
_CONTEXT = re.compile(r"(?i)phone-context=(\+[0-9 .()-]+)")
# Parameters that name something else than the telephone itself.
_PART = re.compile(r"(?i)(?:ext|isub)=")
_WRITTEN = {
    **dict.fromkeys("\uff0b\ufe62", "+"),
    **dict.fromkeys("\u2212\u2043\u30fc", "-"),
    **dict.fromkeys("\uff08\u2768", "("),
    **dict.fromkeys("\uff09\u2769", ")"),
    **dict.fromkeys("\u00b7\u2022\u2219\u22c5\u30fb\uff0e\u2024", "."),
    "\uff0f": "/",
}
"""What stands for a plus sign or a separator; all dashes and blanks are told by their category."""


def as_written(typed: str) -> str:
    """Return a number without what phones and address books put around it when it is copied.

    * Invisible marks, such as those of the direction of text, are dropped; blanks and dashes of any width, full-width
      signs and digits of other scripts become those of ASCII.
    * ``tel:`` and ``sms:`` of links are dropped with their parameters. A local number gets the country code of its
      ``phone-context``. An extension stays, since a number with one is not the telephone of a person.
    * A line of a vCard (``TEL;TYPE=CELL:``) is read as the number in it.

    What is left may be no number.

    >>> as_written("\u202atel:+44\u202f7700\u00a0900001\u202c"), as_written("TEL;TYPE=CELL:07700 900001")
    ('+44 7700 900001', '07700 900001')
    """
    seen = "".join(map(_in_ascii, typed)).strip()
    number = _BEFORE.sub("", seen, count=1)
    return number if number == seen else _without_parameters(unquote(number))


def _in_ascii(char: str) -> str:
    kind = category(char)
    if kind in ("Cf", "Mn", "Me"):
        return ""
    if kind == "Zs":
        return " "
    return "-" if kind == "Pd" else _WRITTEN.get(char) or str(decimal(char, char))


def _without_parameters(written: str) -> str:
    """Return the number of a link without its query and parameters; with them if they name a part of the number."""
    number, *parameters = written.partition("?")[0].split(";")
    if any(map(_PART.match, parameters)):
        return written
    context = next(filter(None, map(_CONTEXT.fullmatch, parameters)), None)
    local = context is not None and not number.lstrip().startswith("+")
    return (f"{context[1]} {number}" if context is not None and local else number).strip()
