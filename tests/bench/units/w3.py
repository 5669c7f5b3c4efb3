"""w3 and w4: an account's addresses, added and listed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from matrix_threepid.protocol.wire import Response
from matrix_threepid.testing import World

from ..measure import Work
from ..setting import Setting
from .answers import accounts_of, not_status, of_requests
from .journeys import TokenRequest, proved


def add(setting: Setting) -> Work:
    """Put the address on the account; the host's authentication says yes."""
    return _added(setting, "/account/3pid/add", lambda person: {**person.proof, "auth": {"session": "done"}})


def add_deprecated(setting: Setting) -> Work:
    """The same as clients before r0.6.0 do it."""
    return _added(setting, "/account/3pid", lambda person: {"three_pid_creds": person.proof, "bind": False})


def _added(setting: Setting, path: str, body: Callable[[TokenRequest], dict[str, Any]]) -> Work:
    world = setting.world()
    people = proved(setting, world)
    requests = [world.request("POST", path, body(person), person.user, client=person.client) for person in people]
    return of_requests(world, requests, partial(_not_added, world, people))


def _not_added(world: World, people: Sequence[TokenRequest], answers: Sequence[Response]) -> int:
    held = accounts_of(world).held
    lists = [[each.spelling for each in held.get(person.user, [])] for person in people]
    missing = sum(listed != [person.address] for person, listed in zip(people, lists, strict=True))
    return not_status(200, answers) + missing


def listing(count: int, setting: Setting) -> Work:
    """List the ``count`` addresses of an account."""
    world = setting.world()
    users = [setting.people.user() for _ in range(setting.ops)]
    for user in users:
        for _ in range(count):
            accounts_of(world).give(user, setting.people.address().lower())
    requests = [world.request("GET", "/account/3pid", user=user) for user in users]
    return of_requests(world, requests, lambda answers: sum(len(each.json()["threepids"]) != count for each in answers))
