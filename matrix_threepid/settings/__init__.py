"""Configuration files, for hosts that have one: what an operator may say, checked, and the parts it becomes.

A host declares its own settings with ``member`` and the rules, takes the sections from here, and reads its file with
``read_file``.
"""

from ..policy import Limits
from ..protocol.members import Nested, documented, member
from ..protocol.rules import COUNTRY, HOST_PATTERN, URL, Flag, Free, Integer, ListOf, Number, OneOf, Rule, Text
from .answers import AnswerSettings
from .delivery import DeliverySettings
from .documents import read_document
from .identity import IdentityServerSettings
from .policy import PolicySettings
from .reading import read, read_file
from .rules import LANGUAGE, TEXT
from .secret import stored_peppers
from .sending import GatewaySettings, SmsSettings, TwilioSettings
from .smtp import SmtpSettings

__all__ = [
    "COUNTRY",
    "HOST_PATTERN",
    "LANGUAGE",
    "TEXT",
    "URL",
    "AnswerSettings",
    "DeliverySettings",
    "Flag",
    "Free",
    "GatewaySettings",
    "IdentityServerSettings",
    "Integer",
    "Limits",
    "ListOf",
    "Nested",
    "Number",
    "OneOf",
    "PolicySettings",
    "Rule",
    "SmsSettings",
    "SmtpSettings",
    "Text",
    "TwilioSettings",
    "documented",
    "member",
    "read",
    "read_document",
    "read_file",
    "stored_peppers",
]
