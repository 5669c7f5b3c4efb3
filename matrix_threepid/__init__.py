"""Third-party identifiers for Matrix homeservers: prove, add, bind, unbind, delete.

These are the names that nearly every host needs; each is loaded when it is first used. The packages ``endpoints``,
``errors``, ``events``, ``hosts``, ``identity``, ``policy``, ``ports``, ``senders``, ``settings``, ``stores`` and
``testing`` have the others. What no package lists in its ``__all__`` may change without notice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._lazy import lazily
from ._version import __version__ as __version__

if TYPE_CHECKING:
    from .administration.desk import Administration as Administration
    from .deactivate import deactivate_threepids as deactivate_threepids
    from .deactivate import erase_threepids as erase_threepids
    from .deactivate import stop_undo as stop_undo
    from .flows.binding_access import bindings_of as bindings_of
    from .flows.login import check_identifier as check_identifier
    from .flows.login import login_key as login_key
    from .flows.login import names_threepid as names_threepid
    from .flows.login import user_of_login as user_of_login
    from .flows.published import still_published as still_published
    from .flows.room_invite import invite_by_threepid as invite_by_threepid
    from .flows.room_invite import invite_prepared as invite_prepared
    from .flows.room_invite import prepare_invites as prepare_invites
    from .flows.room_member import check_member as check_member
    from .flows.unbind_retry import retry_unbinds as retry_unbinds
    from .housekeeping import Job as Job
    from .limits.rate import charge_call_out as charge_call_out
    from .limits.sms import sms_left as sms_left
    from .model.email import canonical_email as canonical_email
    from .model.keys import Peppers as Peppers
    from .model.lifetimes import Lifetimes as Lifetimes
    from .model.limit import Limit as Limit
    from .model.msisdn import canonical_msisdn as canonical_msisdn
    from .model.threepid import AccountThreepid as AccountThreepid
    from .model.threepid import AddOutcome as AddOutcome
    from .model.threepid import Medium as Medium
    from .model.threepid import Owner as Owner
    from .model.threepid import Purpose as Purpose
    from .model.threepid import Threepid as Threepid
    from .offload import Offload as Offload
    from .offload import run_sync as run_sync
    from .policy import Limits as Limits
    from .policy import Policy as Policy
    from .ports import Caller as Caller
    from .protocol.errors import ConfigurationError as ConfigurationError
    from .protocol.errors import MatrixError as MatrixError
    from .protocol.wire import Request as Request
    from .protocol.wire import Response as Response
    from .roles.homeserver import Homeserver as Homeserver
    from .roles.identity_server import Delegate as Delegate
    from .roles.identity_server import IdentityServer as IdentityServer
    from .service import Service as Service
    from .texts.catalogue import Texts as Texts
    from .texts.pages import BuiltInPages as BuiltInPages
    from .threads import Threads as Threads
    from .threads import inline as inline
    from .uia import Proof as Proof
    from .uia import Stages as Stages
    from .versions import capabilities as capabilities
    from .versions import unstable_features as unstable_features

_HOMES = {
    ".administration.desk": ("Administration",),
    ".deactivate": ("deactivate_threepids", "erase_threepids", "stop_undo"),
    ".flows.binding_access": ("bindings_of",),
    ".flows.published": ("still_published",),
    ".flows.room_invite": ("invite_by_threepid", "invite_prepared", "prepare_invites"),
    ".flows.room_member": ("check_member",),
    ".flows.unbind_retry": ("retry_unbinds",),
    ".housekeeping": ("Job",),
    ".limits.sms": ("sms_left",),
    ".limits.rate": ("charge_call_out",),
    ".flows.login": ("check_identifier", "login_key", "names_threepid", "user_of_login"),
    ".model.keys": ("Peppers",),
    ".model.lifetimes": ("Lifetimes",),
    ".model.email": ("canonical_email",),
    ".model.msisdn": ("canonical_msisdn",),
    ".model.threepid": ("AccountThreepid", "AddOutcome", "Medium", "Owner", "Purpose", "Threepid"),
    ".model.limit": ("Limit",),
    ".offload": ("Offload", "run_sync"),
    ".policy": ("Limits", "Policy"),
    ".ports": ("Caller",),
    ".protocol.errors": ("ConfigurationError", "MatrixError"),
    ".protocol.wire": ("Request", "Response"),
    ".roles.homeserver": ("Homeserver",),
    ".roles.identity_server": ("Delegate", "IdentityServer"),
    ".service": ("Service",),
    ".texts.catalogue": ("Texts",),
    ".texts.pages": ("BuiltInPages",),
    ".threads": ("Threads", "inline"),
    ".uia": ("Proof", "Stages"),
    ".versions": ("capabilities", "unstable_features"),
}
__getattr__, __dir__, __all__ = lazily(__name__, _HOMES, "__version__")
