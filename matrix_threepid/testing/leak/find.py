"""``find_leaks``: try every text of a dump as every secret."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ...model.keys import MIN_BYTES, Pepper
from ..world import PEPPER
from . import homeserver, identity_server
from .scene import Scene
from .words import holds, holds_hash, words_of

STORES: Mapping[Callable[[Mapping[str, Any]], Scene], Sequence[str]] = {
    homeserver.of_homeserver: homeserver.STORES,
    identity_server.of_identity_server: identity_server.STORES,
}
"""What makes the scenes, and the stores that each has."""


def find_leaks(make_stores: Callable[[], Mapping[str, Any]], dump: Callable[[Mapping[str, Any]], str]) -> list[str]:
    """Return what somebody could do with a dump of these stores and without the peppers, in words; empty for nothing.

    A homeserver and an identity server are put over them, with sessions in every state. Each text of the dump is then
    tried as the token, code and client secret of every session, and as every other secret: to validate, to redeem, to
    unbind, to undo changes, to go on with what somebody else has begun, and to act by an access token. Each secret that
    people know is looked for: as it is, in hexadecimal, in base64, and, where it may be short, as a hash without a key.

    * ``make_stores``: makes new, empty stores under the names that ``Homeserver`` and ``IdentityServer`` have for them,
      such as ``{"sessions": MySessions()}``; called for each of the two. They must answer without an event loop.
    * ``dump``: is given these stores, and returns all that they hold as text.

    Raises ``ValueError`` for a name that is no store, and for a dump that lacks a session: it is not a dump of these.
    """
    found: list[str] = []
    for make_scene, names in STORES.items():
        stores = make_stores()
        if unknown := set(stores) - {name for each in STORES.values() for name in each}:
            raise ValueError(f"make_stores: {sorted(unknown)} are no stores of a homeserver or an identity server")
        scene = make_scene({name: store for name, store in stores.items() if name in names})
        found.extend(found_in(scene, dump(stores)))
    return sorted(set(found))


def found_in(scene: Scene, dump: str) -> Iterator[str]:
    """Yield what somebody could do with a dump of a scene."""
    for sid, state in scene.states.items():
        if sid not in dump:
            raise ValueError(f"dump: lacks the session that is {state}, so it is no dump of these stores")
    for secret in scene.secrets:
        if holds(dump, secret.text) or (secret.guessed and holds_hash(dump, secret.text, secret.sid)):
            yield f"read {secret.what}"
    words = words_of(dump)
    ids = {pepper.id for pepper in scene.role.peppers.live}
    if holds(dump, PEPPER.decode()) or any(Pepper(word.encode()).id in ids for word in words if len(word) >= MIN_BYTES):
        yield "read the pepper"
    for what, works in scene.attempts:
        if any(works(word) for word in words):
            yield what
