"""Sessions in Redis: values, and the entries that lead to them, changed together or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from matrix_threepid import Medium, Purpose, Threepid
from matrix_threepid.errors import Unavailable
from matrix_threepid.stores import Session

from .client import PREFIX, Client, ask
from .entries import Keys, from_text

_TRIES = 100
"""How often one call may lose against others. Each loss is somebody's gain, so this is only met by broken entries."""
_SWAP = """
-- The first ARGV[1] keys must hold the values that follow it ('' for none); then the other keys get their commands.
local compared = tonumber(ARGV[1])
for i = 1, compared do
  if (redis.call('GET', KEYS[i]) or '') ~= ARGV[i + 1] then return 0 end
end
for i = compared + 1, #KEYS do
  local command = cjson.decode(ARGV[i + 1])
  redis.call(command[1], KEYS[i], unpack(command, 2))
end
return 1
"""


class RedisSessions:
    """A ``SessionStore`` over a client of ``for_asyncio`` or ``for_threads``."""

    def __init__(self, client: Client, prefix: str = PREFIX) -> None:
        self._client = client
        self._keys = Keys(prefix)

    async def open(self, session: Session) -> Session:
        for _ in range(_TRIES):
            if await self._swap("", None, session):
                return session
            holder = None if session.slot is None else await self.find(session.slot)
            if holder is not None:
                return holder
        raise Unavailable

    async def get(self, sid: str) -> Session | None:
        return (await self._read(sid))[1]

    async def find(self, slot: str) -> Session | None:
        sid = await ask(self._client.get, self._keys.slot(slot))
        session = None if sid is None else await self.get(sid)
        # It may have let the slot go since; then there was a moment when nobody had it.
        return session if session is not None and session.slot == slot else None

    async def replace(self, session: Session) -> bool:
        text, old = await self._read(session.sid)
        return old is not None and old.revision == session.revision - 1 and await self._swap(text, old, session)

    async def lease_due(self, now: int, until: int, medium: Medium) -> Session | None:
        for _ in range(_TRIES):
            sids = await ask(self._client.zrangebyscore, self._keys.due(medium), "-inf", now, 0, 1)
            if not sids:
                return None
            if taken := await self._take(sids[0], now, until):
                return taken
        return None

    async def _take(self, sid: str, now: int, until: int) -> Session | None:
        text, old = await self._read(sid)
        if old is None or old.due_at is None or old.due_at > now:
            return None  # others have taken it since its entry was read
        taken = old.lease(until)
        return taken if await self._swap(text, old, taken) else None

    async def of_owner(self, user_id: str) -> list[Session]:
        found = await self._listed(self._keys.owner(user_id))
        return [each for each in found if each.owner == user_id and not each.over]

    async def of_threepid(self, threepid: Threepid, purpose: Purpose) -> list[Session]:
        found = await self._listed(self._keys.threepid(threepid))
        return [each for each in found if (each.threepid, each.purpose) == (threepid, purpose) and not each.over]

    async def erase(self, user_id: str, threepids: Sequence[Threepid]) -> int:
        def erased(session: Session) -> bool:
            return session.owner == user_id or (session.owner is None and session.threepid in threepids)

        keys = [self._keys.owner(user_id), *map(self._keys.threepid, threepids)]
        return await self._delete(await ask(self._client.sunion, keys), erased)

    async def purge(self, before: int, limit: int) -> int:
        sids = await ask(self._client.zrangebyscore, self._keys.expiry, "-inf", f"({before}", 0, limit)
        return await self._delete(sids, lambda session: session.expires_at < before)

    async def _delete(self, sids: Sequence[str], condition: Callable[[Session], bool]) -> int:
        return sum([await self._delete_one(sid, condition) for sid in sids])

    async def _delete_one(self, sid: str, condition: Callable[[Session], bool]) -> bool:
        for _ in range(_TRIES):
            text, old = await self._read(sid)
            if old is None or not condition(old):
                return False
            if await self._swap(text, old, None):
                return True
        raise Unavailable

    async def _listed(self, key: str) -> list[Session]:
        sids = await ask(self._client.smembers, key)
        texts = await ask(self._client.mget, [self._keys.value(sid) for sid in sids]) if sids else []
        return [from_text(text) for text in texts if text is not None]

    async def _read(self, sid: str) -> tuple[str, Session | None]:
        """Return the text that is stored (or none) and its session."""
        text = await ask(self._client.get, self._keys.value(sid))
        return ("", None) if text is None else (text, from_text(text))

    async def _swap(self, text: str, old: Session | None, new: Session | None) -> bool:
        """Make one version into the other, unless its text is another by now or the slot it is to get is taken."""
        changes = self._keys.changes(old, new)
        compared = {changes[0][1]: text}
        if new and new.slot is not None and (old is None or old.slot != new.slot):
            compared[self._keys.slot(new.slot)] = ""
        keys = [*compared, *(key for _, key, *_ in changes)]
        commands = [json.dumps([verb, *arguments]) for verb, _, *arguments in changes]
        return bool(await ask(self._client.eval, _SWAP, len(keys), *keys, len(compared), *compared.values(), *commands))
