"""The story, step by step. A step is a function that does something and says in a sentence or two what happened."""

from __future__ import annotations

import time
from collections.abc import Sequence
from textwrap import fill

from matrix_threepid.testing import Failed

from . import address_steps as address
from . import identity_steps as identity
from . import phone_steps as phone
from .scene import Step, Story

STEPS: tuple[tuple[str, Step], ...] = (
    ("Register alice", address.register),
    ("Request a token for an address", address.request_token),
    ("The mail arrives", address.receive),
    ("Open the link", address.open_link),
    ("Confirm", address.confirm),
    ("Add the address, with the password", address.add),
    ("List the addresses", address.list_addresses),
    ("Publish it at an identity server", identity.publish),
    ("Look at where it is published", identity.look),
    ("Take it back", identity.take_back),
    ("Forget the password", address.forget),
    ("Reset it by mail", address.reset),
    ("Log in by address", address.log_in),
    ("Request a code for a phone number", phone.request_code),
    ("Type the code", phone.type_code),
    ("Add the number, and log in by it", phone.add_number),
    ("Delete the address", address.delete),
    ("Publish it at two identity servers", identity.publish_twice),
    ("One of them dies", identity.die),
    ("Deactivate the account all the same", identity.deactivate),
    ("The dead server comes back", identity.come_back),
)


def tell(story: Story, steps: Sequence[tuple[str, Step]] = STEPS) -> None:
    """Go through all steps, or those given, and print each. Raises ``Failed``."""
    began = time.perf_counter()
    for number, (title, step) in enumerate(steps, start=1):
        started = time.perf_counter()
        try:
            happened = step(story)
        except Failed as failed:
            raise Failed(f"step {number}, {title}: {failed}") from None
        print(f"{number:3}  {title:<58}{_ms(started):>8} ms")
        print(fill(happened, 76, initial_indent="     ", subsequent_indent="     "), flush=True)
    print(f"\nAll {len(steps)} steps went well, in {_ms(began)} ms.")


def _ms(started: float) -> str:
    return f"{(time.perf_counter() - started) * 1000:.0f}"
