"""A real Synapse of three processes: the main one and two workers, with Redis between them and nginx in front."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from matrix_threepid.synapse.used import OLDEST_WORKERS

from .databases import Database, postgresql
from .moduled import MODULE, NGINX_OF_WORKERS, modules
from .programs import ROOT, SYNAPSE, Program, free_port, interpreter, listens, version_of
from .site import Site
from .synapse import configured, settings

WORKERS = ("worker1", "worker2")
WRITERS = dict.fromkeys(("typing", "to_device", "account_data", "receipts", "presence"), "worker1")
CLIENTS, THREEPIDS = ("8008", "8083", "8084"), ("8009", "8093", "8094")
"""The ports in the docs of the three processes, for clients and for the module's endpoints alone."""


@contextmanager
def with_workers(
    site: Site,
    database: Database = postgresql,
    *,
    endpoints: str | None = "client",
    program: str = SYNAPSE,
    config: Mapping[str, Any] | None = None,
    **more: Any,
) -> Iterator[str]:
    """Serve with the module in three processes, of which nginx takes each in turn; yields nginx's base URL.

    * ``endpoints``: how the endpoints are served; ``config``: the whole configuration of the module in its place.
    * ``more``: of Synapse's own configuration.

    The workers write some of Synapse's streams, and ``worker2`` runs the background tasks.
    """
    front, redis = free_port(), free_port()
    names = ("main", *WORKERS)
    clients, inner, own = ({name: free_port() for name in names} for _ in range(3))
    url = f"http://127.0.0.1:{front}"
    with ExitStack() as stack:
        stack.enter_context(_redis(site.folder, redis))
        section = stack.enter_context(database(site.folder))
        usual = settings(site.folder, clients["main"], site.port, site.files)
        federation = usual["listeners"][1]
        listeners = {name: _listeners(clients[name], inner[name], own[name]) for name in names}
        shared = {
            **usual,
            "public_baseurl": url,
            "database": section,
            "listeners": [*listeners["main"], federation],
            "redis": {"enabled": True, "host": "127.0.0.1", "port": redis},
            "instance_map": {name: {"host": "127.0.0.1", "port": inner[name]} for name in names},
            "stream_writers": WRITERS,
            "run_background_tasks_on": "worker2",
            "worker_replication_secret": "of-tests",
            "modules": modules(site, endpoints) if config is None else [{"module": MODULE, "config": config}],
            **_delegates(url, config or {}),
            **more,
        }
        file = configured(site.folder, shared)
        # The main process first, since it makes Synapse's tables.
        _start(stack, site, "homeserver", "main", program, [file], clients["main"])
        for name in WORKERS:
            worker = {"worker_app": "synapse.app.generic_worker", "worker_name": name}
            its = site.folder / f"{name}.yaml"
            its.write_text(json.dumps({**worker, "worker_listeners": listeners[name]}))
            _start(stack, site, "generic_worker", name, program, [file, its], clients[name])
        # Without the module's endpoints, those of Synapse are there, which only the main process serves.
        served = {"client": clients, "separate": own}.get(endpoints or "", dict.fromkeys(names, clients["main"]))
        old = tuple(map(int, version_of(program).split(".")[:2])) < OLDEST_WORKERS
        if old:  # only the main process serves them
            served = dict.fromkeys(names, served["main"])
        documented = zip((*CLIENTS, *THREEPIDS), (*clients.values(), *served.values()), strict=True)
        ports = {"8000": front, **dict(documented)}
        stack.enter_context(NGINX_OF_WORKERS.running(site.folder, front, ports, "|account/deactivate" if old else ""))
        yield url


def _delegates(url: str, config: Mapping[str, Any]) -> dict[str, Any]:
    path = config.get("delegate_path")
    return {"account_threepid_delegates": {"msisdn": f"{url}{path}"}} if path else {}


def _listeners(client: int, replication: int, separate: int) -> list[dict[str, Any]]:
    here = {"bind_addresses": ["127.0.0.1"], "type": "http", "x_forwarded": True}
    served = ((client, ["client", "keys"]), (replication, ["replication"]), (separate, []))
    return [{**here, "port": port, "resources": [{"names": names}] if names else []} for port, names in served]


def _start(stack: ExitStack, site: Site, app: str, name: str, program: str, files: list[Path], port: int) -> None:
    folder = site.folder / name
    folder.mkdir(exist_ok=True)
    given = [option for file in files for option in ("-c", str(file))]
    environment = {"SSL_CERT_FILE": str(site.files["authority"]), "PYTHONPATH": str(ROOT)}
    command = [interpreter(program), "-m", f"synapse.app.{app}", *given]
    stack.enter_context(Program(command, folder, environment).running(lambda: listens(port)))


@contextmanager
def _redis(folder: Path, port: int) -> Iterator[None]:
    place = folder / "redis"
    place.mkdir()
    options = ("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(place))
    with Program(("redis-server", *options), place).running(lambda: listens(port)):
        yield
