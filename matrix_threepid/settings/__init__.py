"""Configuration files, for hosts that have one: what an operator may say, checked, and the parts it becomes.

A host declares its own settings with ``setting``, takes the sections from here, and reads its file with ``read_file``.
"""

from .identity import IdentityServerSettings
from .policy import LimitsSettings, PolicySettings
from .reading import Rule, Section, read, read_file, setting
from .sending import GatewaySettings, SmsSettings, SmtpSettings, TwilioSettings

__all__ = [
    "GatewaySettings",
    "IdentityServerSettings",
    "LimitsSettings",
    "PolicySettings",
    "Rule",
    "Section",
    "SmsSettings",
    "SmtpSettings",
    "TwilioSettings",
    "read",
    "read_file",
    "setting",
]
