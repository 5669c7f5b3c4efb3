"""Sessions and limits in Redis or Valkey: ``SessionStore`` and ``RateLimiter`` as a third party writes them."""

from .client import for_asyncio, for_threads
from .limits import RedisLimits
from .sessions import RedisSessions

__all__ = ["RedisLimits", "RedisSessions", "for_asyncio", "for_threads"]
