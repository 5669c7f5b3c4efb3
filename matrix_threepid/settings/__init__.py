"""Configuration files, for hosts that have one: what an operator may say, checked, and the parts it becomes.

A host declares its own settings with ``setting``, takes the sections from here, and reads its file with ``read_file``.
"""

from .identity import IdentityServerSettings
from .policy import LimitsSettings, PolicySettings
from .reading import Rule, Section, read, read_file, setting
from .rules import COUNTRY, FLAG, HOST_PATTERN, LANGUAGE, TEXT, URL, many, matching
from .secret import stored_peppers
from .sending import GatewaySettings, SmsSettings, SmtpSettings, TwilioSettings

__all__ = [
    "COUNTRY",
    "FLAG",
    "HOST_PATTERN",
    "LANGUAGE",
    "TEXT",
    "URL",
    "GatewaySettings",
    "IdentityServerSettings",
    "LimitsSettings",
    "PolicySettings",
    "Rule",
    "Section",
    "SmsSettings",
    "SmtpSettings",
    "TwilioSettings",
    "many",
    "matching",
    "read",
    "read_file",
    "setting",
    "stored_peppers",
]
