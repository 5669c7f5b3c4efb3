"""The client of identity servers, signatures of homeservers, and HTTPS to hosts that users name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import lazily

if TYPE_CHECKING:
    from ..model.binding import Binding as Binding
    from ..model.id_server import normal_id_server as normal_id_server
    from ..model.identity import AlreadyBound as AlreadyBound
    from ..model.identity import Associated as Associated
    from ..model.identity import Blocked as Blocked
    from ..model.identity import Busy as Busy
    from ..model.identity import Done as Done
    from ..model.identity import InviteStored as InviteStored
    from ..model.identity import KeyChecked as KeyChecked
    from ..model.identity import LookedUp as LookedUp
    from ..model.identity import NotSupported as NotSupported
    from ..model.identity import Proved as Proved
    from ..model.identity import ServerRefused as ServerRefused
    from ..model.identity import Unreachable as Unreachable
    from ..model.login import TermsDocument as TermsDocument
    from ..model.login import Translation as Translation
    from ..model.room_invite import InviteAbout as InviteAbout
    from ..model.room_invite import InvitedUser as InvitedUser
    from ..model.room_invite import InviteRequest as InviteRequest
    from ..model.room_invite import PreparedInvite as PreparedInvite
    from ..model.room_invite import RoomInvitation as RoomInvitation
    from ..model.room_rules import ROOM_RULES as ROOM_RULES
    from ..model.room_rules import RoomRules as RoomRules
    from ..model.third_party_invite import InviteKey as InviteKey
    from ..model.third_party_invite import ProofRefusal as ProofRefusal
    from ..model.third_party_invite import ThirdPartyInvite as ThirdPartyInvite
    from ..model.third_party_invite import check_proof as check_proof
    from ..model.third_party_invite import may_invite as may_invite
    from ..model.third_party_invite import read_third_party_invite as read_third_party_invite
    from ..model.third_party_invite import redacted_member as redacted_member
    from ..net.discovery import Discovery as Discovery
    from ..net.discovery import SrvRecord as SrvRecord
    from ..net.fetch import Failure as Failure
    from ..net.fetch import Fetch as Fetch
    from ..net.fetch import HttpFailure as HttpFailure
    from ..net.fetch import HttpReply as HttpReply
    from ..net.fetch import HttpRequest as HttpRequest
    from ..net.fetch import place as place
    from ..net.mail_domains import DnsMailDomains as DnsMailDomains
    from ..net.safe_https import PinnedHttps as PinnedHttps
    from ..net.server_names import ServerPlace as ServerPlace
    from ._answers import read_association as read_association
    from ._answers import read_proved as read_proved
    from ._answers import read_unbind as read_unbind
    from .breaker import Breaker as Breaker
    from .breaker import BreakerPolicy as BreakerPolicy
    from .client import HttpIdentityClient as HttpIdentityClient
    from .key_lookup import KeyLookup as KeyLookup
    from .onbind import HttpOnbind as HttpOnbind
    from .openid import OpenIdLookup as OpenIdLookup
    from .signed_requests import RequestSigner as RequestSigner
    from .signed_requests import ServerKeys as ServerKeys
    from .signed_requests import XMatrixVerifier as XMatrixVerifier
    from .signing import EphemeralKeys as EphemeralKeys
    from .signing import NamedSigner as NamedSigner
    from .signing import SigningKey as SigningKey
    from .signing import new_signing_key as new_signing_key
    from .signing import read_signing_key as read_signing_key

_HOMES = {
    "._answers": ("read_association", "read_proved", "read_unbind"),
    ".breaker": ("Breaker", "BreakerPolicy"),
    ".client": ("HttpIdentityClient",),
    ".key_lookup": ("KeyLookup",),
    ".onbind": ("HttpOnbind",),
    ".openid": ("OpenIdLookup",),
    ".signed_requests": ("RequestSigner", "ServerKeys", "XMatrixVerifier"),
    ".signing": ("EphemeralKeys", "NamedSigner", "SigningKey", "new_signing_key", "read_signing_key"),
    "..net.discovery": ("Discovery", "SrvRecord"),
    "..net.server_names": ("ServerPlace",),
    "..net.fetch": ("Failure", "Fetch", "HttpFailure", "HttpReply", "HttpRequest", "place"),
    "..net.mail_domains": ("DnsMailDomains",),
    "..net.safe_https": ("PinnedHttps",),
    "..model.id_server": ("normal_id_server",),
    "..model.identity": (
        "AlreadyBound",
        "Associated",
        "Blocked",
        "Busy",
        "Done",
        "InviteStored",
        "KeyChecked",
        "LookedUp",
        "NotSupported",
        "Proved",
        "ServerRefused",
        "Unreachable",
    ),
    "..model.binding": ("Binding",),
    "..model.login": ("TermsDocument", "Translation"),
    "..model.room_invite": ("InviteAbout", "InviteRequest", "InvitedUser", "PreparedInvite", "RoomInvitation"),
    "..model.room_rules": ("ROOM_RULES", "RoomRules"),
    "..model.third_party_invite": (
        "InviteKey",
        "ProofRefusal",
        "ThirdPartyInvite",
        "check_proof",
        "may_invite",
        "read_third_party_invite",
        "redacted_member",
    ),
}
__getattr__, __dir__, __all__ = lazily(__name__, _HOMES)
