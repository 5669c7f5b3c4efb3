"""Log in by address: find the user that the body of a ``/login`` request or an ``m.login.password`` stage names.

Source: `identifier types <https://spec.matrix.org/latest/client-server-api/#identifier-types>`__.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .limits.counting import keys_of
from .model.media import MEDIA
from .model.threepid import Threepid
from .protocol.errors import InvalidParam
from .roles.homeserver import Homeserver

_BY_ADDRESS = "m.id.thirdparty"
_BY_PARTS = {row.login_type: row.login for row in MEDIA.values() if row.login is not None}


def names_threepid(body: Mapping[str, object]) -> bool:
    """Return whether a login body names its user by an address, in any form that ``user_of_login`` reads.

    * ``body``: the JSON object of the login request or of the stage.
    """
    identifier = body.get("identifier", body)
    if not isinstance(identifier, dict):
        return False
    kind = identifier.get("type") if identifier is not body else None
    return kind == _BY_ADDRESS or kind in _BY_PARTS or (kind is None and "medium" in identifier)


async def user_of_login(hs: Homeserver, body: Mapping[str, object]) -> str | None:
    """Return the user whom a login body names by an address; ``None`` if no account has it.

    * ``hs``: the homeserver.
    * ``body``: the JSON object. Read are ``m.id.thirdparty`` (with or without ``type``), ``m.id.phone`` (``phone`` or
      ``number``), and ``medium`` with ``address`` outside of ``identifier``, as older clients send them.

    For ``None`` do what you do for a wrong password: hash the password against a dummy, and count the try under
    ``login_key``. An answer that comes sooner, or that no limit ever refuses, tells that no account has the address.
    """
    for threepid in _named(hs, body.get("identifier", body)):
        owner = await hs.accounts.owner(threepid)
        if owner is not None:
            return owner.user_id
    return None


def login_key(hs: Homeserver, body: Mapping[str, object]) -> str:
    """Return the key under which tries to log in by the address of a body are counted; nothing can be read off it."""
    named = _named(hs, body.get("identifier", body))
    current, *_ = keys_of(
        hs, "login", *(part for threepid in named for part in (threepid.medium.value, threepid.address))
    )
    return current


def _named(hs: Homeserver, identifier: Any) -> tuple[Threepid, ...]:
    if not isinstance(identifier, dict):
        return ()
    by_parts = _BY_PARTS.get(str(identifier.get("type")))
    medium, address = identifier.get("medium"), identifier.get("address")
    try:
        if by_parts is not None:
            found = by_parts(identifier)
            return () if found is None else (found,)
        if not isinstance(address, str) or not address.isprintable():  # some databases refuse a NUL
            return ()
        return tuple(row.read(address, hs.policy) for row in MEDIA.values() if row.medium.value == medium)
    except InvalidParam:
        return ()
