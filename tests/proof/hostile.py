"""Hostile bodies at every operation: what is refused is refused as a mistake of the client, and does nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any
from urllib.parse import quote, urlencode

from attrs import evolve, frozen
from bad_bodies import OPENED, TABLES, AtIdentityServer, Side, built
from data.bad_values import GOOD
from hostile_bodies import TEXTS, hostile
from identity_server.acting import FORM, Place
from identity_server.apis import V2
from identity_server.test_accounts import OPENID, Homeservers

from matrix_threepid import Response
from matrix_threepid.identity import OpenIdLookup
from matrix_threepid.protocol.endpoint import Endpoint
from matrix_threepid.testing import World

EACH = 100
"""The bodies that one seed makes for each operation."""
_GOOD = {**GOOD, **OPENID, "user_accepts": ["https://e/p1"]}
_REFUSED_AS_IT_CAME = (400, 413)


@frozen
class Target:
    """What is called.

    * ``name``: the name of the search.
    * ``role``: whose operations there are.
    * ``opened``: makes a server.
    * ``asked``: whether an operation is called.
    """

    name: str
    role: str
    opened: Callable[[], Side]
    asked: Callable[[Endpoint], bool] = lambda _: True

    @property
    def operations(self) -> Iterator[tuple[Endpoint, str]]:
        """The operations, each with the prefix of its paths."""
        table = TABLES[self.role]
        return ((declared, table.prefix) for declared in table.endpoints if self.asked(declared))


def with_accounts() -> AtIdentityServer:
    """Return an identity server with access tokens of its own, of which Alice has one."""
    place = Place(V2, callers=None, openid=OpenIdLookup(fetch=Homeservers()))
    place.api = evolve(V2, user=place.post("/account/register", OPENID, user=None).json()["token"])
    return AtIdentityServer(place)


def _of_accounts(declared: Endpoint) -> bool:
    return declared.path.startswith(("/account", "/terms"))


TARGETS = (
    *(Target(role, role, lambda opened=opened: opened(World)) for role, opened in OPENED.items()),  # type: ignore[misc]
    Target("accounts of an identity server", "identity server", with_accounts, _of_accounts),
)
"""Every role."""


def run_hostile(target: Target, seeds: range, each: int = EACH) -> int:
    """Send ``each`` hostile bodies to each operation, for each seed; return how many. Raises ``AssertionError``."""
    count = 0
    for seed in seeds:
        random = Random(f"{target.name} {seed}")  # noqa: S311  the same bodies in every run
        for declared, prefix in target.operations:
            side = target.opened()
            bodies = hostile(random, _good(side, declared))
            for _ in range(each):
                path = prefix + random.choice(declared.paths).replace(
                    "{keyId}", quote(random.choice(TEXTS)[:99], errors="replace")
                )
                _send(random, side, path, declared.method, next(bodies))
                count += 1
    return count


def _good(side: Side, declared: Endpoint) -> dict[str, Any]:
    if declared.request is None and declared.query is None:
        return {}
    known = {} if _of_accounts(declared) else side.good(declared)
    return built(declared.request or declared.query or object, {**_GOOD, **known})


def _send(random: Random, side: Side, path: str, method: str, body: bytes) -> None:
    """Send a body; at times as a form, in the query, or with a signature of a homeserver."""
    more: dict[str, Any] = {"headers": {}, "body": body}
    if random.random() < 0.1:
        more = {"headers": {**FORM}, "body": _encoded(random, body)}
    if method == "GET" or random.random() < 0.1:
        more["query"] = _encoded(random, body).decode("latin-1")
    if random.random() < 0.1:
        signature = f'X-Matrix origin="{random.choice(TEXTS)[:99]}",key="ed25519:{random.choice(TEXTS)[:9]}",sig="a"'
        more["headers"]["authorization"] = signature.encode("ascii", "ignore").decode()
    before = _kept(side)
    answer = side.call(method, path, **more)
    what = f"{method} {path}: {answer.status} for {str(more)[:1000]}"
    assert answer.status < 500, what
    assert answer.status < 400 or _says_why(answer), what
    # What is well-formed may be refused after something was done, such as asking an identity server that refuses.
    if answer.status in _REFUSED_AS_IT_CAME:
        assert _kept(side) == before, f"something is kept or was sent: {what}"


def _encoded(random: Random, body: bytes) -> bytes:
    """Return the members of a body as a form, with one more; or the start of the body, which is none."""
    try:
        members = {**json.loads(body), random.choice(TEXTS)[:99]: random.choice(TEXTS)[:99]}
    except (ValueError, TypeError, RecursionError):
        return body[:500]
    return urlencode(members, errors="surrogatepass").encode() if random.random() < 0.8 else body[:500]


def _says_why(answer: Response) -> bool:
    if (answer.header("content-type") or "").startswith("text/html"):
        return True
    said = answer.json()
    return (answer.status == 401 and "flows" in said) or {"errcode", "error"} <= said.keys()


def _kept(side: Side) -> Any:
    """Return what a server keeps and has sent, without the guesses of codes, which are counted when they are wrong."""
    return tuple(
        [evolve(row, guesses=0, revision=0) if hasattr(row, "guesses") else row for row in part]
        if isinstance(part, list | tuple)
        else part
        for part in side.state()
    )
