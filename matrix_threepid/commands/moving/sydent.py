"""Move what a Sydent publishes and knows to an identity server of this library; nothing is sent and nothing deleted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from attrs import define, field, frozen

from ...flows.lookup import PART
from ...model.association import Association
from ...model.invitation import Invitation
from ...model.login import Login, acceptance
from ...model.lookup import LookupPepper
from ...model.media import MEDIA
from ...model.threepid import Medium, Threepid
from ...model.user_id import is_user_id
from ...ports._checked import given
from ...protocol.errors import InvalidParam
from ...roles.identity_server import IdentityServer
from ...roles.logins import mac_of
from ...stores.sql import Database, bulk
from .source import PAGE, Published, SydentDatabase

T = TypeVar("T")
_DAY = 86_400_000
_SHORT = 64
# A local part that is canonical as it stands; the domain is then all that has to be read.
_PLAIN = re.compile(r"([a-z0-9](?:[a-z0-9_+-]*(?:\.[a-z0-9_+-]+)*))@([a-z0-9.-]+)")


@frozen
class Left:
    """A row that was not moved, or an address with two users.

    * ``why``: ``collision``, ``no address``, ``no user`` or ``no medium``.
    * ``row``: as Sydent has it.
    * ``kept``: the user who has the address now; empty for a row that was not moved.
    """

    why: str
    row: Published
    kept: str = ""


@define
class Moved:
    """What was moved, by kind, and what was left."""

    associations: int = 0
    ended: int = 0
    tokens: int = 0
    acceptances: int = 0
    other_documents: int = 0
    invitations: int = 0
    old_invitations: int = 0
    pepper: str = "none"
    left: list[Left] = field(factory=list)


@define
class Moving:
    """One move. ``role``: the identity server, with its stores in one SQL database; ``source``: Sydent's."""

    role: IdentityServer
    source: SydentDatabase
    moved: Moved = field(factory=Moved)
    _domains: dict[str, str] = field(init=False, factory=dict)

    @property
    def _db(self) -> Database:
        store: Any = given(self.role.associations)
        database: Database = store.database
        return database

    async def all(self) -> Moved:
        """Move everything; doing it again moves what was added since."""
        await self._pepper()
        await self._associations()
        await self._logins()
        await self._invitations()
        return self.moved

    async def _pepper(self) -> None:
        # Before the associations, which are then hashed with it as they are stored.
        text = self.source.pepper()
        known = await self.role.associations.peppers()
        if text is None or known:
            self.moved.pepper = "kept" if known else "none"
            return
        await self.role.associations.add_pepper(LookupPepper(1, text, self.role.clock(), ready=False))
        while await self.role.associations.rehash(PART) == PART:
            pass
        self.moved.pepper = "moved"

    async def _associations(self) -> None:
        ended = set(self.source.ended())
        now = self.role.clock()
        for rows in _parts(self.source.published()):
            newest: dict[Threepid, Association] = {}
            for row in rows:
                # Its own record of an unbind counts, whatever its look-ups still find.
                if (row.medium, row.address) in ended or row.not_after <= now:
                    self.moved.ended += 1
                    continue
                threepid = self._read(row)
                if threepid is not None:
                    self._take(newest, Association(threepid, row.mxid, row.ts), row)
            if newest:
                await self._store(newest)

    def _take(self, newest: dict[Threepid, Association], new: Association, row: Published) -> None:
        held = newest.get(new.threepid)
        if held is not None and held.mxid != new.mxid:
            lost, kept = (held, new) if held.ts < new.ts else (new, held)
            self._collide(lost, kept)
        if held is None or held.ts < new.ts:
            newest[new.threepid] = new

    async def _store(self, newest: dict[Threepid, Association]) -> None:
        stored = await self.role.associations.get_many(list(newest))
        for held in stored:
            new = newest[held.threepid]
            if held.mxid != new.mxid:
                lost, kept = (held, new) if held.ts < new.ts else (new, held)
                self._collide(lost, kept)
            if held.ts >= new.ts:
                del newest[held.threepid]
        await self._db.run(partial(bulk.put_associations, list(newest.values())))
        self.moved.associations += len(newest)

    def _collide(self, lost: Association, kept: Association) -> None:
        row = Published(lost.threepid.medium.value, lost.threepid.address, lost.mxid, lost.ts, 0)
        self.moved.left.append(Left("collision", row, kept.mxid))

    def _read(self, row: Published) -> Threepid | None:
        if row.medium not in list(Medium):
            self.moved.left.append(Left("no medium", row))
        elif not is_user_id(row.mxid):
            self.moved.left.append(Left("no user", row))
        else:
            try:
                return self._canonical(row.medium, row.address)
            except InvalidParam:
                self.moved.left.append(Left("no address", row))
        return None

    async def _logins(self) -> None:
        now = self.role.clock()
        for rows in _parts(self.source.tokens()):
            logins = [Login(mac_of(self.role, token), user, now) for token, user in rows if is_user_id(user)]
            await self._db.run(partial(bulk.put_logins, logins))
            self.moved.tokens += len(logins)
        documents = {
            each.url: acceptance(name, document)
            for name, document in self.role.terms.items()
            for each in document.languages.values()
        }
        for accepted in _parts(self.source.accepted()):
            known = dict.fromkeys((user, documents[url]) for user, url in accepted if url in documents)
            self.moved.other_documents += sum(url not in documents for _, url in accepted)
            await self._db.run(partial(bulk.put_accepted, list(known), now))
            self.moved.acceptances += len(known)

    async def _invitations(self) -> None:
        # Sydent does not say which key belongs to which invitation. Both are asked for alone, so any pairs do.
        keys = iter(self.source.keys())
        oldest = self.role.clock() - self.role.policy.invitations.days * _DAY
        for rows in _parts(self.source.invitations()):
            found = [self._invitation(row, next(keys, "")) for row in rows]
            young = [each for each in found if each is not None and each.created_at >= oldest]
            await self._db.run(partial(bulk.put_invitations, young))
            self.moved.invitations += len(young)
            self.moved.old_invitations += len(found) - len(young)

    def _invitation(self, row: Sequence[Any], key: str) -> Invitation | None:
        medium, address, room_id, sender, token, received, sent = row
        try:
            threepid = self._canonical(medium, address)
        except (InvalidParam, ValueError):
            return None
        # It has no link that stops invitations: no token has an empty hash.
        return Invitation(token, threepid, room_id, sender, key, "", received or 0, sent)

    def _canonical(self, medium: str, address: str) -> Threepid:
        """Return an address in canonical form. Raises ``InvalidParam``, and ``ValueError`` for another medium."""
        plain = _PLAIN.fullmatch(address) if medium == Medium.EMAIL.value and len(address) <= _SHORT else None
        if plain is None:
            return MEDIA[Medium(medium)].read(address, self.role.policy)
        # Most addresses are of few domains, and reading an address takes most of the time of a move.
        domain = self._domains.get(plain[2])
        if domain is None:
            read = MEDIA[Medium.EMAIL].read(f"a@{plain[2]}", self.role.policy)
            domain = self._domains[plain[2]] = read.address.rpartition("@")[2]
        return Threepid(Medium.EMAIL, f"{plain[1]}@{domain}")


def _parts(rows: Iterable[T]) -> Iterator[list[T]]:
    left = iter(rows)
    while part := list(islice(left, PAGE)):
        yield part
