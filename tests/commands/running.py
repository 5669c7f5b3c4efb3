"""Commands as operators run them, and the files they write for them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from sms.gateway import ACCOUNT, NUMBER

PASSWORD = "a-password-nobody-may-see"
PATH = "/_synapse/client/0123456789abcdef0123456789abcdef"


def ran(*arguments: str, where: Path) -> subprocess.CompletedProcess[str]:
    """Run a command as a process of its own, in a folder."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-m", "matrix_threepid", *arguments]
    return subprocess.run(  # noqa: S603  our own command
        command, cwd=where, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def twilio(url: str = "http://127.0.0.1:1") -> dict[str, str]:
    """Return a section whose Twilio is at a URL."""
    return {"account_sid": ACCOUNT, "auth_token": PASSWORD, "from": NUMBER, "base_url": url}


def smtp(port: int = 1) -> dict[str, Any]:
    """Return a section whose mail server is on loopback."""
    return {"host": "127.0.0.1", "port": port, "starttls": False, "from": "noreply@example.org"}


def shared(**sections: Any) -> dict[str, Any]:
    """Return a host's configuration with mail and SMS; a section that is ``None`` is left out."""
    usual = {
        "server_name": "example.org",
        "public_base_url": "https://matrix.example.org",
        "smtp": smtp(),
        "sms": {"countries": ["GB"], "twilio": twilio()},
    }
    return {name: value for name, value in {**usual, **sections}.items() if value is not None}


def synapse(config: dict[str, Any], **own: Any) -> dict[str, Any]:
    """Return a ``homeserver.yaml`` with the module's section, and Synapse's own settings in place of the usual ones."""
    listener = {"port": 8008, "type": "http", "resources": [{"names": ["client"]}]}
    usual = {
        "server_name": "example.org",
        "listeners": [listener],
        "account_threepid_delegates": {"msisdn": f"http://127.0.0.1:8008{PATH}"},
        "modules": [{"module": "matrix_threepid.synapse.Threepids", "config": config}],
    }
    return {**usual, **own}


def written(folder: Path, settings: dict[str, Any], name: str = "host.json") -> str:
    """Write a configuration; return its file. JSON is YAML, too."""
    file = folder / name
    file.write_text(json.dumps(settings))
    return str(file)
