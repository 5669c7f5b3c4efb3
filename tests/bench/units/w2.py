"""w2: the token comes back."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from matrix_threepid.protocol.wire import Response
from matrix_threepid.testing import World

from ..measure import Work
from ..setting import Setting, at_once
from .answers import not_refused, not_status, of_requests
from .journeys import TokenRequest, asked, confirm_request


def show_page(setting: Setting) -> Work:
    """Open the link; nothing changes."""
    world = setting.world()
    people = asked(setting, world)
    opened = [world.request("GET", person.path, query=person.query, client=person.client) for person in people]
    return of_requests(world, opened, partial(_not_shown, people))


def _not_shown(people: Sequence[TokenRequest], pages: Sequence[Response]) -> int:
    shown = zip(people, pages, strict=True)
    return sum(page.status != 200 or person.sid.encode() not in page.body for person, page in shown)


def submit_json(setting: Setting) -> Work:
    """A client posts the token."""
    world = setting.world()
    people = asked(setting, world)
    bodies = [(person, {**person.proof, "token": person.token}) for person in people]
    requests = [world.request("POST", person.path, body, client=person.client) for person, body in bodies]
    return of_requests(world, requests, partial(_not_validated, world, people, 200))


def wrong_token(setting: Setting) -> Work:
    """A client posts a token that was never sent."""
    world = setting.world()
    people = asked(setting, world)
    bodies = [(person, {**person.proof, "token": setting.people.secret()}) for person in people]
    requests = [world.request("POST", person.path, body, client=person.client) for person, body in bodies]
    return of_requests(world, requests, partial(not_refused, "M_TOKEN_INCORRECT"))


def submit_form(setting: Setting) -> Work:
    """A person presses the button of the page."""
    world = setting.world()
    people = asked(setting, world)
    requests = [confirm_request(world, person) for person in people]
    return of_requests(world, requests, partial(_not_validated, world, people, 303))


def _not_validated(world: World, people: Sequence[TokenRequest], status: int, answers: Sequence[Response]) -> int:
    stored = [at_once(world.homeserver.sessions.get(person.sid)) for person in people]
    return not_status(status, answers) + sum(each is None or each.validated_at is None for each in stored)
