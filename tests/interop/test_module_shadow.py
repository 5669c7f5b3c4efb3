"""A real Synapse with our module as its shadow: Synapse answers, and differences are counted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from matrix_threepid.testing.journeys import JOURNEYS, Parts, Visit, run

from .moduled import config, visited
from .programs import OLDEST, ROOT, SYNAPSE, free_port
from .site import Site
from .sms_ways import DELEGATE_PATH
from .test_module_life import eventually

PAGE = ROOT / "docs" / "hosts" / "from-synapse.md"
NEWEST = "synapse"
"""The page is about the newest Synapse; older ones answer some bad input in other ways."""
COUNTED = re.compile(
    r'^matrix_threepid_shadow_total\{endpoint="(\w+)",module="(.*?)",outcome="(\w+)",synapse="(.*?)"\} ([0-9.]+)$',
    re.MULTILINE,
)
Count = tuple[str, str, str, str]
"""Endpoint, outcome, Synapse's answer, the module's."""


DOCUMENTED = re.compile(r"^\| `(\w+_\w+)` \| `(.*?)` \| `(.*?)` \| ", re.MULTILINE)


class Shadowed:
    """A visit of a Synapse with a shadow, and what the shadow has counted."""

    def __init__(self, visit: Visit, site: Site, port: int) -> None:
        self.visit, self.site, self._port = visit, site, port

    def counted(self) -> dict[Count, float]:
        with urlopen(f"http://127.0.0.1:{self._port}/_synapse/metrics", timeout=10) as page:
            found = COUNTED.findall(page.read().decode())
        return {(name, outcome, theirs, ours): float(number) for name, ours, outcome, theirs, number in found}

    def differing(self) -> set[tuple[str, str, str]]:
        return {(name, theirs, ours) for name, outcome, theirs, ours in self.counted() if outcome == "differs"}

    def judged(self) -> int:
        return int(sum(self.counted().values()))


Shadowing = Callable[[], AbstractContextManager[Shadowed]]


@pytest.fixture(params=[SYNAPSE, OLDEST], ids=["chosen", "oldest"])
def shadowing(request: pytest.FixtureRequest, site: Site, parts: Parts) -> Shadowing:
    """Starts a Synapse that sends mails itself, and SMS through the module, with the module as its shadow."""

    @contextmanager
    def started() -> Iterator[Shadowed]:
        port, own = free_port(), free_port()
        here = {"bind_addresses": ["127.0.0.1"], "type": "http"}
        metrics, asked = {**here, "port": port, "type": "metrics"}, {**here, "port": own}
        asked["resources"] = [{"names": ["client"]}]
        smtp = {"smtp_host": "127.0.0.1", "smtp_port": site.mailbox.port, "notif_from": "noreply@example.org"}
        more = {
            "enable_metrics": True,
            "email": smtp,
            "account_threepid_delegates": {"msisdn": f"http://127.0.0.1:{own}{DELEGATE_PATH}"},
            "program": request.param,
        }
        module = {**config(site, "shadow"), "identity_servers": None, "delegate_path": DELEGATE_PATH}
        with visited(parts, site, module, metrics, asked, **more) as visit:
            yield Shadowed(visit, site, port)

    return started


@pytest.fixture
def shadowed(shadowing: Shadowing) -> Iterator[Shadowed]:
    """A Synapse with a shadow."""
    with shadowing() as started:
        yield started


@pytest.mark.parametrize("shadowing", [NEWEST], indirect=True)
def test_journeys_show_exactly_the_documented_differences(shadowed: Shadowed) -> None:
    """All journeys on Synapse's own endpoints, ended where Synapse does another thing: what differs is in the docs."""
    results = list(run(JOURNEYS, shadowed.visit.around))
    assert sum(each.outcome == "ok" for each in results) > len(results) / 2
    # Judged after everything else, and the one difference that no journey shows.
    last = shadowed.visit.newcomer()
    assert last.send("POST", "/account/3pid/email/requestToken", {"email": shadowed.visit.address()}).status == 400
    shown = ("request_add_email_token", "400 M_BAD_JSON", "400 M_MISSING_PARAM")
    eventually(lambda: shown in shadowed.differing())
    documented = PAGE.read_text("utf-8").partition("### What a shadow counts\n")[2].partition("\n#")[0]
    assert shadowed.differing() == set(DOCUMENTED.findall(documented))
    assert {outcome for _, outcome, *_ in shadowed.counted()} == {"same", "differs", "open", "unpaired"}


def test_pairs_survive_a_restart(shadowing: Shadowing) -> None:
    """A session that was opened before a restart of Synapse is judged as one that was opened after it."""
    with shadowing() as shadowed:
        visit = shadowed.visit
        alice, address = visit.newcomer(), visit.address()
        session = alice.ask("add", address)
        eventually(lambda: shadowed.judged() == 1)
    with shadowing() as shadowed:
        alice.url = shadowed.visit.around.base_url
        link = next(word for word in visit.letter(address).text.split() if "submit_token" in word)
        shadowed.visit.follow(urlsplit(link)._replace(netloc=urlsplit(alice.url).netloc).geturl())
        alice.add(session)
        eventually(lambda: shadowed.judged() == 2)
        assert shadowed.counted() == {
            ("add_threepid", "same", "401", "401"): 1,
            ("add_threepid", "same", "200", "200"): 1,
        }


def test_exactly_what_people_do_is_counted(shadowed: Shadowed) -> None:
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
    # Synapse itself says so of metrics where it has two client listeners.
    assert not [line for line in log.splitlines() if " - ERROR - " in line and "already registered" not in line]
