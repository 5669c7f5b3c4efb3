"""``ValkeyLimits``: counts of limits in Valkey or Redis, each key in one partition."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from ...ports import Charge, merged
from .connection import Valkey
from .script import Script

# A partition has one sorted set, ``n``, from a key to the ms at which it is completely refilled. Numbers are doubles
# here, exact up to 2^53; Lua's own way to print them would round them.
_CHARGE = Script.of("""
local longest, counted, set = 0, {}, KEYS[1] .. 'n'
for i = 1, #ARGV, 6 do
  local key, base, price, most = ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3])
  local full, wait = tonumber(ARGV[i + 4]), tonumber(ARGV[i + 5])
  local stored = math.min(math.max(tonumber(redis.call('ZSCORE', set, key) or base), base), full)
  if stored > most then
    longest = math.max(longest, wait > 0 and wait or stored - most)
    if stored > base then redis.call('ZADD', set, 'XX', string.format('%.0f', stored), key) end
  elseif price > 0 then
    table.insert(counted, string.format('%.0f', stored + price))
    table.insert(counted, key)
  end
end
if longest == 0 and #counted > 0 then redis.call('ZADD', set, unpack(counted)) end
return string.format('%.0f', longest)
""")
_GIVE_BACK = Script.of("""
local set = KEYS[1] .. 'n'
for i = 1, #ARGV, 2 do
  if redis.call('ZSCORE', set, ARGV[i]) then redis.call('ZINCRBY', set, -tonumber(ARGV[i + 1]), ARGV[i]) end
end
return 0
""")
_STORED = Script.of("""
local found = {}
for i, key in ipairs(ARGV) do
  local score = redis.call('ZSCORE', KEYS[1] .. 'n', key)
  found[i] = score and string.format('%.0f', tonumber(score)) or ''
end
return found
""")
_FORGET = Script.of("""
for _, key in ipairs(ARGV) do redis.call('ZREM', KEYS[1] .. 'n', key) end
return 0
""")
_PURGE = Script.of("""
local over = redis.call('ZRANGEBYSCORE', KEYS[1] .. 'n', '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
for _, key in ipairs(over) do redis.call('ZREM', KEYS[1] .. 'n', key) end
return #over
""")


class ValkeyLimits:
    """A ``RateLimiter`` in Valkey or Redis, for asyncio.

    * ``valkey``: the server or cluster, of ``open_valkey``.

    The charges of one call that lie in one partition are one step. Where a call has charges in several, and one of them
    refuses, what the others granted is taken back: nobody is ever granted too much, and others may be refused for that
    moment. In one partition each call is one step.
    """

    def __init__(self, valkey: Valkey) -> None:
        self._valkey = self.database = valkey

    def check(self) -> Awaitable[None]:
        """Raise ``Unavailable`` if the servers take no changes, for ``health``."""
        return self._valkey.check()

    async def charge(self, charges: Sequence[Charge], now: int) -> int:
        parts = self._parted(merged(charges))
        steps = [
            (_CHARGE, where, [value for each in part for value in _values(each, now)]) for where, part in parts.items()
        ]
        answers = await self._valkey.tried(steps)
        failed = [each for each in answers if isinstance(each, BaseException)]
        longest = max((int(each) for each in answers if not isinstance(each, BaseException)), default=0)
        if failed or longest:
            granted = [where for where, answer in zip(parts, answers, strict=True) if answer == "0"]
            back = self._backs({where: parts[where] for where in granted})
            # After a failure as well as can be: what cannot be given back stays counted.
            await (self._valkey.tried(back) if failed else self._valkey.run_each(back))
        if failed:
            raise failed[0]
        return longest

    async def give_back(self, charges: Sequence[Charge], now: int) -> None:
        await self._valkey.run_each(self._backs(self._parted(charges)))

    async def used(self, charges: Sequence[Charge], now: int) -> Sequence[int]:
        parts = self._parted(charges)
        steps = [(_STORED, where, [each.key for each in part]) for where, part in parts.items()]
        answers = await self._valkey.run_each(steps)
        stored = {
            each.key: int(found)
            for part, answer in zip(parts.values(), answers, strict=True)
            for each, found in zip(part, answer, strict=True)
            if found
        }
        return [each.used(stored.get(each.key), now) for each in charges]

    async def forget(self, keys: Sequence[str]) -> None:
        parts: dict[int, list[str]] = {}
        for key in keys:
            parts.setdefault(self._valkey.partition_of(key), []).append(key)
        await self._valkey.run_each([(_FORGET, where, part) for where, part in parts.items()])

    async def purge(self, now: int, limit: int) -> int:
        return await self._valkey.purge(_PURGE, now, limit)

    def _parted(self, charges: Sequence[Charge]) -> dict[int, list[Charge]]:
        """Return the charges by the partition of their keys."""
        parts: dict[int, list[Charge]] = {}
        for each in charges:
            parts.setdefault(self._valkey.partition_of(each.key), []).append(each)
        return parts

    def _backs(self, parts: dict[int, list[Charge]]) -> list[tuple[Script, int, Sequence[str | int]]]:
        return [
            (_GIVE_BACK, where, [value for each in part for value in (each.key, each.price)])
            for where, part in parts.items()
        ]


def _values(charge: Charge, now: int) -> tuple[str | int, ...]:
    wait = 0 if charge.until is None else max(charge.until - now, 1)
    return charge.key, charge.base(now), charge.price, charge.most(now), charge.full(now), wait
