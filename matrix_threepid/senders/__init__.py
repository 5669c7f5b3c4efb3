"""Senders of mails and SMS, their HTTP requests, and the outcomes of a sending."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import lazily

if TYPE_CHECKING:
    from ..model.message import Accepted as Accepted
    from ..model.message import MessageKind as MessageKind
    from ..model.message import Outcome as Outcome
    from ..model.message import RefusedForever as RefusedForever
    from ..model.message import RefusedForNow as RefusedForNow
    from ..model.message import TokenMessage as TokenMessage
    from ..model.message import Unknown as Unknown
    from ..net.direct_https import DirectHttp as DirectHttp
    from ..net.direct_https import request_to as request_to
    from ..net.loopback import is_loopback as is_loopback
    from ..texts.mails import words_for as words_for
    from ._http_outcomes import of_failure as of_failure
    from ._http_outcomes import of_status as of_status
    from ._http_outcomes import wait_of as wait_of
    from ._sms import sms_text as sms_text
    from .console import ConsoleSender as ConsoleSender
    from .fallback import Fallback as Fallback
    from .gateway.answers import AnswerRule as AnswerRule
    from .gateway.mail import HttpMailSender as HttpMailSender
    from .gateway.mail import mailgun as mailgun
    from .gateway.mail import postmark as postmark
    from .gateway.mail import sendgrid as sendgrid
    from .gateway.sender import HttpSender as HttpSender
    from .smtp.sender import SmtpSender as SmtpSender
    from .twilio.sender import TwilioSender as TwilioSender
    from .twilio.verify import TwilioVerifySender as TwilioVerifySender

_HOMES = {
    ".console": ("ConsoleSender",),
    ".fallback": ("Fallback",),
    ".gateway.answers": ("AnswerRule",),
    ".gateway.mail": ("HttpMailSender", "mailgun", "postmark", "sendgrid"),
    ".gateway.sender": ("HttpSender",),
    "._sms": ("sms_text",),
    ".smtp.sender": ("SmtpSender",),
    ".twilio.sender": ("TwilioSender",),
    ".twilio.verify": ("TwilioVerifySender",),
    "._http_outcomes": ("of_failure", "of_status", "wait_of"),
    "..net.direct_https": ("DirectHttp", "request_to"),
    "..model.message": (
        "Accepted",
        "MessageKind",
        "Outcome",
        "RefusedForNow",
        "RefusedForever",
        "TokenMessage",
        "Unknown",
    ),
    "..net.loopback": ("is_loopback",),
    "..texts.mails": ("words_for",),
}
__getattr__, __dir__, __all__ = lazily(__name__, _HOMES)
