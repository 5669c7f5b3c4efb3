"""``Visit``: one run of a journey, with persons, addresses and numbers that were not used before."""

from __future__ import annotations

from secrets import token_hex
from typing import TypeVar

from attrs import define, field

from ..parts import Answer, EmbeddedIdentityServer, Failed, Mailbox, Message, Person, PersonSession, Phone, fetch, press
from ..parts.browser import has_button
from ..parts.client import expect_refusal, expect_status
from .surroundings import Surroundings

AUTH_FAILED, IN_USE = "M_THREEPID_AUTH_FAILED", "M_THREEPID_IN_USE"
COUNTRY = "GB"
T = TypeVar("T")


@define
class Visit:
    """The persons and parts of one run.

    * ``at``: the step that the run has reached.
    """

    around: Surroundings
    at: str = field(init=False, default="begin")

    def step(self, name: str) -> None:
        """Begin a step; a failure names it."""
        self.at = name

    # -- what is around -----------------------------------------------------------------------------

    @property
    def mail(self) -> Mailbox:
        """The mailboxes. Raises ``Failed`` if the journey does not declare that it needs them."""
        return _there(self.around.mail)

    @property
    def sms(self) -> Phone:
        """The phones."""
        return _there(self.around.sms)

    @property
    def identity(self) -> EmbeddedIdentityServer:
        """The identity server."""
        return _there(self.around.identity)

    # -- who and what takes part --------------------------------------------------------------------

    def stranger(self) -> Person:
        """Return a person without an account."""
        return self.around.person()

    def newcomer(self) -> Person:
        """Return somebody with a new account."""
        person = self.stranger()
        person.register(self.name())
        return person

    def resident(self, address: str) -> Person:
        """Return somebody with a new account and this address on it."""
        person = self.newcomer()
        person.add(self.proved(person, address))
        return person

    def name(self) -> str:
        """Return an unused user name."""
        return f"journey-{token_hex(6)}"

    def address(self) -> str:
        """Return an unused mail address."""
        return f"{self.name()}@{self.around.mail_domain}"

    def number(self) -> str:
        """Return a phone number out of those reserved for fiction, as dialled in ``COUNTRY``."""
        return f"07700 900{next(self.around.numbers):03}"

    # -- what people do -----------------------------------------------------------------------------

    def proved(self, person: Person, address: str, purpose: str = "add") -> PersonSession:
        """Request a mail for a person and confirm the address; return the session."""
        session = person.ask(purpose, address)
        self.confirm(session, address)
        return session

    def confirm(self, session: PersonSession, address: str) -> None:
        """Read the next mail to an address and follow it."""
        self.heed(session, self.letter(address) if session.submit_url is None else self.mail.next(address))

    def heed(self, session: PersonSession, message: Message) -> None:
        """Follow the link of a message, or submit its code where the session has a URL for that."""
        if session.submit_url is None:
            self.follow(message.link)
        else:
            expect_status(session.submit(message.code), "the code")

    def letter(self, address: str) -> Message:
        """Return the next mail to an address with a link in it; a notice has none. Raises ``Failed``."""
        while "://" not in (message := self.mail.next(address)).text:
            continue
        return message

    def follow(self, link: str) -> Answer:
        """Open a link and press the button of the page, if it has one; return the last answer, a redirect unchanged."""
        page = fetch("GET", link, follow=False)
        if page.status == 200 and has_button(page):
            page = press(page, follow=False)
        expect(page.status < 400, f"the page behind the link answered {page.told}")
        return page


def refused(person: Person, session: PersonSession, *errcodes: str) -> None:
    """Try to add for a person what the server must refuse, before or after it asks for the password."""
    path = "/account/3pid/add"
    answer = person.interactive(path, session.credentials, person.by_password())
    expect_refusal(answer, f"POST {path}", *errcodes)


def expect(holds: bool, otherwise: str) -> None:
    """Raise ``Failed`` unless a condition holds."""
    if not holds:
        raise Failed(otherwise)


def expect_same(found: object, wanted: object, what: str) -> None:
    """Raise ``Failed`` unless both values are equal. The values must not be secret."""
    expect(found == wanted, f"{what}: {found!r}, not {wanted!r}")


def _there(part: T | None) -> T:
    if part is None:
        raise Failed("the story needs what is not there")
    return part
