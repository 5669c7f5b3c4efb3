"""User ids, in the historical grammar: old accounts are users as well.

See https://spec.matrix.org/latest/appendices/#user-identifiers.
"""

from __future__ import annotations

import re
from typing import TypeGuard

USER_ID_PATTERN = r"@[^\x00-\x20\x7f:]{0,254}:[0-9A-Za-z.:\[\]-]{1,254}"
"""The regular expression of a user id."""
_USER_ID = re.compile(USER_ID_PATTERN)
_MOST = 255


def is_user_id(value: object) -> TypeGuard[str]:
    """Return whether a value is a user id.

    >>> is_user_id("@alice:example.org"), is_user_id("alice")
    (True, False)
    """
    return isinstance(value, str) and len(value) <= _MOST and _USER_ID.fullmatch(value) is not None


def server_of(user_id: str) -> str:
    """Return the server name in a user id: everything after its first colon.

    >>> server_of("@alice:example.org:8448")
    'example.org:8448'
    """
    return user_id.partition(":")[2]
