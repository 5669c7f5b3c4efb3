"""``Script``: a script in Lua that the server runs as one step, and the function that all of them may call."""

from __future__ import annotations

from hashlib import sha1

from attrs import frozen

# What names the primary that runs a script. The id of its replication begins anew with every promotion and every start.
_ANY_START = """
local function here()
  return string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)')
end
"""
# The same for servers that lose nothing when they are started again: they keep node id and configuration epoch in a
# file, and a promotion raises the epoch. Without a cluster there is no such file; a server that was a replica before
# its promotion says so by the id that it followed.
_CLUSTER_START_KEPT = """
local function here()
  local epoch = string.match(redis.call('CLUSTER', 'INFO'), 'cluster_my_epoch:(%d+)')
  return redis.call('CLUSTER', 'MYID') .. ':' .. epoch
end
"""
_SINGLE_START_KEPT = """
local function here()
  local known = redis.call('INFO', 'replication')
  if string.match(known, 'master_replid2:(%w+)') == string.rep('0', 40) then return 'first' end
  return string.match(known, 'master_replid:(%w+)')
end
"""


@frozen
class Script:
    """A script.

    * ``text``: its text in Lua. Its only key is the base of a partition's keys, which all begin with it.
    * ``sha``: the SHA-1 by which servers know it.
    """

    text: str
    sha: str

    @classmethod
    def of(cls, text: str) -> Script:
        """Return the script with a text."""
        return cls(text, sha1(text.encode(), usedforsecurity=False).hexdigest())


def epochs(*, cluster: bool, durable: bool) -> str:
    """Return the function ``here`` in Lua, which returns the replication epoch of the server that runs it.

    * ``cluster``: whether the server is a node of a cluster.
    * ``durable``: whether a server that is started again has lost nothing, so that its epoch goes on.
    """
    if not durable:
        return _ANY_START
    return _CLUSTER_START_KEPT if cluster else _SINGLE_START_KEPT


CHECK = Script.of("redis.call('SET', KEYS[1] .. 'c', '1') return 1")
"""Changes a key of a partition, for the question whether it takes changes."""
