"""Invitations of addresses to rooms: the event, the proof of who has the address, and what makes that proof valid.

Pure values and rules. See https://spec.matrix.org/latest/client-server-api/#third-party-invites and
https://spec.matrix.org/latest/server-server-api/#third-party-invites.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error
from collections.abc import Collection, Iterable, Iterator, Mapping
from enum import Enum
from itertools import islice, product
from typing import Any

from attrs import field, frozen
from canonicaljson import encode_canonical_json

from ..protocol.errors import ConfigurationError
from ..protocol.members import redacted
from .canonical_json import canonical, whole_numbers
from .keys import same
from .room_rules import RoomRules

INVITE_EVENT = "m.room.third_party_invite"
MEMBER_EVENT = "m.room.member"
MOST_CHECKS = 1024
"""The pairs of key and signature that are compared at most; an event can hold several hundred of each."""
_LEVEL = re.compile(r"\s*[+-]?[0-9]{1,20}\s*")
_KEY_BYTES, _SIGNATURE_BYTES = 32, 64


def raw_base64(text: str) -> bytes | None:
    """Return the bytes of base64 in the standard or the URL-safe alphabet, padded or not; ``None`` for other text.

    See https://spec.matrix.org/latest/appendices/#unpadded-base64.

    >>> raw_base64("-_8") == raw_base64("+/8=")
    True
    """
    plain = text.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (Error, ValueError):
        return None


@frozen
class InviteKey:
    """A key with which the proof for an invitation may be signed.

    * ``public_key``: the verify key in base64 of either alphabet.
    * ``key_validity_url``: where to ask whether the key was revoked; ``None`` (default): it is valid for ever.
    """

    public_key: str
    key_validity_url: str | None = None

    def members(self) -> dict[str, str]:
        """Return the key as an entry of ``public_keys``."""
        url = {} if self.key_validity_url is None else {"key_validity_url": self.key_validity_url}
        return {"public_key": self.public_key, **url}


@frozen
class ThirdPartyInvite:
    """An invitation of an address to a room, as the event ``m.room.third_party_invite`` says it.

    * ``room_id``: the room.
    * ``sender``: the user who invites.
    * ``token``: the state key of the event, which the proof names; its representation is redacted.
    * ``display_name``: what is shown for the address, without disclosing it.
    * ``keys``: the keys that may sign the proof. An invitation without any was revoked.

    See https://spec.matrix.org/latest/client-server-api/#mroomthird_party_invite.
    """

    room_id: str
    sender: str
    token: str = field(repr=redacted)
    display_name: str
    keys: tuple[InviteKey, ...]

    @property
    def content(self) -> dict[str, Any]:
        """The content of the event; empty for an invitation that was revoked."""
        if not self.keys:
            return {}
        # The first key stands twice: servers before ``public_keys`` read it from the members beside the list.
        first, keys = self.keys[0].members(), [key.members() for key in self.keys]
        return {"display_name": self.display_name, **first, "public_keys": keys}

    def event(self) -> dict[str, Any]:
        """Return type, room, sender, state key and content, for the host to send."""
        return {
            "type": INVITE_EVENT,
            "room_id": self.room_id,
            "sender": self.sender,
            "state_key": self.token,
            "content": self.content,
        }

    def revoked(self, by: str) -> ThirdPartyInvite:
        """Return the event that revokes this one: the same state key without content.

        * ``by``: the user who revokes it.
        """
        return ThirdPartyInvite(self.room_id, by, self.token, self.display_name, ())


def read_third_party_invite(event: Mapping[str, Any]) -> ThirdPartyInvite | None:
    """Return the invitation that an event of a room's state says; ``None`` for an event of another form.

    * ``event``: with ``type``, ``room_id``, ``sender``, ``state_key`` and ``content``. Keys that are none are left out,
      as other servers do.
    """
    content = event.get("content")
    room_id, sender, token = (event.get(name) for name in ("room_id", "sender", "state_key"))
    if event.get("type") != INVITE_EVENT or not isinstance(content, Mapping):
        return None
    if not (isinstance(room_id, str) and isinstance(sender, str) and isinstance(token, str) and token):
        return None
    shown = content.get("display_name")
    keys = tuple(dict.fromkeys(_keys(content)))
    return ThirdPartyInvite(room_id, sender, token, shown if isinstance(shown, str) else "", keys)


def _keys(content: Mapping[str, Any]) -> Iterator[InviteKey]:
    listed = content.get("public_keys")
    for each in (*(listed if isinstance(listed, list) else ()), content):
        key, url = (each.get("public_key"), each.get("key_validity_url")) if isinstance(each, Mapping) else (None, None)
        # A URL that is no text is no reason to believe that the key is valid for ever.
        if isinstance(key, str) and _raw_key(key) is not None and isinstance(url, str | None):
            yield InviteKey(key, url)


class ProofRefusal(Enum):
    """Why a proof does not make its user a member of the room; the value is the reason in words."""

    FORM = "The event is not an invitation with a signed proof"
    OTHER_USER = "The proof is for another user"
    NO_INVITATION = "The room has no such invitation, or it was revoked"
    OTHER_ROOM = "The invitation is to another room"
    OTHER_SENDER = "The invitation was sent by another user"
    BANNED = "The user is banned from the room"
    SIGNATURE = "The proof is not signed with a key of the invitation"
    REVOKED_KEY = "The key that signed the proof is no longer valid"
    USED = "The user has left after an invitation with this proof"


def check_proof(
    member: Mapping[str, Any], invite: Mapping[str, Any] | None, rules: RoomRules, *, membership: str | None = None
) -> InviteKey | ProofRefusal:
    """Return the key that signed the proof of an ``m.room.member`` event, or why the event is refused.

    These are the authorization rules of the specification, which every server in the room applies alike. Whether the
    key was revoked (``key_validity_url``) is asked only by the server that lets the user in.

    * ``member``: the event ``m.room.member`` with ``third_party_invite``, or the partial one of an exchange.
    * ``invite``: the event ``m.room.third_party_invite`` that the state of the room has for its token; ``None`` if
      there is none.
    * ``rules``: those of the room's version, from ``ROOM_RULES``.
    * ``membership``: the present membership of the user, such as ``ban``; ``None`` (default) if there is none.

    See https://spec.matrix.org/latest/rooms/v12/#authorization-rules.
    """
    signed, found = signed_of(member), None if invite is None else read_third_party_invite(invite)
    if signed is None:
        return ProofRefusal.FORM
    if membership == "ban":
        return ProofRefusal.BANNED
    if signed["mxid"] != member.get("state_key"):
        return ProofRefusal.OTHER_USER
    if found is None or not found.keys or not same(found.token, signed["token"]):
        return ProofRefusal.NO_INVITATION
    if (found.room_id, found.sender) != (member.get("room_id"), member.get("sender")):
        return ProofRefusal.OTHER_SENDER if found.room_id == member.get("room_id") else ProofRefusal.OTHER_ROOM
    return signing_key(signed, found.keys, rules) or ProofRefusal.SIGNATURE


def signed_of(member: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the signed proof in an ``m.room.member`` event that invites; ``None`` for an event of another form."""
    content = member.get("content")
    if member.get("type") != MEMBER_EVENT or not isinstance(content, Mapping) or content.get("membership") != "invite":
        return None
    within = content.get("third_party_invite")
    signed = within.get("signed") if isinstance(within, Mapping) else None
    texts = isinstance(signed, Mapping) and all(isinstance(signed.get(name), str) for name in ("mxid", "token"))
    return signed if texts else None


