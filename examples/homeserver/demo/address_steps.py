"""The steps of an address: proved, added, good for a new password and for logging in, deleted."""

from __future__ import annotations

from .scene import ADDRESS, Story, expect, opened, pressed


def register(story: Story) -> str:
    story.alice.register("alice")
    return f"The first answer names the stages to complete, the second is the account: {story.alice.user_id}."


def request_token(story: Story) -> str:
    story.session = story.alice.ask("add", ADDRESS)
    return f"The server opens session {story.session.sid} and hands a mail to the mail server before it answers."


def receive(story: Story) -> str:
    story.mail = story.mailbox.next(ADDRESS)
    return f"To {story.mail.recipient}: «{story.mail.subject}», with the link {story.mail.link[:60]}…"


def open_link(story: Story) -> str:
    story.page = opened(story)
    errcode = story.alice.add_in_vain(story.session)
    return (
        f"A page with one button. Opening it proves nothing, scanners open links too: adding still answers {errcode}."
    )


def confirm(story: Story) -> str:
    return f"The button posts the token back. Now the session is validated, and the page says: «{pressed(story)}»."


def add(story: Story) -> str:
    story.alice.add(story.session)
    return "Again two calls: the server asks for the password, so that a stolen access token is not enough."


def list_addresses(story: Story) -> str:
    expect(story.alice.addresses() == [ADDRESS], "the address is not listed")
    return f"On the account now: {ADDRESS}."


def forget(story: Story) -> str:
    story.alice.forget_password()
    story.session = story.alice.ask("password", ADDRESS)
    story.mail = story.mailbox.next(ADDRESS)
    return f"Nobody is logged in. The server writes to the address it knows: «{story.mail.subject}»."


def reset(story: Story) -> str:
    story.page = opened(story)
    pressed(story)
    story.alice.reset_password(story.session)
    return "Link, button, new password: the proved address stands in for the old one (m.login.email.identity)."


def log_in(story: Story) -> str:
    story.alice.log_in_by(ADDRESS)
    return f"{ADDRESS} and the new password are {story.alice.user_id} again."


def delete(story: Story) -> str:
    result = story.alice.remove(ADDRESS)
    expect(ADDRESS not in story.alice.addresses(), "the address is still listed")
    return f"The address is off the account. It is published nowhere any more, so unbinding it says «{result}»."
