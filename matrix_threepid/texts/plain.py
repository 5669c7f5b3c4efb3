"""Text that others wrote, without what could make it look like something else."""

from __future__ import annotations

import re

# C0 and C1 controls, which end lines; line and paragraph separators and marks that turn the direction of text, which
# make a line look like another; lone surrogates, which cannot be encoded.
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def without_controls(value: str) -> str:
    r"""Return a value with spaces in place of control characters.

    >>> without_controls("a\r\nBcc: b")
    'a  Bcc: b'
    """
    return CONTROLS.sub(" ", value)