def signing_key(signed: Mapping[str, Any], keys: Iterable[InviteKey], rules: RoomRules) -> InviteKey | None:
    """Return the first key with which an object is signed, by whatever server; ``None`` if there is none.

    * ``signed``: the proof, with ``signatures``.
    * ``keys``: those of the invitation.
    * ``rules``: those of the room's version.

    Raises ``ConfigurationError`` without the extra ``signing``.
    """
    try:
        message = _message(signed, rules)
    # Whatever comes from strangers and has no canonical JSON is not signed.
    except (ValueError, TypeError, RecursionError):
        return None
    signatures = dict.fromkeys(_signatures(signed.get("signatures")))
    # Of a key that stands twice the one with a URL is the last, so that a revocation is asked for.
    ordered = sorted(keys, key=lambda key: key.key_validity_url is not None)
    known = {raw: key for key in ordered if (raw := _raw_key(key.public_key)) is not None}
    for signature, raw in islice(product(signatures, known), MOST_CHECKS):
        if _verifies(raw, message, signature):
            return known[raw]
    return None


def may_invite(
    user_id: str, levels: Mapping[str, Any] | None, rules: RoomRules, creators: Collection[str] = ()
) -> bool:
    """Return whether the power level of a user is enough for sending, and revoking, ``m.room.third_party_invite``.

    * ``user_id``: the user, who must be in the room as well.
    * ``levels``: the content of ``m.room.power_levels``; ``None`` if the room has no such event.
    * ``rules``: those of the room's version, from ``ROOM_RULES``.
    * ``creators``: the creators of the room: the sender of ``m.room.create`` and, from version 12 on,
      ``additional_creators``.

    ``False`` also for levels that are no integers. See
    https://spec.matrix.org/latest/client-server-api/#mroompower_levels.
    """
    if user_id in creators and (rules.creators_above or levels is None):
        return True
    said = {} if levels is None else levels
    users = said.get("users", {})
    own = users.get(user_id, said.get("users_default", 0)) if isinstance(users, Mapping) else None
    has, needs = _level(own, rules), _level(said.get("invite", 0), rules)
    return has is not None and needs is not None and has >= needs


