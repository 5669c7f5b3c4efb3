"""``Valkey``: how scripts reach the server of a partition, and what is said when none answers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2s
from typing import Any

from redis import exceptions

from ...protocol.errors import ConfigurationError, Unavailable
from .nodes import LOST, Cluster, Servers
from .script import CHECK, Script, epochs

# The s that one step may take, with all redirections and looking for the nodes of the cluster anew.
_DEADLINE = 8.0
_MOST_PARTITIONS = 1_024
_IN_CLUSTER = 16
_PREFIX = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_TROUBLES = (*LOST, exceptions.MasterDownError, exceptions.OutOfMemoryError, exceptions.ReadOnlyError)
# How errors begin for which the client has no class.
_REFUSALS = (
    "BUSY ",
    "CLUSTERDOWN ",
    "MISCONF ",
    "NOREPLICAS ",
    "LOADING ",
    "MASTERDOWN ",
    "OOM ",
    "TRYAGAIN ",
    "UNKILLABLE ",
)


class Valkey:
    """A server of Valkey or Redis, or a cluster; ``open_valkey`` makes it. It belongs to one event loop.

    * ``servers``: what asks them.
    * ``partitions``: into how many parts all keys are divided, 1 to 1,024. Each part lies in one slot of a cluster, so
      one step can change all of it. Another number finds nothing of what was stored before. ``None`` (default): 16 in
      a cluster, 1 in one server.
    * ``prefix``: what all keys begin with, after a brace. Default ``threepid``.
    * ``durable``: whether a server that is started again has lost nothing, which needs ``appendonly yes`` and
      ``appendfsync always``. ``False`` (default): the sessions that it had are over after each start, as after the
      promotion of a replica.

    Raises ``ConfigurationError``.
    """

    def __init__(
        self,
        servers: Servers,
        *,
        partitions: int | None = None,
        prefix: str = "threepid",
        durable: bool = False,
    ) -> None:
        if partitions is None:
            partitions = _IN_CLUSTER if isinstance(servers, Cluster) else 1
        if not 1 <= partitions <= _MOST_PARTITIONS:
            raise ConfigurationError(f"valkey: partitions must be 1 to {_MOST_PARTITIONS}")
        if not _PREFIX.fullmatch(prefix):
            raise ConfigurationError("valkey: prefix must be 1 to 64 letters, digits, _ . : or -")
        self._servers = servers
        self._bases = [f"{{{prefix}:{partitions}:{number}}}" for number in range(partitions)]
        self.epochs = epochs(cluster=isinstance(servers, Cluster), durable=durable)

    @property
    def partitions(self) -> range:
        """The numbers of all partitions."""
        return range(len(self._bases))

    def partition_of(self, name: str) -> int:
        """Return the partition in which a name lies."""
        # Without the key of the host anybody can compute it; which part of a store a name lies in is no secret.
        digest = blake2s(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        return int.from_bytes(digest, "big") % len(self._bases)

    async def run(self, script: Script, partition: int, *arguments: str | int) -> Any:
        """Run a script in a partition as one step; return its answer.

        Raises ``Unavailable`` if no server answers or may write; the step may have been done then.
        """
        base = self._bases[partition]
        with _told():
            return await asyncio.wait_for(self._evaluated(script, base, arguments), _DEADLINE)

    async def run_in_all(self, script: Script, *arguments: str | int) -> list[Any]:
        """Run a script in every partition, each a step of its own; return the answers. Raises ``Unavailable``."""
        return await self.run_each([(script, number, arguments) for number in self.partitions])

    async def run_each(self, steps: Sequence[tuple[Script, int, Sequence[str | int]]]) -> list[Any]:
        """Run scripts, each in its partition, at once; return the answers.

        Raises ``Unavailable`` if one has none, when all have ended.
        """
        done = await self.tried(steps)
        for answer in done:
            if isinstance(answer, BaseException):
                raise answer
        return done

    async def tried(self, steps: Sequence[tuple[Script, int, Sequence[str | int]]]) -> list[Any]:
        """Do ``run_each``, with the exception of each step that failed in place of its answer."""
        running = [self.run(script, partition, *arguments) for script, partition, arguments in steps]
        return await asyncio.gather(*running, return_exceptions=True)

    async def purge(self, script: Script, before: int, limit: int) -> int:
        """Run a script that deletes, in one partition after the other up to a limit; return how much was deleted.

        Raises ``Unavailable`` at the end if a partition has not answered, so that the others are purged meanwhile.
        """
        count, failure = 0, None
        for partition in self.partitions:
            if count >= limit:
                break
            (answer,) = await self.tried([(script, partition, (before, limit - count))])
            if isinstance(answer, BaseException):
                failure = answer
            else:
                count += int(answer)
        # What was deleted is said, if anything was: there may be more of it.
        if failure is not None and not count:
            raise failure
        return count

    async def check(self) -> None:
        """Raise ``Unavailable`` if no partition takes changes; while some do, some requests can be served."""
        answers = await self.tried([(CHECK, partition, ()) for partition in self.partitions])
        if all(isinstance(answer, BaseException) for answer in answers):
            raise Unavailable

    async def _evaluated(self, script: Script, base: str, arguments: Sequence[str | int]) -> Any:
        try:
            return await self._servers.ask(base, "EVALSHA", script.sha, 1, base, *arguments)
        except exceptions.NoScriptError:
            # It was not run: the server was started again, or has become the primary, since it was loaded.
            return await self._servers.ask(base, "EVAL", script.text, 1, base, *arguments)


@contextmanager
def _told() -> Iterator[None]:
    """Raise ``Unavailable`` for what says that a server is not there, cannot write, or may have done what was asked."""
    try:
        yield
    except _TROUBLES as error:
        raise Unavailable from error
    except exceptions.ResponseError as error:
        if str(error).startswith(_REFUSALS):
            raise Unavailable from error
        raise
