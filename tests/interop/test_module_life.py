"""Our module's comings and goings in a real Synapse: part by part, away again, and when it does not fit."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any
from urllib.request import urlopen

import pytest

from matrix_threepid.testing.journeys import Parts, Visit, opened

from .moduled import MODULE, config
from .programs import ROOT, free_port, interpreter
from .site import Site
from .synapse import settings, synapse_at

Served = Callable[..., AbstractContextManager[Visit]]


@pytest.fixture(scope="module")
def parts() -> Iterator[Parts]:
    """A mail server, a text message provider, an identity server."""
    with opened() as parts:
        yield parts


@pytest.fixture
def site(parts: Parts, files: Mapping[str, Path], tmp_path: Path) -> Site:
    """A place for a Synapse, which keeps its data there."""
    assert parts.mail is not None and parts.sms is not None and parts.identity is not None  # noqa: PT018
    trusted = {**files, "authority": parts.authority or Path()}
    return Site(
        folder=tmp_path,
        port=free_port(),
        files=trusted,
        mailbox=parts.mail,
        phone=parts.sms,
        peers=(parts.identity.port,),
    )


@pytest.fixture
def serving(parts: Parts, site: Site) -> Served:
    """Runs a Synapse on the site's data, with or without the module; ``more``: of its own configuration."""

    @contextmanager
    def served(module: Mapping[str, Any] | None, *listeners: Mapping[str, Any], **more: Any) -> Iterator[Visit]:
        port = free_port()
        more["modules"] = [] if module is None else [{"module": MODULE, "config": module}]
        more["listeners"] = [*settings(site.folder, port, site.port, site.files)["listeners"], *listeners]
        with synapse_at(site.port, site.folder, site.files, port, **more):
            yield Visit(parts.around(f"http://127.0.0.1:{port}"))

    return served


def publish(visit: Visit, person: Any, address: str) -> None:
    """Publish an address at the identity server."""
    person.bind(visit.identity.name, person.user_id, visit.identity.prove(address, person.user_id))
    assert visit.identity.owner(address) == person.user_id


def returning(visit: Visit, former: Any) -> Any:
    """Return somebody as they come back after a restart."""
    person = visit.stranger()
    person.user_id, person.password = former.user_id, former.password
    person.use(person.log_in().json())
    return person


def test_without_the_module_synapse_goes_on(site: Site, serving: Served) -> None:
    """Addresses and bindings made with the module are there when it is gone, and Synapse takes them back itself."""
    with serving(config(site, "client")) as visit:
        address = visit.address()
        alice = visit.resident(address)
        publish(visit, alice, address)
    with serving(None) as visit:
        alice = returning(visit, alice)
        assert alice.addresses() == [address]
        assert alice.unbind(address) == "success"
        assert visit.identity.owner(address) is None


def test_what_synapse_bound_is_taken_over(site: Site, serving: Served) -> None:
    """A binding from before the module is known to it: deleting the address takes it back."""
    with serving(None) as visit:
        address, alice = visit.address(), visit.newcomer()
        publish(visit, alice, address)
    with serving(config(site, "client")) as visit:
        alice = returning(visit, alice)
        assert alice.unbind(address) == "success"
        assert visit.identity.owner(address) is None


@pytest.mark.parametrize("leaving", ["remove", "deactivate"])
def test_the_guard_alone_waits_for_no_identity_server(site: Site, serving: Served, leaving: str) -> None:
    """With Synapse's own endpoints: while the identity server is down nobody is kept, and afterwards it is told."""
    with serving({**config(site, None), "sms": None}) as visit:
        address, alice = visit.address(), visit.newcomer()
        publish(visit, alice, address)
        with visit.identity.down():
            done = alice.deactivate() if leaving == "deactivate" else alice.remove(address)
            assert done == "no-support"
        eventually(lambda: visit.identity.owner(address) is None)


def test_mails_may_go_the_way_synapse_sends_its_own(site: Site, serving: Served) -> None:
    """``email: {}`` takes Synapse's mail server; the mail is ours."""
    smtp = {"smtp_host": "127.0.0.1", "smtp_port": site.mailbox.port, "notif_from": "Example <noreply@example.org>"}
    with serving({**config(site, "client"), "email": {}}, email=smtp) as visit:
        address = visit.address()
        assert visit.resident(address).addresses() == [address]


def test_synapse_publishes_what_happened(site: Site, serving: Served) -> None:
    """Events are counted among Synapse's metrics."""
    port = free_port()
    metrics = {"port": port, "bind_addresses": ["127.0.0.1"], "type": "metrics"}
    with serving(config(site, "client"), metrics, enable_metrics=True) as visit:
        visit.resident(visit.address())
        with urlopen(f"http://127.0.0.1:{port}/_synapse/metrics", timeout=10) as page:
            lines = page.read().decode().splitlines()
    assert 'matrix_threepid_events_total{event="ThreepidAdded"} 1.0' in lines


WRONG = [
    ({"endpoints": "everywhere"}, "endpoints: must be one of: client, separate"),
    ({"sms": {"countries": ["Britain"]}}, "sms.countries: "),
    ({"email": {"smpt": {}}}, "email.smpt: there is no such setting"),
    ({"endpoints": None, "identity_servers": None, "email": None}, "nothing is on"),
    ({"delegate_path": "/_synapse/client/short"}, "delegate_path: must be"),
    ({"policy": {"languages": ["xx"]}}, "policy.languages: "),
]


@pytest.mark.parametrize(("changes", "said"), WRONG, ids=[said for _, said in WRONG])
def test_what_cannot_work_keeps_synapse_from_starting(site: Site, changes: dict[str, Any], said: str) -> None:
    """A wrong setting is named, and Synapse does not start."""
    module = {"module": MODULE, "config": {**config(site, "client"), **changes}}
    file = site.folder / "homeserver.yaml"
    file.write_text(json.dumps({**settings(site.folder, 1, site.port, site.files), "modules": [module]}))
    start = ("-m", "synapse.app.homeserver", "-c", str(file))
    assert python(*start, "--generate-keys").returncode == 0
    assert said in failing(*start)


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


def eventually(holds: Callable[[], bool]) -> None:
    """Wait until something holds that another process is about to do."""
    until = monotonic() + 30
    while not holds():
        assert monotonic() < until
        Event().wait(0.1)
