"""Reads the answers of identity servers about invitations. An answer of a wrong shape or size counts as no answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from attrs import frozen

from ..model.identity import (
    AlreadyBound,
    Failed,
    InviteAnswer,
    InviteStored,
    KeyAnswer,
    KeyChecked,
    LookedUp,
    LookUpAnswer,
)
from ..model.lookup import hashed
from ..model.third_party_invite import InviteKey, is_verify_key
from ..model.threepid import Threepid
from ..model.user_id import is_user_id
from ..net.fetch import HttpReply
from ._answers import ODD, Answer, failed, object_of, succeeded

SHA256, PLAIN = "sha256", "none"
# https://spec.matrix.org/latest/identity-service-api/#post_matrixidentityv2store-invite
_TOKEN = re.compile(r"[0-9a-zA-Z.=_-]{1,255}")
HTTPS_URL = re.compile(r"https://[\x21-\x7e]{1,2040}")
_MOST_KEYS = 16
_LONGEST = 255


@frozen
class HashDetails:
    """How a server wants addresses to be hashed.

    * ``pepper``: its public pepper.
    * ``algorithm``: ``sha256``, or ``none`` if it offers nothing else.
    """

    pepper: str
    algorithm: str

    def written(self, threepid: Threepid) -> str:
        """Return an address as a look-up names it."""
        plain = f"{threepid.address} {threepid.medium.value}"
        return hashed(threepid, self.pepper) if self.algorithm == SHA256 else plain


def read_hash_details(answer: Answer) -> HashDetails | Failed:
    """Return how addresses are hashed; ``sha256`` is preferred, since the server then learns no unknown address."""
    if not succeeded(answer):
        return failed(answer)
    body = object_of(answer)
    pepper, algorithms = body.get("lookup_pepper"), body.get("algorithms")
    offered = algorithms if isinstance(algorithms, list) else []
    algorithm = next((each for each in (SHA256, PLAIN) if each in offered), None)
    if not isinstance(pepper, str) or not len(pepper) <= _LONGEST or algorithm is None:
        return ODD
    return HashDetails(pepper, algorithm)


def has_new_pepper(answer: Answer) -> bool:
    """Return whether a look-up was refused because the server has changed its pepper meanwhile."""
    refused = isinstance(answer, HttpReply) and answer.status == 400
    return refused and object_of(answer).get("errcode") == "M_INVALID_PEPPER"


def read_look_up(answer: Answer, written: str) -> LookUpAnswer:
    """Return the user of an address; ``written``: the address as the request named it."""
    if not succeeded(answer):
        return failed(answer)
    mappings = object_of(answer).get("mappings")
    if not isinstance(mappings, dict):
        return ODD
    mxid = mappings.get(written)
    # What comes back is invited to the room, so it has to be a user.
    return LookedUp(mxid) if mxid is None or is_user_id(mxid) else ODD


def read_stored(answer: Answer, address: str) -> InviteAnswer:
    """Return what an identity server keeps of an invitation; ``address``: the one that is invited."""
    if not succeeded(answer):
        body = object_of(answer)
        mxid = body.get("mxid")
        return AlreadyBound(mxid) if body.get("errcode") == "M_THREEPID_IN_USE" and is_user_id(mxid) else failed(answer)
    body = object_of(answer)
    token, shown, keys = body.get("token"), body.get("display_name"), tuple(_keys(body.get("public_keys")))
    listed = body.get("public_keys")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token) or not isinstance(shown, str) or not keys:
        return ODD
    # A key that cannot be used would make the whole invitation one that nobody can accept.
    if not isinstance(listed, list) or len(keys) < len(listed):
        return ODD
    return InviteStored(token, _hidden(shown, address), keys)


def read_validity(answer: Answer) -> KeyAnswer:
    """Return whether a key is valid."""
    if not succeeded(answer):
        return failed(answer)
    valid = object_of(answer).get("valid")
    return KeyChecked(valid) if isinstance(valid, bool) else ODD


def _keys(listed: object) -> Iterator[InviteKey]:
    for each in listed[:_MOST_KEYS] if isinstance(listed, list) else ():
        key, url = (each.get("public_key"), each.get("key_validity_url")) if isinstance(each, dict) else (None, None)
        if isinstance(key, str) and is_verify_key(key) and isinstance(url, str) and HTTPS_URL.fullmatch(url):
            yield InviteKey(key, url)


def _hidden(shown: Any, address: str) -> str:
    """Return a display name that does not disclose the address: everybody in the room reads it."""
    line = " ".join("".join(each if each.isprintable() else " " for each in shown).split())[:_LONGEST]
    local, _, domain = address.casefold().rpartition("@")
    discloses = address.casefold() in line.casefold() or (bool(local) and domain in line.casefold())
    return line if line and not discloses else f"{address[:1]}..."
