"""Synapse's own settings, as a real Synapse with our module follows them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from matrix_threepid.testing.journeys import Parts

from .moduled import config, visited
from .programs import OLDEST, ROOT, SYNAPSE, interpreter
from .site import Site
from .synapse import configured, settings

EXACT = {"medium": "email", "pattern": r"^.*@example\.org$"}


def test_synapses_rules_about_addresses_hold(site: Site, parts: Parts) -> None:
    """Addresses that Synapse does not allow, numbers it does not register and passwords nobody has get no message."""
    own = {
        "allowed_local_3pids": [EXACT],
        "disable_msisdn_registration": True,
        "password_config": {"localdb_enabled": False},
    }
    with visited(parts, site, config(site, "client"), **own) as visit:
        stranger, asked = visit.stranger(), {"client_secret": "secret", "send_attempt": 1}
        number = {**asked, "country": "GB", "phone_number": visit.number()}
        for path, body in (
            ("/register/email/requestToken", {**asked, "email": "a@example.com"}),
            ("/register/msisdn/requestToken", number),
            ("/account/password/email/requestToken", {**asked, "email": "a@example.org"}),
        ):
            answer = stranger.send("POST", path, body)
            assert (path, answer.status, answer.json()["errcode"]) == (path, 403, "M_THREEPID_DENIED")
        allowed = {**asked, "email": f"{visit.name()}@example.org"}
        assert stranger.send("POST", "/register/email/requestToken", allowed).status == 200


READING = """
import json, sys, yaml
from types import SimpleNamespace
from attrs import asdict
from synapse.config.homeserver import HomeServerConfig
from matrix_threepid.commands.files.synapse_around import Around
from matrix_threepid.synapse.private import Inside

file = sys.argv[1]
inside = Inside.of(SimpleNamespace(_hs=SimpleNamespace(config=HomeServerConfig.load_config("", ["-c", file]))))
print(json.dumps([asdict(inside.own()), asdict(Around(yaml.safe_load(open(file))).own), inside.files().get("email")]))
"""
ALL: dict[str, Any] = {
    "enable_3pid_changes": False,
    "request_token_inhibit_3pid_errors": True,
    "next_link_domain_whitelist": ["example.org"],
    "rc_3pid_validation": {"per_second": 0.5, "burst_count": 7},
    "email": {
        "smtp_host": "127.0.0.1",
        "notif_from": "%(app)s <noreply@example.org>",
        "app_name": "Example",
        "enable_notifs": True,
        "client_base_url": "https://app.example.org",
        "validation_token_lifetime": "30m",
    },
    "federation_ip_range_blacklist": ["198.41.0.0/24"],
    "ip_range_whitelist": ["198.41.0.4/32"],
}
ELSE: dict[str, Any] = {"enable_registration": False, "ip_range_blacklist": ["198.41.0.0/24"]}


@pytest.mark.parametrize("program", [SYNAPSE, OLDEST])
@pytest.mark.parametrize("own", [ALL, {}, ELSE], ids=["all", "none", "others"])
def test_check_reads_synapses_settings_as_the_module_does(site: Site, program: str, own: dict[str, Any]) -> None:
    """What ``check`` takes from the file is what a running Synapse says; Synapse also writes each range as IPv6."""
    usual = settings(site.folder, 1, site.port, site.files)
    for name in ("federation_ip_range_blacklist", "rc_3pid_validation"):
        usual.pop(name)
    inside, around, email = _read(configured(site.folder, {**usual, **own}), program)
    refused = {each for each in inside.pop("refused") if ":" not in each} - {"0.0.0.0/32"}
    assert set(around.pop("refused")) == (refused if own else set())
    assert (inside, email) == (around, own.get("email"))


def _read(file: Path, program: str) -> Any:
    done = subprocess.run(  # noqa: S603  our own program
        [interpreter(program), "-c", READING, str(file)],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
