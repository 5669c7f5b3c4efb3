"""Hostile bodies at every operation of an identity server: a Matrix error or a success, never a failure of ours."""

from __future__ import annotations

from random import Random

from hostile_bodies import hostile

from matrix_threepid.endpoints import IDENTITY_SERVER
from matrix_threepid.identity import OpenIdLookup
from matrix_threepid.policy import LookupRules
from matrix_threepid.stores import MemoryAssociations

from .acting import Place
from .apis import V2
from .test_accounts import Homeservers

MANY = 40
"""The bodies for each operation here; ``python -m tests.proof night hostile`` sends 10,000."""


def refused_wrongly(place: Place, seed: int, count: int) -> list[tuple[str, int, bytes]]:
    """Return the requests that were answered with anything but success or a Matrix error of the client."""
    random, wrong = Random(seed), []  # noqa: S311  the same bodies in every run
    bodies = hostile(random)
    for path, methods in IDENTITY_SERVER.paths.items():
        for method in methods:
            for _ in range(count):
                body = next(bodies)
                query = body[:200].decode("latin-1").encode("ascii", "ignore").decode() if method == "GET" else ""
                answer = place.call(method, path, b"" if method == "GET" else body, query=query)
                page = (answer.header("content-type") or "").startswith("text/html")
                fine = answer.status < 400 or page or {"errcode", "error"} <= answer.json().keys()
                if not fine or answer.status >= 500:
                    wrong.append((f"{method} {path}", answer.status, body[:80]))
    return wrong


def test_no_body_makes_the_server_fail() -> None:
    """Whatever a body holds, the answer is a success or names what is wrong; nothing is published."""
    published = MemoryAssociations()
    place = Place(V2, {"lookup": LookupRules(algorithms=["sha256", "none"])}, serve_v1=True, associations=published)
    assert refused_wrongly(place, 1, MANY) == []
    assert published._rows == {}


def test_no_openid_token_makes_the_server_fail() -> None:
    """Whatever is sent to register an account, the answer is a success or names what is wrong."""
    openid = OpenIdLookup(fetch=Homeservers())
    assert refused_wrongly(Place(V2, callers=None, openid=openid), 1, MANY // 4) == []
