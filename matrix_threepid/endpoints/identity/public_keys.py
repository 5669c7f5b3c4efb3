"""The keys that sign associations, and whether a key is one of them.

Homeservers ask for them where a user joins a room by an invitation to an address. See
https://spec.matrix.org/latest/identity-service-api/#key-management.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error

from attrs import frozen

from ...model.call import Call
from ...protocol.endpoint import Endpoint, endpoint, last_step
from ...protocol.errors import InvalidParam, MissingParam, NotFound
from ...protocol.history import IdentityHistory
from ...protocol.members import text
from ...protocol.message import read
from ...roles.identity_server import IdentityServer


@frozen
class PublicKey:
    """A verify key in unpadded base64.

    See https://spec.matrix.org/latest/identity-service-api/#get_matrixidentityv2pubkeykeyid.
    """

    public_key: str


@frozen(kw_only=True)
class KeyToCheck:
    """A verify key that somebody has seen.

    See https://spec.matrix.org/latest/identity-service-api/#get_matrixidentityv2pubkeyisvalid.
    """

    public_key: str = text(255, doc="the key in base64 of either alphabet, padded or not")


@frozen
class Validity:
    """Whether a key is valid.

    See https://spec.matrix.org/latest/identity-service-api/#get_matrixidentityv2pubkeyisvalid.
    """

    valid: bool


async def get_public_key(role: IdentityServer, call: Call, message: None) -> PublicKey:
    """Return the verify key of an id.

    See https://spec.matrix.org/latest/identity-service-api/#get_matrixidentityv2pubkeykeyid.
    """
    found = role.public_keys.get(last_step(call.request.path))
    if found is None:
        raise NotFound("This server has no key of this id")
    return PublicKey(found)


async def is_valid_key(role: IdentityServer, call: Call, message: None) -> Validity:
    """Tell whether a key is one of those that sign associations.

    See https://spec.matrix.org/latest/identity-service-api/#get_matrixidentityv2pubkeyisvalid.
    """
    asked = _raw(read(KeyToCheck, call.request.parameters).public_key)
    return Validity(asked is not None and asked in map(_raw, role.public_keys.values()))


async def is_valid_ephemeral_key(role: IdentityServer, call: Call, message: None) -> Validity:
    """Tell whether a key was made for an invitation of this server.

    See https://spec.matrix.org/latest/identity-service-api/#get_matrixidentityv2pubkeyephemeralisvalid.
    """
    asked = _raw(read(KeyToCheck, call.request.parameters).public_key)
    # Written as it was given out, whatever alphabet the question has.
    return Validity(asked is not None and await role.invitations.has_key(b64encode(asked).decode().rstrip("=")))


def _raw(key: str) -> bytes | None:
    """Return the bytes of a key in base64 of either alphabet, padded or not; ``None`` for another text."""
    # Query strings turn the plus sign of the usual alphabet into a blank.
    plain = key.replace(" ", "+").replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return b64decode(plain + "=" * (-len(plain) % 4), validate=True) or None
    except (Error, ValueError):
        return None


def _off(role: IdentityServer) -> str | None:
    return None if getattr(role, "public_keys", None) else "public_keys has no keys"


def declare(history: IdentityHistory) -> tuple[Endpoint, ...]:
    """Return the endpoints of keys, under one version; they need no access token.

    * ``history``: the version.
    """
    wrong = (MissingParam, InvalidParam)
    return (
        endpoint("GET", "/pubkey/{keyId}", history, reply=PublicKey, offered=_off, errors=(NotFound,))(get_public_key),
        endpoint("GET", "/pubkey/isvalid", history, query=KeyToCheck, reply=Validity, offered=_off, errors=wrong)(
            is_valid_key
        ),
        endpoint("GET", "/pubkey/ephemeral/isvalid", history, query=KeyToCheck, reply=Validity, errors=wrong)(
            is_valid_ephemeral_key
        ),
    )
