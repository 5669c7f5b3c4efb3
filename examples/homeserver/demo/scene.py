"""What the steps of the story share: who takes part, and how pages are opened and pressed."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field

from matrix_threepid.testing import Answer, Failed, Mailbox, Message, PersonSession, Phone, fetch, press

from .directory import Directory
from .person import Person
from .town import Building, Town

ADDRESS = "alice@example.org"


@define
class Story:
    """Who takes part, and what the next step needs of the one before."""

    alice: Person
    mailbox: Mailbox
    phone: Phone
    first: Directory
    second: Directory
    dying: Building
    session: PersonSession = field(init=False)
    mail: Message = field(init=False)
    page: Answer = field(init=False)

    @classmethod
    def of(cls, town: Town, mailbox: Mailbox, phone: Phone) -> Story:
        """Return the story of alice in a town."""
        alice = Person(town.homeserver.url)
        first, second = (Directory(alice, place.name, place.url) for place in (town.first, town.second))
        return cls(alice, mailbox, phone, first, second, town.second)


Step = Callable[[Story], str]
"""Does something, and returns a sentence or two on what happened."""


def opened(story: Story) -> Answer:
    """Open the link of the last mail."""
    page = fetch("GET", story.mail.link)
    expect(page.status == 200, f"the link answered {page.status}")
    return page


def pressed(story: Story) -> str:
    """Press the button of the open page; return the title of the page that follows."""
    after = press(story.page)
    expect(after.status == 200, f"the button answered {after.status}")
    return after.title


def expect(holds: bool, otherwise: str) -> None:
    """Raise ``Failed`` unless it holds."""
    if not holds:
        raise Failed(otherwise)
