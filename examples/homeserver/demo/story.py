"""The story, step by step. A step is a function that does something and says in a sentence or two what happened."""

from __future__ import annotations

import time
from collections.abc import Callable
from textwrap import fill

from attrs import define, field

from .browser import Answer, fetch, press
from .mailbox import Mail, Mailbox
from .person import Failed, Person

ADDRESS = "alice@example.org"


@define
class Story:
    """Who takes part, and what the next step needs of the one before."""

    alice: Person
    mailbox: Mailbox
    sid: str = field(init=False)
    mail: Mail = field(init=False)
    page: Answer = field(init=False)


def tell(alice: Person, mailbox: Mailbox) -> None:
    """Go through all steps and print each. Raises ``Failed``."""
    story, began = Story(alice, mailbox), time.perf_counter()
    for number, (title, step) in enumerate(STEPS, start=1):
        started = time.perf_counter()
        try:
            happened = step(story)
        except Failed as failed:
            raise Failed(f"step {number}, {title}: {failed}") from None
        print(f"{number:3}  {title:<58}{_ms(started):>8} ms")
        print(fill(happened, 76, initial_indent="     ", subsequent_indent="     "), flush=True)
    print(f"\nAll {len(STEPS)} steps went well, in {_ms(began)} ms.")


def _ms(started: float) -> str:
    return f"{(time.perf_counter() - started) * 1000:.0f}"


def _register(story: Story) -> str:
    story.alice.register("alice")
    return f"The first answer names the stages to complete, the second is the account: {story.alice.user_id}."


def _request(story: Story) -> str:
    story.sid = story.alice.ask("add", ADDRESS)
    return f"The server opens session {story.sid} and hands a mail to the mail server before it answers."


def _receive(story: Story) -> str:
    story.mail = story.mailbox.next(ADDRESS)
    return f"To {story.mail.recipient}: «{story.mail.subject}», with the link {story.mail.link[:60]}…"


def _open(story: Story) -> str:
    story.page = _opened(story)
    errcode = story.alice.add_in_vain(story.sid)
    return (
        f"A page with one button. Opening it proves nothing, scanners open links too: adding still answers {errcode}."
    )


def _confirm(story: Story) -> str:
    return f"The button posts the token back. Now the session is validated, and the page says: «{_pressed(story)}»."


def _add(story: Story) -> str:
    story.alice.add(story.sid)
    return "Again two calls: the server asks for the password, so that a stolen access token is not enough."


def _list(story: Story) -> str:
    _expect(story.alice.addresses() == [ADDRESS], "the address is not listed")
    return f"On the account now: {ADDRESS}."


def _forget(story: Story) -> str:
    story.alice.forget_password()
    story.sid = story.alice.ask("password", ADDRESS)
    story.mail = story.mailbox.next(ADDRESS)
    return f"Nobody is logged in. The server writes to the address it knows: «{story.mail.subject}»."


def _reset(story: Story) -> str:
    story.page = _opened(story)
    _pressed(story)
    story.alice.reset_password(story.sid)
    return "Link, button, new password: the proved address stands in for the old one (m.login.email.identity)."


def _log_in(story: Story) -> str:
    story.alice.log_in_by(ADDRESS)
    return f"{ADDRESS} and the new password are {story.alice.user_id} again."


def _delete(story: Story) -> str:
    result = story.alice.remove(ADDRESS)
    _expect(story.alice.addresses() == [], "the address is still listed")
    return f"The address is off the account. It was published nowhere, so unbinding it says «{result}»."


def _deactivate(story: Story) -> str:
    result = story.alice.deactivate()
    story.alice.call("GET", "/account/whoami", expected=401)
    return f"Password once more, then account, sessions and access tokens are gone. Unbinding says «{result}»."


Step = Callable[[Story], str]
STEPS: tuple[tuple[str, Step], ...] = (
    ("Register alice", _register),
    ("Request a token for an address", _request),
    ("The mail arrives", _receive),
    ("Open the link", _open),
    ("Confirm", _confirm),
    ("Add the address, with the password", _add),
    ("List the addresses", _list),
    ("Forget the password", _forget),
    ("Reset it by mail", _reset),
    ("Log in by address", _log_in),
    ("Delete the address", _delete),
    ("Deactivate the account", _deactivate),
)


def _opened(story: Story) -> Answer:
    page = fetch("GET", story.mail.link)
    _expect(page.status == 200, f"the link answered {page.status}")
    return page


def _pressed(story: Story) -> str:
    """Press the button of the open page; return the title of the page that follows."""
    after = press(story.page)
    _expect(after.status == 200, f"the button answered {after.status}")
    return after.title


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Failed(otherwise)
