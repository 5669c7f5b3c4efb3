"""The homeservers the stories are told at: each a function that runs one on a site, and yields its base URL."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from ..moduled import in_front
from ..programs import ROOT, Program, free_port, listens
from ..site import Site
from .parts import behind_tls

_GENEROUS = {"burst": 1000, "per_second": 1000}
_TWILIO = {"account_sid": "AC" + "0" * 32, "auth_token": "a token of tests", "from": "+15005550006"}


Target = Callable[[Site], AbstractContextManager[str]]


@contextmanager
def example(site: Site, **settings: Any) -> Iterator[str]:
    """Run ``python -m examples.homeserver`` in a process, behind TLS for servers. ``settings``: more of its own."""
    port, file = free_port(), site.folder / "config.json"
    file.write_text(json.dumps({**_settings(site), "listen": f"127.0.0.1:{port}", **settings}))
    command = [sys.executable, "-m", "examples.homeserver", "serve", "--config", str(file)]
    program, url = Program(command, site.folder, {"PYTHONPATH": str(ROOT)}), f"http://127.0.0.1:{port}"
    with behind_tls(site.name, url, site.files), program.running(lambda: listens(port)):
        yield url


def _settings(site: Site) -> dict[str, Any]:
    here = {"allow_addresses": ["127.0.0.0/8", "::1/128"], "ports": list(site.peers)}
    return {
        "server_name": site.name,
        "smtp": {"host": "127.0.0.1", "port": site.mailbox.port, "starttls": False, "from": "noreply@example.org"},
        "twilio": {**_TWILIO, "base_url": site.phone.url, "countries": ["GB"]},
        "limits": {"per_address": _GENEROUS, "per_client": _GENEROUS},
        "identity_servers": {**here, "ca_file": str(site.files["authority"])},
    }


TARGETS: dict[str, Target] = {"example": example, "synapse": in_front}
"""All of them, by name."""
