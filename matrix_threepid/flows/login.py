"""Log in by address: find the user that the body of a ``/login`` request or an ``m.login.password`` stage names.

Source: `identifier types <https://spec.matrix.org/latest/client-server-api/#identifier-types>`__.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from ..limits.counting import keys_of
from ..model.media import MEDIA
from ..model.threepid import Threepid
from ..policy import Policy
from ..ports import Accounts
from ..protocol.errors import Forbidden, InvalidParam
from ..roles.homeserver import Homeserver

_BY_USER, _BY_ADDRESS = "m.id.user", "m.id.thirdparty"
_BY_PARTS = {row.login_type: row.login for row in MEDIA.values() if row.login is not None}


class KnowsAccounts(Protocol):
    """The part of a ``Homeserver`` that says whom an identifier names."""

    @property
    def server_name(self) -> str:
        """The name of the server."""

    @property
    def accounts(self) -> Accounts:
        """The accounts."""

    @property
    def policy(self) -> Policy:
        """The choices of the host."""


def names_threepid(body: Mapping[str, object]) -> bool:
    """Return whether a login body names its user by an address, in any form that ``user_of_login`` reads.

    * ``body``: the JSON object of the login request or of the stage.
    """
    identifier = body.get("identifier", body)
    if not isinstance(identifier, dict):
        return False
    kind = identifier.get("type") if identifier is not body else None
    return kind == _BY_ADDRESS or kind in _BY_PARTS or (kind is None and "medium" in identifier)


async def user_of_login(hs: KnowsAccounts, body: Mapping[str, object]) -> str | None:
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


async def check_identifier(hs: KnowsAccounts, auth: Mapping[str, Any], user_id: str) -> None:
    """Check that the ``auth`` of a stage ``m.login.password`` names the user who has to authenticate, if it names one.

    * ``hs``: the homeserver, or anything that has its ``server_name``, ``accounts`` and ``policy``.
    * ``auth``: the ``auth`` object of the request. Read are ``identifier``, in the forms of ``user_of_login`` and as
      ``m.id.user``, and the member ``user`` of older clients.
    * ``user_id``: the user who has to authenticate.

    Raises ``InvalidParam`` for an identifier that is no object or of an unknown type, and ``Forbidden`` for one that
    names another user, or none. Source:
    `password-based <https://spec.matrix.org/latest/client-server-api/#password-based>`__.
    """
    if "identifier" in auth:
        identifier = auth["identifier"]
    elif "user" in auth:
        identifier = {"type": _BY_USER, "user": auth["user"]}
    elif "medium" in auth:
        identifier = {"type": _BY_ADDRESS, "medium": auth["medium"], "address": auth.get("address")}
    else:
        return
    if not isinstance(identifier, dict):
        raise InvalidParam("auth.identifier: must be an object")
    kind = identifier.get("type")
    if kind == _BY_USER:
        user = identifier.get("user")
        if not isinstance(user, str):
            raise InvalidParam("auth.identifier.user: must be a string")
        named: str | None = user if user.startswith("@") else f"@{user}:{hs.server_name}"
    elif kind == _BY_ADDRESS or kind in _BY_PARTS or (kind is None and "medium" in identifier):
        named = await user_of_login(hs, {"identifier": identifier})
    else:
        raise InvalidParam("auth.identifier.type: must be one of the specification")
    if named != user_id:
        raise Forbidden("auth.identifier: does not name the user of this request")


def login_key(hs: Homeserver, body: Mapping[str, object]) -> str:
    """Return the key under which tries to log in by the address of a body are counted; nothing can be read off it."""
    named = _named(hs, body.get("identifier", body))
    current, *_ = keys_of(
        hs, "login", *(part for threepid in named for part in (threepid.medium.value, threepid.address))
    )
    return current


def _named(hs: KnowsAccounts, identifier: Any) -> tuple[Threepid, ...]:
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
