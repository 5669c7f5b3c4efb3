"""Our module's comings and goings in a real Synapse: part by part, and away again."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from threading import Event
from time import monotonic
from typing import Any
from urllib.request import urlopen

import pytest

from matrix_threepid.__main__ import main
from matrix_threepid.testing.journeys import Parts, Visit
from matrix_threepid.testing.parts import Mailbox, fetch
from matrix_threepid.testing.parts.person import by_address

from .moduled import DOCS, config, visited
from .programs import free_port
from .site import Site

Served = Callable[..., AbstractContextManager[Visit]]


@pytest.fixture
def serving(parts: Parts, site: Site) -> Served:
    """Runs a Synapse on the site's data, with or without the module."""
    return partial(visited, parts, site)


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
    """When the module is gone, its tables too, Synapse has the addresses and bindings and takes them back itself."""
    with serving(config(site, "client")) as visit:
        address = visit.address()
        alice = visit.resident(address)
        publish(visit, alice, address)
    for statement in statements_of_the_docs():
        site.sql(statement)
    left = {name for (name,) in site.sql("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert {name for name in left if name.startswith("matrix_threepid_")} == set()
    with serving(None) as visit:
        alice = returning(visit, alice)
        assert alice.addresses() == [address]
        assert alice.unbind(address) == "success"
        assert visit.identity.owner(address) is None


def statements_of_the_docs() -> list[str]:
    """Return the statements by which the docs drop the tables of the module."""
    return re.findall(r"^DROP TABLE \w+", DOCS.read_text(), re.MULTILINE)


def test_unbinds_that_the_module_left_behind_are_finished(site: Site, serving: Served) -> None:
    """The module is taken away while an identity server is down: ``synapse finish`` tells it later, beside Synapse."""
    before = site.folder / "before.yaml"
    with ExitStack() as outage:
        with serving(config(site, "client")) as visit:
            before.write_text((site.folder / "homeserver.yaml").read_text())
            address = visit.address()
            alice = visit.resident(address)
            publish(visit, alice, address)
            outage.enter_context(visit.identity.down())
            assert alice.remove(address) == "no-support"
        assert main(["synapse", "finish", "--config", str(before)]) == 2
    with serving(None) as visit:
        assert visit.identity.owner(address) == alice.user_id
        assert main(["synapse", "finish", "--config", str(before)]) == 0
        assert visit.identity.owner(address) is None
    assert not site.sql("SELECT 1 FROM user_threepid_id_server WHERE user_id = ?", alice.user_id)


def test_what_synapse_bound_is_taken_over(site: Site, serving: Served) -> None:
    """A binding from before the module is known to it: deleting the address takes it back."""
    with serving(None) as visit:
        address, alice = visit.address(), visit.newcomer()
        publish(visit, alice, address)
    with serving(config(site, "client")) as visit:
        alice = returning(visit, alice)
        assert alice.unbind(address) == "success"
        assert visit.identity.owner(address) is None


def test_who_left_meanwhile_is_swept(site: Site, serving: Served) -> None:
    """Who was deactivated while the module was away, and still is at an identity server, is taken back at the start."""
    with serving(config(site, "client")) as visit:
        address = visit.address()
        alice = visit.resident(address)
        publish(visit, alice, address)
    site.sql("UPDATE users SET deactivated = 1 WHERE name = ?", alice.user_id)
    with serving(config(site, "client")) as visit:
        eventually(lambda: visit.identity.owner(address) is None)
        eventually(lambda: not site.sql("SELECT 1 FROM user_threepids WHERE user_id = ?", alice.user_id))


def test_mails_may_have_texts_of_the_operator(site: Site, serving: Served) -> None:
    """The folder ``texts`` replaces layouts, ``policy`` chooses the brand; Synapse's YAML has both."""
    texts = site.folder / "texts"
    texts.mkdir()
    (texts / "page.css").write_text("body { color: #123456 }")
    own = {**config(site, "client"), "texts": str(texts), "policy": {"brand": {"name": "The Example Company"}}}
    with serving(own) as visit:
        alice, address = visit.newcomer(), visit.address()
        alice.ask("add", address)
        letter = visit.letter(address)
        assert "The Example Company" in letter.text
        assert b"#123456" in fetch("GET", letter.link).body


ODD = ("[::1", "host name", "", "user@host", "127.0.0.1:99999", "a" * 300)


def test_what_names_no_identity_server_keeps_nobody(site: Site, serving: Served) -> None:
    """Old rows of Synapse's with odd names of servers, or of a medium nobody knows: addresses go, and people."""
    with serving({**config(site, None), "sms": None}) as visit:
        alice = visit.newcomer()
        for name in ODD:
            remember_bound(site, alice.user_id, "email", "a@example.org", name)
            remember_bound(site, alice.user_id, "email", "b@example.org", name)
        remember_bound(site, alice.user_id, "pigeon", "a", "localhost")
        assert alice.remove("a@example.org") == "no-support"
        assert alice.deactivate() == "no-support"


def test_another_spelling_of_an_identity_server_is_understood(site: Site, serving: Served) -> None:
    """What Synapse remembers under another spelling is taken back there, and it remembers it no longer."""
    with serving(None) as visit:
        address, alice = visit.address(), visit.newcomer()
        publish(visit, alice, address)
        remember_bound(site, alice.user_id, "email", address, f"https://{visit.identity.name.upper()}/")
    with serving(config(site, "client")) as visit:
        alice = returning(visit, alice)
        assert alice.unbind(address) == "success"
        assert visit.identity.owner(address) is None
        assert not site.sql("SELECT * FROM user_threepid_id_server WHERE user_id = ?", alice.user_id)


def remember_bound(site: Site, *row: str) -> None:
    """Have Synapse remember a binding: user id, medium, address, identity server."""
    site.sql("INSERT INTO user_threepid_id_server (user_id, medium, address, id_server) VALUES (?, ?, ?, ?)", *row)


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


class Forgetful(Mailbox):
    """Ends the connection after the first mail, and says nothing of what became of it."""

    first: str | None = None

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.first is None:
            self.first = envelope.rcpt_tos[0]
            server.transport.abort()
            return "250 OK"
        return await super().handle_DATA(server, session, envelope)


def test_a_mail_server_that_says_nothing_holds_no_mail_up(site: Site, serving: Served) -> None:
    """Nobody waits for its answer longer than the deadline of one mail, and that mail is not sent again."""
    mails = Forgetful()
    with mails.receiving() as port:
        smtp = {"smtp_host": "127.0.0.1", "smtp_port": port, "notif_from": "noreply@example.org"}
        own = {**config(site, "client"), "email": {}}
        with serving(own, email=smtp, request_token_inhibit_3pid_errors=True) as visit:
            alice, addresses = visit.newcomer(), [visit.address(), visit.address()]
            for address in addresses:
                alice.ask("add", address)
            eventually(lambda: bool(mails.messages))
    (arrived,) = mails.messages
    assert sorted((mails.first or "", arrived.recipient)) == sorted(addresses)


def test_mails_that_wait_go_out_beside_the_delegate(site: Site, serving: Served) -> None:
    """With all parts on, messages that wait are left to the part that can send them."""
    every_part = {**config(site, "client"), "delegate_path": f"/_synapse/client/{'x' * 32}"}
    with serving(every_part, request_token_inhibit_3pid_errors=True) as visit:
        alice, addresses = visit.newcomer(), [visit.address() for _ in range(5)]
        for address in addresses:
            alice.ask("add", address)
        for address in addresses:
            assert visit.mail.next(address).link


def test_synapse_publishes_what_happened(site: Site, serving: Served) -> None:
    """Events are counted among Synapse's metrics with their outcome, addresses that come with a registration too."""
    port = free_port()
    metrics = {"port": port, "bind_addresses": ["127.0.0.1"], "type": "metrics"}
    with serving(config(site, "client"), metrics, enable_metrics=True) as visit:
        alice = visit.resident(visit.address())
        carol, address = visit.stranger(), visit.address()
        carol.register(visit.name(), by_address(visit.proved(carol, address, "register")))
        assert alice.addresses() != carol.addresses() == [address]
        with urlopen(f"http://127.0.0.1:{port}/_synapse/metrics", timeout=10) as page:
            lines = page.read().decode().splitlines()
    assert 'matrix_threepid_events_total{event="ThreepidAdded"} 2.0' in lines
    sent = [line for line in lines if line.startswith("matrix_threepid_messages_total{")]
    assert sum(float(line.rpartition(" ")[2]) for line in sent if 'outcome="accepted"' in line) == 2.0, sent


def eventually(holds: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until something holds that another process is about to do."""
    until = monotonic() + seconds  # a sender that was silent is left alone for three deadlines, of ten seconds each
    while not holds():
        assert monotonic() < until
        Event().wait(0.1)
