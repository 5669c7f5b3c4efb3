"""A real Synapse with our module as its shadow: Synapse answers, and differences are counted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from matrix_threepid.testing.journeys import Parts, Visit

from .moduled import config, visited
from .programs import OLDEST, SYNAPSE, free_port
from .site import Site
from .test_module_life import eventually

COUNTED = re.compile(
    r'^matrix_threepid_shadow_total\{endpoint="(\w+)",module="(.*?)",outcome="(\w+)",synapse="(.*?)"\} ([0-9.]+)$',
    re.MULTILINE,
)
Count = tuple[str, str, str, str]
"""Endpoint, outcome, Synapse's answer, the module's."""


class Shadowed:
    """A visit of a Synapse with a shadow, and what the shadow has counted."""

    def __init__(self, visit: Visit, site: Site, port: int) -> None:
        self.visit, self.site, self._port = visit, site, port

    def counted(self) -> dict[Count, float]:
        with urlopen(f"http://127.0.0.1:{self._port}/_synapse/metrics", timeout=10) as page:
            found = COUNTED.findall(page.read().decode())
        return {(name, outcome, theirs, ours): float(number) for name, ours, outcome, theirs, number in found}

    def judged(self) -> int:
        return int(sum(self.counted().values()))


@pytest.fixture(params=[SYNAPSE, OLDEST])
def shadowed(request: pytest.FixtureRequest, site: Site, parts: Parts) -> Iterator[Shadowed]:
    """A Synapse that sends mails itself, with the module as its shadow."""
    port = free_port()
    metrics = {"port": port, "bind_addresses": ["127.0.0.1"], "type": "metrics"}
    smtp = {"smtp_host": "127.0.0.1", "smtp_port": site.mailbox.port, "notif_from": "noreply@example.org"}
    own = {**config(site, "shadow"), "identity_servers": None}
    more = {"enable_metrics": True, "email": smtp, "program": request.param}
    with visited(parts, site, own, metrics, **more) as visit:
        yield Shadowed(visit, site, port)


def test_exactly_the_documented_differences_are_counted(shadowed: Shadowed) -> None:
    """People do what they do everywhere; what differs is how a missing member and an early add are refused."""
    visit = shadowed.visit
    alice, bob, address = visit.newcomer(), visit.newcomer(), visit.address()
    session = alice.ask("add", address)
    early = alice.interactive("/account/3pid/add", session.credentials, alice.by_password())
    assert (early.status, early.errcode) == (400, "M_THREEPID_AUTH_FAILED")
    link = next(word for word in visit.letter(address).text.split() if "submit_token" in word)
    visit.follow(link)
    alice.add(session)
    assert alice.addresses() == [address]
    asked = {"client_secret": "secret", "send_attempt": 1, "email": address}
    assert bob.send("POST", "/account/3pid/email/requestToken", asked).errcode == "M_THREEPID_IN_USE"
    assert bob.send("POST", "/account/3pid/email/requestToken", {"email": address}).errcode == "M_BAD_JSON"
    assert alice.remove(address) == "no-support"
    eventually(lambda: shadowed.judged() >= 9)
    assert shadowed.counted() == {
        ("request_add_email_token", "same", "200", "200"): 1,
        ("add_threepid", "differs", "401", "403 M_THREEPID_AUTH_FAILED"): 1,
        ("add_threepid", "differs", "400 M_THREEPID_AUTH_FAILED", "403 M_THREEPID_AUTH_FAILED"): 1,
        ("add_threepid", "same", "401", "401"): 1,
        ("add_threepid", "same", "200", "200"): 1,
        ("list_threepids", "same", "200", "200"): 1,
        ("request_add_email_token", "same", "400 M_THREEPID_IN_USE", "400 M_THREEPID_IN_USE"): 1,
        ("request_add_email_token", "differs", "400 M_BAD_JSON", "400 M_MISSING_PARAM"): 1,
        ("delete_threepid", "same", "200", "200"): 1,
    }
    log = (Path(shadowed.site.folder) / "output.txt").read_text()
    told = [line for line in log.splitlines() if "matrix_threepid.synapse.shadow" in line]
    assert len(told) == 3
    assert not [line for line in told if address in line]
    # The shadow has changed nothing.
    assert shadowed.site.sql("SELECT count(*) FROM matrix_threepid_sessions") == [(0,)]
    assert " - ERROR - " not in log
