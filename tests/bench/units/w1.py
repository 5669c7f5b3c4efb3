"""w1: requestToken, from strangers nobody has seen before."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from attrs import evolve

from matrix_threepid.model.threepid import Purpose
from matrix_threepid.offload import run_sync
from matrix_threepid.policy import Limit
from matrix_threepid.protocol.wire import Request, Response
from matrix_threepid.testing import GENEROUS, World

from ..measure import Work
from ..setting import Setting
from .answers import accounts_of, not_refused, not_status, of_requests
from .journeys import ask_request


def request_token(purpose: Purpose, setting: Setting) -> Work:
    """A fresh address; a password is reset on an account that has it."""
    world = setting.world()
    requests = [_of_purpose(setting, world, purpose) for _ in range(setting.ops)]
    return of_requests(world, requests, partial(_not_sent, world))


def _of_purpose(setting: Setting, world: World, purpose: Purpose) -> Request:
    address = setting.people.address()
    if purpose is Purpose.PASSWORD:
        accounts_of(world).give(setting.people.user(), address.lower())
    return ask_request(setting, world, purpose, email=address)


def unusual_address(setting: Setting) -> Work:
    """Addresses of other scripts, which only the whole parser can read."""
    world = setting.world()
    requests = [ask_request(setting, world, email=f"Jürgen.{setting.people.address()}") for _ in range(setting.ops)]
    return of_requests(world, requests, partial(_not_sent, world))


def _not_sent(world: World, answers: Sequence[Response]) -> int:
    """Every answer names a session of its own, and every session got one mail."""
    if not_status(200, answers):
        return not_status(200, answers)
    sids, links = {answer.json()["sid"] for answer in answers}, {message.link for message in world.outbox.messages}
    return 2 * len(answers) - len(sids) - len(links)


def repeat(setting: Setting) -> Work:
    """The same request once more: the same session, no further mail."""
    world = setting.world()
    requests = [ask_request(setting, world) for _ in range(setting.ops)]
    first = [run_sync(world.service.handle(request)) for request in requests]

    def wrong(answers: Sequence[Response]) -> int:
        differing = sum(then.body != now.body for then, now in zip(first, answers, strict=True))
        return differing + len(world.outbox.messages) - len(answers)

    return of_requests(world, requests, wrong)


def bad_json(setting: Setting) -> Work:
    """Bytes that are no JSON."""
    world = setting.world()
    requests = [evolve(ask_request(setting, world), body=b'{"email":') for _ in range(setting.ops)]
    return of_requests(world, requests, partial(not_refused, "M_NOT_JSON"))


def bad_member(member: dict[str, Any], setting: Setting) -> Work:
    """A member that breaks its rule."""
    world = setting.world()
    requests = [ask_request(setting, world, **member) for _ in range(setting.ops)]
    return of_requests(world, requests, partial(not_refused, "M_INVALID_PARAM"))


def in_use(setting: Setting) -> Work:
    """An address somebody has."""
    world = setting.world()
    addresses = [setting.people.address() for _ in range(setting.ops)]
    for address in addresses:
        accounts_of(world).give(setting.people.user(), address.lower())
    requests = [ask_request(setting, world, email=address) for address in addresses]
    return of_requests(world, requests, partial(not_refused, "M_THREEPID_IN_USE"))


def limited(setting: Setting) -> Work:
    """A client that has had its share."""
    world = setting.world(limits=evolve(GENEROUS, per_client=Limit(1, 1 / 86_400)))
    requests = [evolve(ask_request(setting, world), client="203.0.113.7") for _ in range(setting.ops + 1)]
    run_sync(world.service.handle(requests.pop()))
    return of_requests(world, requests, partial(not_refused, "M_LIMIT_EXCEEDED"))