def _level(value: object, rules: RoomRules) -> int | None:
    if isinstance(value, str) and rules.text_levels:
        return int(value) if _LEVEL.fullmatch(value) else None
    return value if type(value) is int else None


def redacted_member(content: Mapping[str, Any], rules: RoomRules) -> dict[str, Any]:
    """Return what a redaction leaves of ``third_party_invite`` in the content of an ``m.room.member`` event.

    * ``content``: the content of the event.
    * ``rules``: those of the room's version: before version 11 nothing stays.
    """
    within = content.get("third_party_invite")
    if not rules.keeps_signed or not isinstance(within, Mapping) or "signed" not in within:
        return {}
    return {"third_party_invite": {"signed": within["signed"]}}


def _message(signed: Mapping[str, Any], rules: RoomRules) -> bytes:
    """Return the bytes that are signed. Raises ``ValueError`` for what has no canonical JSON."""
    plain = {name: whole_numbers(value) for name, value in signed.items() if name not in ("signatures", "unsigned")}
    return canonical(plain) if rules.strict_numbers else encode_canonical_json(plain)


def _signatures(by_server: object) -> Iterator[bytes]:
    for by_key in by_server.values() if isinstance(by_server, Mapping) else ():
        for key_id, signature in by_key.items() if isinstance(by_key, Mapping) else ():
            raw = raw_base64(signature) if isinstance(signature, str) else None
            if raw is not None and len(raw) == _SIGNATURE_BYTES and str(key_id).startswith("ed25519:"):
                yield raw


def is_verify_key(text: str) -> bool:
    """Return whether a text is a key of Ed25519 in base64 of either alphabet."""
    return _raw_key(text) is not None


def _raw_key(text: str) -> bytes | None:
    raw = raw_base64(text)
    return raw if raw is not None and len(raw) == _KEY_BYTES else None


def _verifies(key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        from nacl.exceptions import BadSignatureError
        from nacl.signing import VerifyKey
    except ImportError:
        raise ConfigurationError("signatures need the extra: pip install 'matrix-threepid[signing]'") from None
    try:
        VerifyKey(key).verify(message, signature)
    except BadSignatureError:
        return False
    return True
