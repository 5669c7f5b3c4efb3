"""The steps at identity servers: published, looked at, taken back, and what becomes of it when one of them is down."""

from __future__ import annotations

import time
from urllib.parse import urlencode

from matrix_threepid.testing import fetch

from .admin import PATH
from .scene import ADDRESS, Story, expect

_PATIENCE, _PAUSE = 10.0, 0.05


def publish(story: Story) -> str:
    story.first.join()
    story.first.publish(ADDRESS, story.mailbox)
    return (
        f"{story.first.name} gives alice a token, sends a mail of its own and sees the link confirmed; "
        "then the homeserver has the address published there."
    )


def look(story: Story) -> str:
    found = story.alice.bindings()
    expect(found == {story.first.name: "published"}, f"the bindings are {found}")
    return f"The homeserver remembers: {ADDRESS} is published at {story.first.name}, and nowhere else."


def take_back(story: Story) -> str:
    result = story.alice.unbind(ADDRESS)
    expect((result, story.alice.bindings()) == ("success", {}), f"unbinding answered {result}")
    expect(story.alice.addresses() == [ADDRESS], "the address left the account")
    return "The homeserver signs the request, the identity server looks up its key: success. The account keeps it."


def publish_twice(story: Story) -> str:
    story.second.join()
    for directory in (story.first, story.second):
        directory.publish(ADDRESS, story.mailbox)
    found = story.alice.bindings()
    expect(list(found.values()) == ["published"] * 2, f"the bindings are {found}")
    return (
        "Publishing needs no address on the account. The first server still knows the proof, the second sends a mail."
    )


def die(story: Story) -> str:
    story.dying.die()
    return f"{story.second.name} takes no more connections."


def deactivate(story: Story) -> str:
    result = story.alice.deactivate()
    story.alice.call("GET", "/account/whoami", expected=401)
    found = _of_departed(story)
    expect(found == {story.second.name: "going"}, f"the bindings are {found}")
    return (
        f"Account, sessions and access tokens are gone. Unbinding says «{result}»: done at the first server; "
        "for the dead one it is written down and will be tried again."
    )


def come_back(story: Story) -> str:
    story.dying.come_back()
    until = time.monotonic() + _PATIENCE
    while _of_departed(story):
        expect(time.monotonic() < until, "the binding is still there")
        time.sleep(_PAUSE)
    return f"{story.second.name} is back, and has confirmed: {ADDRESS} is published nowhere. Nothing is left of alice."


def _of_departed(story: Story) -> dict[str, str]:
    """Return a departed user's bindings, as an administrator sees them."""
    asked = fetch("GET", f"{story.alice.url}{PATH}?{urlencode({'user_id': story.alice.user_id})}")
    return {binding["id_server"]: binding["state"] for binding in asked.json()["bindings"]}
