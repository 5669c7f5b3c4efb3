"""Log in by address: find the user behind the identifier of a ``/login`` or ``m.login.password`` body."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .model.email import canonical_email
from .model.msisdn import bare_number, canonical_msisdn
from .model.threepid import Medium, Threepid
from .protocol.errors import Forbidden, InvalidParam
from .roles.homeserver import Homeserver


def names_threepid(body: Mapping[str, Any]) -> bool:
    """Return whether a login body names its user by an address, in any spelling clients have used."""
    identifier = body.get("identifier", body)
    if not isinstance(identifier, dict):
        return False
    kind = identifier.get("type") if identifier is not body else None
    return kind in ("m.id.thirdparty", "m.id.phone") or (kind is None and "medium" in identifier)


async def user_of_login(hs: Homeserver, body: Mapping[str, Any]) -> str:
    """Return the user a login body names by an address.

    Reads ``m.id.thirdparty`` (with and without ``type``), ``m.id.phone`` (``phone`` or ``number``), and
    ``medium``/``address`` at the top. Raises ``Forbidden`` for whatever is unknown, as for a wrong password.
    """
    for threepid in _named(hs, body.get("identifier", body)):
        owner = await hs.accounts.owner(threepid)
        if owner is not None:
            return owner.user_id
    raise Forbidden("Invalid username or password")


def _named(hs: Homeserver, identifier: Any) -> tuple[Threepid, ...]:
    if not isinstance(identifier, dict):
        return ()
    try:
        if identifier.get("type") == "m.id.phone":
            return _phone(identifier)
        return _address(hs, identifier.get("medium"), identifier.get("address"))
    except InvalidParam:
        return ()


def _phone(identifier: Mapping[str, Any]) -> tuple[Threepid, ...]:
    country, number = identifier.get("country"), identifier.get("phone", identifier.get("number"))
    if not isinstance(country, str) or not isinstance(number, str):
        return ()
    return (canonical_msisdn(country, number).threepid,)


def _address(hs: Homeserver, medium: object, address: object) -> tuple[Threepid, ...]:
    if not isinstance(address, str) or not address.isprintable():  # some databases refuse a NUL
        return ()
    if medium == Medium.EMAIL.value:
        return (canonical_email(address, intranet_domains=hs.policy.intranet_domains).threepid,)
    return (Threepid(Medium.MSISDN, bare_number(address)),) if medium == Medium.MSISDN.value else ()
