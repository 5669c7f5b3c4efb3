"""The endpoints of each role, and what a host needs to declare endpoints of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import lazily

if TYPE_CHECKING:
    from ..accounts import ACCOUNTS as ACCOUNTS
    from ..administration.table import administration_table as administration_table
    from ..callbacks.mailgun import mailgun_callbacks as mailgun_callbacks
    from ..callbacks.postmark import postmark_callbacks as postmark_callbacks
    from ..callbacks.provider import CallbackProvider as CallbackProvider
    from ..callbacks.provider import Proof as Proof
    from ..callbacks.provider import Received as Received
    from ..callbacks.report import METADATA as METADATA
    from ..callbacks.report import Report as Report
    from ..callbacks.sendgrid import sendgrid_callbacks as sendgrid_callbacks
    from ..callbacks.ses import ses_callbacks as ses_callbacks
    from ..callbacks.twilio import twilio_callbacks as twilio_callbacks
    from ..model.call import Call as Call
    from ..protocol.endpoint import Access as Access
    from ..protocol.endpoint import Charged as Charged
    from ..protocol.endpoint import Endpoint as Endpoint
    from ..protocol.endpoint import Table as Table
    from ..protocol.endpoint import endpoint as endpoint
    from ..protocol.history import RELEASES as RELEASES
    from ..protocol.history import FederationHistory as FederationHistory
    from ..protocol.history import History as History
    from ..protocol.history import IdentityHistory as IdentityHistory
    from ..protocol.members import flag as flag
    from ..protocol.members import free_object as free_object
    from ..protocol.members import ignored as ignored
    from ..protocol.members import integer as integer
    from ..protocol.members import one_of as one_of
    from ..protocol.members import opaque as opaque
    from ..protocol.members import text as text
    from ..protocol.members import token as token
    from ..protocol.members import typed as typed
    from ..protocol.message import read as read
    from ..protocol.wire import json_response as json_response
    from ..protocol.wire import read_object as read_object
    from ..texts.pages import page_response as page_response
    from .callbacks import callback_table as callback_table
    from .tables import DELEGATE as DELEGATE
    from .tables import FEDERATION as FEDERATION
    from .tables import HOMESERVER as HOMESERVER
    from .tables import IDENTITY_SERVER as IDENTITY_SERVER

_HOMES = {
    ".tables": ("DELEGATE", "FEDERATION", "HOMESERVER", "IDENTITY_SERVER"),
    "..accounts": ("ACCOUNTS",),
    "..administration.table": ("administration_table",),
    ".callbacks": ("callback_table",),
    "..callbacks.mailgun": ("mailgun_callbacks",),
    "..callbacks.postmark": ("postmark_callbacks",),
    "..callbacks.provider": (
        "CallbackProvider",
        "Proof",
        "Received",
    ),
    "..callbacks.report": (
        "METADATA",
        "Report",
    ),
    "..callbacks.sendgrid": ("sendgrid_callbacks",),
    "..callbacks.ses": ("ses_callbacks",),
    "..callbacks.twilio": ("twilio_callbacks",),
    "..protocol.endpoint": ("Access", "Charged", "Endpoint", "Table", "endpoint"),
    "..protocol.history": ("FederationHistory", "History", "IdentityHistory", "RELEASES"),
    "..protocol.members": (
        "flag",
        "free_object",
        "ignored",
        "integer",
        "one_of",
        "opaque",
        "text",
        "token",
        "typed",
    ),
    "..protocol.message": ("read",),
    "..protocol.wire": ("json_response", "read_object"),
    "..model.call": ("Call",),
    "..texts.pages": ("page_response",),
}
__getattr__, __dir__, __all__ = lazily(__name__, _HOMES)
