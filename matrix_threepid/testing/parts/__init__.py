"""Parts around a server under test, all on loopback: mailboxes, phones, an identity server, and persons."""

from .browser import Answer, Failed, fetch, press
from .certificates import Certificates
from .identity import EmbeddedIdentityServer
from .inbox import Inbox, Message
from .mailbox import Mailbox
from .person import Person, PersonSession
from .phone import Phone

__all__ = [
    "Answer",
    "Certificates",
    "EmbeddedIdentityServer",
    "Failed",
    "Inbox",
    "Mailbox",
    "Message",
    "Person",
    "PersonSession",
    "Phone",
    "fetch",
    "press",
]
