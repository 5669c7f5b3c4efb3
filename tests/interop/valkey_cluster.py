"""A cluster of Valkey: three primaries, each with a replica, joined by the client."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from attrs import define, field
from redis import Redis
from redis.crc import key_slot
from redis.exceptions import RedisError
from stores.valkey_server import valkey_class

from .programs import free_port

PRIMARIES = 3
_SLOTS = 16_384
_SETTINGS = {
    "cluster-enabled": True,
    "cluster-node-timeout": 2_000,
    "cluster-config-file": "nodes.conf",
    "cluster-require-full-coverage": False,
    "save": "",
    "appendonly": True,
    "appendfsync": "everysec",
    "maxmemory-policy": "noeviction",
    "repl-diskless-sync-delay": 0,
}


def _free_port() -> int:
    """Return a free port whose port for the cluster's own connections, 10,000 above it, can be one."""
    while (port := free_port()) > 55_535:
        pass
    return port


@define
class Node:
    """One server of the cluster.

    * ``folder``: where its files are.
    * ``port``: its port.
    """

    folder: Path
    port: int = field(factory=_free_port)
    _server: Any = None

    def start(self) -> None:
        """Start the server; with the files of an earlier run it is the same node again."""
        self._server = valkey_class()(self.port, data_dir=self.folder, config=_SETTINGS, persist=True)
        self._server.start()

    def kill(self) -> None:
        """End the server as a crash does."""
        if self._server is not None:
            self._server._process.kill()
            self._server.terminate()
            self._server = None

    def freeze(self) -> None:
        """Stop the process where it is: connections stay, and nobody answers."""
        os.kill(self._server._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen server go on."""
        os.kill(self._server._process.pid, signal.SIGCONT)

    def ask(self, *command: str | int) -> Any:
        """Return what the server answers."""
        with Redis("127.0.0.1", self.port, decode_responses=True, socket_timeout=2) as client:
            return client.execute_command(*command)

    @property
    def role(self) -> str:
        """``master`` or ``slave``; empty for a server that does not answer."""
        try:
            with Redis("127.0.0.1", self.port, decode_responses=True, socket_timeout=2) as client:
                return str(client.info("replication")["role"])
        except RedisError:
            return ""


@define
class Cluster:
    """The nodes: primaries first, then the replica of each in the same order."""

    nodes: list[Node]

    @property
    def url(self) -> str:
        """The URL that names three of the nodes."""
        return "valkey://" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes[:PRIMARIES])

    def replica_of(self, primary: Node) -> Node:
        """Return the replica that a primary had at first."""
        return self.nodes[self.nodes.index(primary) + PRIMARIES]

    def partitions_of(self, primary: Node, partitions: int = 16, prefix: str = "threepid") -> list[int]:
        """Return the partitions whose keys are in the slots that one of the primaries had at first."""
        number = self.nodes.index(primary)
        first, last = number * _SLOTS // PRIMARIES, (number + 1) * _SLOTS // PRIMARIES - 1
        keys = [f"{{{prefix}:{partitions}:{each}}}" for each in range(partitions)]
        return [each for each, key in enumerate(keys) if first <= key_slot(key.encode()) <= last]


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Give a cluster whose replicas have everything."""
    folder = Path(tempfile.mkdtemp(prefix="threepid-valkey-", dir="/tmp"))
    made = Cluster([Node(folder / str(number)) for number in range(2 * PRIMARIES)])
    try:
        for node in made.nodes:
            node.start()
        _join(made)
        yield made
    finally:
        for node in made.nodes:
            node.kill()
        shutil.rmtree(folder, ignore_errors=True)


def _join(made: Cluster) -> None:
    primaries, first = made.nodes[:PRIMARIES], made.nodes[0]
    for number, node in enumerate(primaries):
        node.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        begin, end = number * _SLOTS // PRIMARIES, (number + 1) * _SLOTS // PRIMARIES - 1
        node.ask("CLUSTER", "ADDSLOTSRANGE", begin, end)
    for node in made.nodes[1:]:
        node.ask("CLUSTER", "MEET", "127.0.0.1", first.port)
    known = f"cluster_known_nodes:{len(made.nodes)}"
    wait_for(lambda: all(known in str(node.ask("CLUSTER", "INFO")) for node in made.nodes))
    for primary in primaries:
        made.replica_of(primary).ask("CLUSTER", "REPLICATE", primary.ask("CLUSTER", "MYID"))
    wait_for(lambda: all(_ready(made, node) for node in made.nodes))


def _ready(made: Cluster, node: Node) -> bool:
    with Redis("127.0.0.1", node.port, decode_responses=True, socket_timeout=2) as client:
        known = client.info("replication")
        linked = known["role"] == "master" or known["master_link_status"] == "up"
        wanted = "master" if node in made.nodes[:PRIMARIES] else "slave"
        info = client.execute_command("CLUSTER", "INFO")
    state = info.get("cluster_state") if isinstance(info, dict) else "ok" if "cluster_state:ok" in str(info) else ""
    return bool(known["role"] == wanted and linked and state == "ok")


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until a condition holds. Raises ``TimeoutError``."""
    until = monotonic() + seconds
    while monotonic() < until:
        try:
            if condition():
                return
        except RedisError:
            pass
        sleep(0.05)
    raise TimeoutError("the cluster did not become ready")
