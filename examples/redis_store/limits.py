"""Counts in Redis: one sorted set, from a key to the ms it is as good as new."""

from __future__ import annotations

from collections.abc import Sequence

from matrix_threepid.ports import Charge, merged

from .client import PREFIX, Client, ask

# Numbers are doubles here, and exact up to 2^53; Lua's own way to print them rounds.
_SPEND = """
local longest, counted = 0, {}
for i = 1, #ARGV, 6 do
  local key, base, price, most = ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3])
  local full, wait = tonumber(ARGV[i + 4]), tonumber(ARGV[i + 5])
  local stored = math.min(math.max(tonumber(redis.call('ZSCORE', KEYS[1], key) or base), base), full)
  if stored > most then
    longest = math.max(longest, wait > 0 and wait or stored - most)
    if stored > base then redis.call('ZADD', KEYS[1], 'XX', string.format('%.0f', stored), key) end
  elseif price > 0 then
    table.insert(counted, string.format('%.0f', stored + price))
    table.insert(counted, key)
  end
end
if longest == 0 and #counted > 0 then redis.call('ZADD', KEYS[1], unpack(counted)) end
return longest
"""
_GIVE_BACK = """
for i = 1, #ARGV, 2 do
  if redis.call('ZSCORE', KEYS[1], ARGV[i]) then redis.call('ZINCRBY', KEYS[1], -tonumber(ARGV[i + 1]), ARGV[i]) end
end
return 0
"""
_PURGE = """
local over = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
for _, key in ipairs(over) do redis.call('ZREM', KEYS[1], key) end
return #over
"""


class RedisLimits:
    """A ``RateLimiter`` over a client of ``for_asyncio`` or ``for_threads``."""

    def __init__(self, client: Client, prefix: str = PREFIX) -> None:
        self._client = client
        self._key = f"{prefix}limits"

    async def charge(self, charges: Sequence[Charge], now: int) -> int:
        values = [value for each in merged(charges) for value in _values(each, now)]
        return int(await ask(self._client.eval, _SPEND, 1, self._key, *values))

    async def give_back(self, charges: Sequence[Charge], now: int) -> None:
        values = [value for each in charges for value in (each.key, each.price)]
        await ask(self._client.eval, _GIVE_BACK, 1, self._key, *values)

    async def used(self, charges: Sequence[Charge], now: int) -> Sequence[int]:
        scores = [await ask(self._client.zscore, self._key, each.key) for each in charges]
        return [each.used(None if at is None else int(at), now) for each, at in zip(charges, scores, strict=True)]

    async def forget(self, keys: Sequence[str]) -> None:
        if keys:
            await ask(self._client.zrem, self._key, *keys)

    async def purge(self, now: int, limit: int) -> int:
        return int(await ask(self._client.eval, _PURGE, 1, self._key, now, limit))


def _values(charge: Charge, now: int) -> tuple[str | int, ...]:
    wait = 0 if charge.until is None else max(charge.until - now, 1)
    return charge.key, charge.base(now), charge.price, charge.most(now), charge.full(now), wait
