"""When our module and a Synapse do not fit: what is said, and that it does not start."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from typing import Any

import pytest

from matrix_threepid.testing.journeys import Parts

from .moduled import MODULE, config, visited
from .programs import ROOT, interpreter
from .site import Site
from .synapse import settings

WRONG = [
    ({"endpoints": "everywhere"}, "endpoints: must be one of: client, separate"),
    ({"sms": {"countries": ["Britain"]}}, "sms.countries: "),
    ({"email": {"smpt": {}}}, "email.smpt: there is no such setting"),
    ({"endpoints": None, "identity_servers": None, "email": None}, "nothing is on"),
    ({"delegate_path": "/_synapse/client/short"}, "delegate_path: must be"),
    ({"policy": {"languages": ["xx"]}}, "policy.languages: "),
    ({"policy": {"password_reset_by_phone": True}}, "policy.password_reset_by_phone: must be false"),
]


ELSEWHERE = {
    "matrix_authentication_service": {"enabled": True, "endpoint": "http://127.0.0.1:9/", "secret": "of tests"},
    "enable_registration": False,
    "password_config": {"enabled": False},
}
"""A Synapse whose accounts an authentication service manages."""


def test_accounts_elsewhere_leave_the_guard(site: Site, parts: Parts) -> None:
    """Where an authentication service manages the accounts, ``identity_servers`` alone still starts."""
    with visited(parts, site, {**config(site, None), "sms": None}, **ELSEWHERE) as visit:
        assert visit.stranger().send("GET", "/account/3pid").status == 401


def test_accounts_elsewhere_refuse_the_endpoints(site: Site) -> None:
    """Where an authentication service manages the accounts, ``endpoints`` keep Synapse from starting."""
    assert "endpoints: matrix_authentication_service" in refused_start(site, {}, **ELSEWHERE)


@pytest.mark.parametrize(("changes", "said"), WRONG, ids=[said for _, said in WRONG])
def test_what_cannot_work_keeps_synapse_from_starting(site: Site, changes: dict[str, Any], said: str) -> None:
    """A wrong setting is named, and Synapse does not start."""
    assert said in refused_start(site, changes)


def test_a_synapse_that_does_not_fit_is_refused() -> None:
    """What this version lacks is said by name, all of it at once."""
    code = (
        "from matrix_threepid.synapse.private import Inside\n"
        "from types import SimpleNamespace\n"
        "Inside.of(SimpleNamespace(_hs=SimpleNamespace(signing_key=None)))"
    )
    said = failing("-c", code)
    assert "Synapse 1." in said
    assert "get_auth_handler().checkers" in said
    assert "signing_key.sign" in said


def test_a_module_of_synapse_that_changed_is_refused() -> None:
    """What is imported from inside of Synapse is looked for at the start as well."""
    code = (
        "from matrix_threepid.synapse.private import Inside\n"
        "import synapse.rest, synapse.util.threepids\n"
        "del synapse.util.threepids.check_3pid_allowed, synapse.rest.SERVLET_GROUPS\n"
        "Inside.of(None)"
    )
    said = failing("-c", code)
    assert "synapse.util.threepids.check_3pid_allowed" in said
    assert "synapse.rest.SERVLET_GROUPS" in said


def refused_start(site: Site, changes: Mapping[str, Any], **more: Any) -> str:
    """Return what a Synapse says that must not start; ``changes``: to the module's configuration, ``more``: to its."""
    module = {"module": MODULE, "config": {**config(site, "client"), **changes}}
    file = site.folder / "homeserver.yaml"
    file.write_text(json.dumps({**settings(site.folder, 1, site.port, site.files), **more, "modules": [module]}))
    start = ("-m", "synapse.app.homeserver", "-c", str(file))
    assert python(*start, "--generate-keys").returncode == 0
    return failing(*start)


def failing(*arguments: str) -> str:
    """Return what Synapse's Python says of a program that must fail."""
    done = python(*arguments)
    assert done.returncode != 0
    return done.stdout + done.stderr


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Synapse's Python to its end."""
    return subprocess.run(  # noqa: S603  our own program
        [interpreter("synapse"), *arguments],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
