"""The steps of a phone number: a code by text message, typed in, and a number that logs in."""

from __future__ import annotations

from .scene import ADDRESS, Story, expect

COUNTRY, DIALLED, NUMBER = "GB", "07700 900001", "447700900001"


def request_code(story: Story) -> str:
    story.session = story.alice.ask_by_phone(COUNTRY, DIALLED)
    expect(story.session.msisdn == NUMBER, "the number was not understood")
    return f"{DIALLED} in {COUNTRY} is +{NUMBER}. A text message goes out through Twilio's stand-in."


def type_code(story: Story) -> str:
    message = story.phone.next(f"+{NUMBER}")
    answer = story.session.submit(message.code)
    expect(answer.status == 200, f"the code answered {answer.told}")
    return (
        f"To {message.recipient}: «{' '.join(message.text.split())}» Typed in at the submit_url of the first answer, "
        "the code validates the session."
    )


def add_number(story: Story) -> str:
    story.alice.add(story.session)
    story.alice.log_in_by_phone(COUNTRY, DIALLED)
    notice = story.mailbox.next(ADDRESS)
    return (
        f"On the account now: {', '.join(story.alice.addresses())}; the number logs in like the address, "
        f"and the address was told of it: «{notice.subject}»."
    )
