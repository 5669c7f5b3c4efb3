"""When our module and a Synapse do not fit: what is said, and that it does not start."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from matrix_threepid.synapse.used import ENDPOINTS, EVERY, OLDEST
from matrix_threepid.testing.journeys import Parts
from matrix_threepid.testing.parts import fetch

from .moduled import MODULE, config, visited
from .programs import ROOT, SYNAPSE, interpreter, version_of
from .site import Site
from .synapse import configured, settings, synapse_at

WRONG = [
    ({"endpoints": "everywhere"}, "endpoints: must be one of: client, separate, shadow"),
    ({"sms": {"countries": ["Britain"]}}, "sms.countries: "),
    ({"email": {"smpt": {}}}, "email.smpt: there is no such setting"),
    ({"endpoints": None, "identity_servers": None, "email": None}, "nothing is on"),
    ({"delegate_path": "/_synapse/client/short"}, "delegate_path: must be"),
    ({"policy": {"languages": ["xx"]}}, "policy.languages: "),
    ({"policy": {"password_reset_by_phone": True}}, "policy.password_reset_by_phone: must be false"),
]

FITTING = """
from types import SimpleNamespace
from matrix_threepid.synapse.fit import ensure_fit
"""
ELSEWHERE = {
    "matrix_authentication_service": {"enabled": True, "endpoint": "http://127.0.0.1:9/", "secret": "of-tests"},
    "enable_registration": False,
    "password_config": {"enabled": False},
}
"""A Synapse whose accounts an authentication service manages."""


def test_accounts_elsewhere_leave_the_guard(site: Site, parts: Parts) -> None:
    """Where an authentication service manages the accounts, ``identity_servers`` alone still starts."""
    with visited(parts, site, {**config(site, None), "sms": None}, **ELSEWHERE) as visit:
        assert visit.stranger().send("GET", "/account/3pid").status == 401


def test_an_authentication_service_changes_addresses(site: Site, parts: Parts) -> None:
    """What the service takes off an account is taken back from identity servers, as its other addresses stay."""
    with visited(parts, site, config(site, "client")) as visit:
        address, other = visit.address(), visit.address()
        alice = visit.resident(address)
        alice.bind(visit.identity.name, alice.user_id, visit.identity.prove(address, alice.user_id))
        assert visit.identity.owner(address) == alice.user_id
    with visited(parts, site, {**config(site, None), "sms": None}, **ELSEWHERE) as visit:
        told = json.dumps({"localpart": alice.user_id[1:].partition(":")[0], "set_emails": [other]}).encode()
        url = f"{visit.around.base_url}/_synapse/mas/provision_user"
        assert fetch("POST", url, told, Authorization="Bearer of-tests").status == 200
        assert visit.identity.owner(address) is None
    assert site.sql("SELECT address FROM user_threepids WHERE user_id = ?", alice.user_id) == [(other,)]


def test_accounts_elsewhere_refuse_the_endpoints(site: Site) -> None:
    """Where an authentication service manages the accounts, ``endpoints`` keep Synapse from starting."""
    said = refused_start(site, {}, **ELSEWHERE)
    assert "endpoints: matrix_authentication_service has the accounts; see the docs" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(("changes", "said"), WRONG, ids=[said for _, said in WRONG])
def test_what_cannot_work_keeps_synapse_from_starting(site: Site, changes: dict[str, Any], said: str) -> None:
    """A wrong setting is named, and Synapse does not start."""
    assert said in refused_start(site, changes)


def test_a_synapse_that_does_not_fit_is_refused() -> None:
    """What this version lacks is said by name, all of it at once."""
    code = "ensure_fit(SimpleNamespace(_hs=SimpleNamespace()), identity_servers=True, endpoints=True)"
    said = failing("-c", f"{FITTING}{code}")
    assert "Synapse 1." in said
    assert "get_auth_handler().checkers is missing" in said
    assert "signing_key.sign(message) is missing" in said


def test_a_synapse_that_is_too_old_is_refused(site: Site) -> None:
    """The first part that needs a newer Synapse is named with the oldest that it works with; nothing else is said."""
    running = tuple(map(int, version_of(SYNAPSE).split(".")[:2]))
    part = next((part for part in (EVERY, ENDPOINTS) if running < OLDEST[part]), None)
    if part is None:
        pytest.skip("this Synapse is new enough for every part")
    said = refused_start(site, {})
    assert f"is too old for {part}, which needs {'.'.join(map(str, OLDEST[part]))} or later" in said
    assert "Traceback" not in said


CHANGED = """
import synapse.handlers.auth, synapse.rest, synapse.util.threepids
del synapse.rest.SERVLET_GROUPS
async def check_3pid_allowed(hs, address, medium, registration): ...
synapse.util.threepids.check_3pid_allowed = check_3pid_allowed
"""
"""Makes a Synapse of another version of this one."""


def test_a_module_of_synapse_that_changed_is_refused() -> None:
    """What is imported from inside of Synapse is compared as well, and what it takes instead is said."""
    said = failing("-c", f"{FITTING}{CHANGED}ensure_fit(None, identity_servers=False, endpoints=True)")
    assert "endpoints cannot work: " in said
    expected = "synapse.util.threepids:check_3pid_allowed(hs, medium, address, registration)"
    assert f"{expected} takes (hs, address, medium, registration)" in said
    assert "synapse.rest:SERVLET_GROUPS is missing" in said


UNBIND = {"handler": "get_identity_handler", "method": "try_unbind_threepid"}
ADD = {"handler": "get_auth_handler", "method": "add_threepid"}


@pytest.mark.parametrize(("part", "change"), [("identity_servers", UNBIND), ("endpoints", ADD)])
def test_a_synapse_whose_methods_changed_is_refused(site: Site, part: str, change: Mapping[str, str]) -> None:
    """What takes other parameters than those we know of is named, with the part that needs it."""
    said = refused_start(site, {}, before=[changed(change)])
    assert f"{part} cannot work: " in said
    assert f"{change['method']}(" in said
    assert "takes (another)" in said


def test_what_a_part_does_not_need_may_change(site: Site) -> None:
    """Where ``endpoints`` are off, what only they use keeps nothing from starting."""
    guard = {"module": MODULE, "config": {**config(site, None), "sms": None}}
    with synapse_at(site.port, site.folder, site.files, modules=[changed(ADD), guard]) as synapse:
        assert synapse.client.call("GET", "/_matrix/client/versions").status == 200


def changed(change: Mapping[str, str]) -> dict[str, Any]:
    """Return the section of the module that makes a Synapse one of another version."""
    return {"module": "tests.interop.changed.Changed", "config": change}


def refused_start(site: Site, changes: Mapping[str, Any], *, before: Sequence[Any] = (), **more: Any) -> str:
    """Return what a Synapse says that must not start.

    ``changes``: to the module's configuration, ``before``: modules that come first, ``more``: of Synapse's own.
    """
    modules = [*before, {"module": MODULE, "config": {**config(site, "client"), **changes}}]
    usual = settings(site.folder, 1, site.port, site.files)
    file = configured(site.folder, {**usual, **more, "modules": modules})
    return failing("-m", "synapse.app.homeserver", "-c", str(file))


def failing(*arguments: str) -> str:
    """Return what Synapse's Python says of a program that must fail."""
    done = subprocess.run(  # noqa: S603  our own program
        [interpreter(SYNAPSE), *arguments],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    return done.stdout + done.stderr
