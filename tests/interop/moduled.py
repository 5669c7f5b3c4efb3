"""A real Synapse with our module: in front of its own endpoints, or on a listener of its own behind a real proxy."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from attrs import frozen

from matrix_threepid.testing.journeys import Parts, Visit

from .databases import Database
from .programs import OLDEST, ROOT, SYNAPSE, Program, free_port, listens
from .site import Site
from .synapse import settings, synapse_at

MODULE = "matrix_threepid.synapse.Threepids"
DOCS = ROOT / "docs" / "hosts" / "synapse.md"
_GENEROUS = {"burst": 1000, "per_second": 1000}
_TWILIO = {"account_sid": "AC0", "auth_token": "token of tests", "from": "+15005550006"}


def site_in(folder: Path, parts: Parts, files: Mapping[str, Path]) -> Site:
    """Return a place for a Synapse, which keeps its data in ``folder``; ``files``: its certificate."""
    assert parts.mail is not None and parts.sms is not None and parts.identity is not None  # noqa: PT018
    return Site(
        folder=folder,
        port=free_port(),
        files={**files, "authority": parts.authority or Path()},
        mailbox=parts.mail,
        phone=parts.sms,
        peers=(parts.identity.port,),
    )


def config(site: Site, endpoints: str | None) -> dict[str, Any]:
    """Return the module's configuration, with all parts on."""
    smtp = {"host": "127.0.0.1", "port": site.mailbox.port, "starttls": False, "from": "noreply@example.org"}
    servers = {"allow_addresses": ["127.0.0.0/8", "::1/128"], "ports": list(site.peers)}
    return {
        "secret_file": str(site.folder / "threepid.secret"),
        "endpoints": endpoints,
        "email": {"smtp": smtp} if endpoints else None,
        "sms": {"countries": ["GB"], "twilio": {**_TWILIO, "base_url": site.phone.url}},
        "identity_servers": {**servers, "ca_file": str(site.files["authority"]), "retry_s": 1},
        "limits": {"per_address": _GENEROUS, "per_client": _GENEROUS, "apart": 0},
    }


def modules(site: Site, endpoints: str | None) -> list[dict[str, Any]]:
    """Return Synapse's ``modules`` section."""
    return [{"module": MODULE, "config": config(site, endpoints)}]


@contextmanager
def visited(
    parts: Parts, site: Site, module: Mapping[str, Any] | None, *listeners: Mapping[str, Any], **more: Any
) -> Iterator[Visit]:
    """Run a Synapse on a site's data, with or without the module; ``more``: of its own configuration."""
    port = free_port()
    more["modules"] = [] if module is None else [{"module": MODULE, "config": module}]
    more["listeners"] = [*settings(site.folder, port, site.port, site.files)["listeners"], *listeners]
    with synapse_at(site.port, site.folder, site.files, port, **more):
        yield Visit(parts.around(f"http://127.0.0.1:{port}"))


@contextmanager
def in_front(site: Site, database: Database | None = None, program: str = SYNAPSE) -> Iterator[str]:
    """Serve on the listener for clients; ``program``: which Synapse. Yields the base URL."""
    port = free_port()
    with (
        _settings(site, database, modules=modules(site, "client")) as more,
        synapse_at(site.port, site.folder, site.files, port, program=program, **more),
    ):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def behind(proxy: Proxy, site: Site, database: Database | None = None) -> Iterator[str]:
    """Serve on a listener of its own, with the proxy's snippet of the docs; yields the proxy's base URL."""
    main, separate, front = free_port(), free_port(), free_port()
    url = f"http://127.0.0.1:{front}"
    listeners = _listeners(site, main, separate)
    parts = {"modules": modules(site, "separate"), "listeners": listeners, "public_baseurl": url}
    with (
        _settings(site, database, **parts) as more,
        synapse_at(site.port, site.folder, site.files, main, **more),
        proxy.running(site.folder, front, {"8008": main, "8009": separate}),
    ):
        yield url


def _listeners(site: Site, main: int, separate: int) -> list[dict[str, Any]]:
    here = {"bind_addresses": ["127.0.0.1"], "type": "http", "x_forwarded": True}
    usual = settings(site.folder, main, site.port, site.files)["listeners"]
    own = {**here, "port": separate, "resources": []}
    return [{**usual[0], "x_forwarded": True}, *usual[1:], own]


@contextmanager
def _settings(site: Site, database: Database | None, **more: Any) -> Iterator[dict[str, Any]]:
    if database is None:
        yield more
        return
    with database(site.folder) as section:
        yield {**more, "database": section}


@frozen
class Proxy:
    """A reverse proxy: the language of its snippet in the docs, the configuration around that, and its command.

    ``nth``: which of the snippets in that language.
    """

    language: str
    around: str
    command: tuple[str, ...]
    nth: int = 0

    @contextmanager
    def running(self, folder: Path, port: int, ports: Mapping[str, int], left_out: str = "") -> Iterator[None]:
        """Run it at ``port``; ``ports``: for each port in the docs, the one it stands for; ``left_out``: of them."""
        place = folder / self.language
        place.mkdir()
        text = self.around.replace("PORT", str(port)).replace("FOLDER", str(place)).replace("SNIPPET", self.snippet)
        text = text.replace(left_out, "") if left_out else text
        for documented, real in ports.items():
            text = text.replace(f"127.0.0.1:{documented}", f"127.0.0.1:{real}")
        (place / "conf").write_text(text)
        with Program((*self.command, str(place / "conf")), place).running(lambda: listens(port)):
            yield

    @property
    def snippet(self) -> str:
        """What the docs tell people to write."""
        found = re.findall(rf"^```{self.language}\n(.*?)^```", DOCS.read_text(), re.DOTALL | re.MULTILINE)
        assert len(found) > self.nth, f"the docs have nothing for {self.language}"
        return str(found[self.nth])


_NGINX = (
    "daemon off;\nuser root;\npid FOLDER/pid;\nerror_log stderr;\nevents {}\n"
    "http {\naccess_log off;\nclient_body_temp_path FOLDER/body;\nproxy_temp_path FOLDER/proxy;\n"
)
NGINX = Proxy("nginx", f"{_NGINX}server {{\nlisten 127.0.0.1:PORT;\nSNIPPET}}\n}}\n", ("nginx", "-c"))
NGINX_OF_WORKERS = Proxy("nginx", f"{_NGINX}SNIPPET}}\n", ("nginx", "-c"), nth=1)
HAPROXY = Proxy(
    "text",
    "defaults\n    mode http\n    timeout connect 5s\n    timeout client 60s\n    timeout server 60s\n\n"
    "frontend clients\n    bind 127.0.0.1:PORT\nSNIPPET",
    ("haproxy", "-db", "-f"),
)
WAYS: dict[str, Callable[..., AbstractContextManager[str]]] = {
    "in-front": in_front,
    "oldest": partial(in_front, program=OLDEST),
    "nginx": partial(behind, NGINX),
    "haproxy": partial(behind, HAPROXY),
}
"""The ways to serve, by name."""
