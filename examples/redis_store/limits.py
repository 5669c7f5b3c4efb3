"""Counts in Redis: one sorted set, from a key to the ms it is as good as new."""

from __future__ import annotations

from collections.abc import Sequence

from matrix_threepid.ports import Charge

from .client import PREFIX, Client, ask

# Numbers are doubles here, and exact up to 2^53; Lua's own way to print them rounds.
_SPEND = """
local now = tonumber(ARGV[1])
for i = 2, #ARGV, 4 do
  local key, span, interval, cost = ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3])
  local full_at = tonumber(redis.call('ZSCORE', KEYS[1], key) or now)
  local base = math.min(math.max(full_at, now), now + span)
  local wait = base + interval * math.max(cost, 1) - now - span
  local counted = wait > 0 and base or base + interval * cost
  if counted > now then redis.call('ZADD', KEYS[1], string.format('%.0f', counted), key) end
  if wait > 0 then return wait end
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
        numbers = [(take.key, take.limit.span, take.limit.interval, take.cost) for take in charges]
        return int(
            await ask(self._client.eval, _SPEND, 1, self._key, now, *(part for each in numbers for part in each))
        )

    async def forget(self, keys: Sequence[str]) -> None:
        if keys:
            await ask(self._client.zrem, self._key, *keys)

    async def purge(self, now: int, limit: int) -> int:
        return int(await ask(self._client.eval, _PURGE, 1, self._key, now, limit))
