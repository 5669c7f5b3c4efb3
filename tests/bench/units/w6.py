"""w6: everything one person does about one address, six requests."""

from __future__ import annotations

from functools import partial

from matrix_threepid.protocol.wire import Request
from matrix_threepid.testing import World

from ..measure import Work
from ..setting import Setting
from .journeys import ask_request, confirm_request, read_mail


def cycle(setting: Setting) -> Work:
    """Ask, open the link, confirm, add, list, delete."""
    world = setting.world()
    requests = [ask_request(setting, world) for _ in range(setting.ops)]
    return Work(arguments=requests, act=partial(_cycle, world), wrong=lambda done: done.count(False))


async def _cycle(world: World, request: Request) -> bool:
    """Return whether every step did what it should."""
    answer = await world.service.handle(request)
    person = read_mail(request, answer, world.outbox.last)
    page = await world.service.handle(world.request("GET", person.path, query=person.query, client=person.client))
    confirmed = await world.service.handle(confirm_request(world, person))
    added = await world.service.handle(world.request("POST", "/account/3pid/add", person.proof, person.user))
    listed = await world.service.handle(world.request("GET", "/account/3pid", user=person.user))
    body = {"medium": "email", "address": person.address}
    deleted = await world.service.handle(world.request("POST", "/account/3pid/delete", body, person.user))
    statuses = [each.status for each in (answer, page, confirmed, added, listed, deleted)]
    return statuses == [200, 200, 303, 200, 200, 200] and len(listed.json()["threepids"]) == 1
