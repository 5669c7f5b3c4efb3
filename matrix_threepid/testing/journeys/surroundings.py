"""Parts around the server under test, opened before it starts so that its configuration can name their ports."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import sample
from tempfile import TemporaryDirectory

from attrs import field, frozen

from ..parts import Certificates, EmbeddedIdentityServer, Mailbox, Person, Phone
from ..parts.client import Stage


def _numbers() -> Iterator[int]:
    return iter(sample(range(1000), 1000))


@frozen(kw_only=True)
class Surroundings:
    """The server at ``base_url`` and its parts; ``None`` for a part that is not offered.

    * ``keys_url``: where the server's key is published, if not below ``base_url``.
    * ``sign_up``: the stage that registers without an address.
    * ``mail_domain``: the domain of all mail addresses.
    """

    base_url: str
    mail: Mailbox | None = None
    sms: Phone | None = None
    identity: EmbeddedIdentityServer | None = None
    keys_url: str | None = None
    sign_up: Stage = field(factory=lambda: {"type": "m.login.dummy"}, repr=False)
    mail_domain: str = "example.org"
    numbers: Iterator[int] = field(init=False, factory=_numbers, repr=False)

    def __attrs_post_init__(self) -> None:
        if self.identity is not None:
            self.identity.find_keys_at(self.keys_url or self.base_url)

    @property
    def offered(self) -> frozenset[str]:
        """The needs of journeys that these parts meet."""
        return frozenset(name for name in ("mail", "sms", "identity") if getattr(self, name) is not None)

    def person(self) -> Person:
        """Return a person without an account."""
        return Person(self.base_url, self.sign_up)


@frozen(kw_only=True)
class Parts:
    """The open parts.

    * ``mail.port``: the mail server (SMTP).
    * ``sms.url``: the stand-in for Twilio.
    * ``identity.name``: the identity server, over TLS.
    * ``authority``: a file with the certificate of the authority that signed the identity server's.
    """

    mail: Mailbox | None = None
    sms: Phone | None = None
    identity: EmbeddedIdentityServer | None = None
    authority: Path | None = None

    def around(self, base_url: str, **more: object) -> Surroundings:
        """Return the surroundings of the server at ``base_url``; ``more``: further fields of ``Surroundings``."""
        given = {"mail": self.mail, "sms": self.sms, "identity": self.identity, **more}
        return Surroundings(base_url=base_url, **given)  # type: ignore[arg-type]


@contextmanager
def open_surroundings(
    mail: str | None = "127.0.0.1:0",
    sms: str | None = "127.0.0.1:0",
    identity: str | None = "localhost:0",
    authority: Path | None = None,
) -> Iterator[Parts]:
    """Open parts within the block, each at HOST:PORT; port 0 uses a free one, ``None`` leaves a part out.

    * ``authority``: the file of the authority's certificate, with its key beside it; both are made if missing.

    Raises ``OSError`` for a port that is in use.
    """
    with ExitStack() as stack:
        mailbox, phone = mail and Mailbox(), sms and Phone()
        for inbox, place in ((mailbox, mail), (phone, sms)):
            if inbox and place:
                host, port = _split(place)
                stack.enter_context(inbox.receiving(port, host))
        found = _identity(stack, identity, authority) if identity else {}
        yield Parts(mail=mailbox or None, sms=phone or None, **found)  # type: ignore[arg-type]


def _identity(stack: ExitStack, place: str, authority: Path | None) -> dict[str, object]:
    host, port = _split(place)
    file = authority or Path(stack.enter_context(TemporaryDirectory(prefix="journeys-")), "authority.pem")
    server = EmbeddedIdentityServer(Certificates.at(file, host).context)
    stack.enter_context(server.serving(host, port))
    return {"identity": server, "authority": file}


def _split(place: str) -> tuple[str, int]:
    host, _, port = place.rpartition(":")
    return host, int(port)
