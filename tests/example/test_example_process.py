"""The example as a process: what outlives a restart, how it ends, what runs beside the requests."""

from __future__ import annotations

import socket
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

from neighbours import lonely
from serving import Example, smtp_settings

from examples.homeserver.demo.person import Person
from examples.homeserver.demo.story import STEPS, tell
from matrix_threepid import Policy
from matrix_threepid.testing.parts import Mailbox, fetch, press

SOONER_THAN_A_SENDING = Policy(public_base_url="https://hs.example.org").send_deadline / 1000 - 3
"""The s in which a process ends that does not wait for a mail to be taken."""


def test_the_story_goes_well_on_a_server_of_its_own(settings: dict[str, Any], tmp_path: Path, mailbox: Mailbox) -> None:
    """Every step of the demo that needs no other server succeeds against ``serve``; SIGTERM ends it with status 0."""
    alone = [step for step in STEPS if step[1].__module__.endswith("address_steps")]
    with Example(settings, tmp_path) as example:
        tell(lonely(example.url, tmp_path, mailbox), alone)
        assert (example.stop(), example.errors) == (0, "")


def test_a_restart_forgets_nothing(settings: dict[str, Any], tmp_path: Path, mailbox: Mailbox) -> None:
    """Accounts, access tokens and sessions live in the database; links in old mails work afterwards."""
    port = free_port()
    settings["listen"] = f"127.0.0.1:{port}"
    with Example(settings, tmp_path) as example:
        person = Person(example.url)
        person.register("patient")
        sid = person.ask("add", "patient@example.org")
        assert example.stop() == 0
    with Example(settings, tmp_path):
        press(fetch("GET", mailbox.next("patient@example.org").link))
        person.add(sid)
        assert person.addresses() == ["patient@example.org"]


def test_looking_at_a_link_changes_nothing(person: Person, mailbox: Mailbox) -> None:
    """However often a link is opened or probed, the address stays unproved until the button is pressed."""
    person.register("curious")
    sid = person.ask("add", "curious@example.org")
    link = mailbox.next("curious@example.org").link
    for method in ("HEAD", "GET", "HEAD", "OPTIONS"):
        assert fetch(method, link).status in (200, 204)
    assert person.add_in_vain(sid) == "M_THREEPID_AUTH_FAILED"
    press(fetch("GET", link))
    person.add(sid)


def test_deferred_mails_go_out_on_their_own(settings: dict[str, Any], tmp_path: Path, mailbox: Mailbox) -> None:
    """With ``hide_known_addresses`` the request answers first, and the server sends by itself soon after."""
    settings["policy"] = {"hide_known_addresses": True}
    with Example(settings, tmp_path) as example:
        person = Person(example.url)
        person.register("discreet")
        person.ask("add", "discreet@example.org")
        assert mailbox.next("discreet@example.org").link.startswith(example.url)


def test_a_silent_mail_server_does_not_hold_up_the_exit(settings: dict[str, Any], tmp_path: Path) -> None:
    """SIGTERM ends the process in time while a mail is being handed to a server that says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor() as threads:
        settings["smtp"] = smtp_settings(silent.getsockname()[1])
        with Example(settings, tmp_path) as example:
            person = Person(example.url)
            person.register("waiting")
            asking = threads.submit(person.ask, "add", "waiting@example.org")
            with silent.accept()[0]:
                assert example.stop(within=SOONER_THAN_A_SENDING) == 0
            assert asking.exception() is not None


def test_a_locked_database_keeps_only_its_own_waiting(settings: dict[str, Any], tmp_path: Path) -> None:
    """While another program keeps the file locked, ``/versions`` is answered; then the request that writes is."""
    with Example(settings, tmp_path) as example, ThreadPoolExecutor() as threads:
        with closing(sqlite3.connect(tmp_path / "example.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            registering = threads.submit(Person(example.url).register, "waiting")
            # The server has read the first request by the time it answers the last of these.
            answered = [fetch("GET", f"{example.url}/_matrix/client/versions").status for _ in range(5)]
            assert (answered, registering.done()) == ([200] * 5, False)
            other.execute("ROLLBACK")
        registering.result()


def test_the_client_address_comes_from_the_header_of_the_proxy(settings: dict[str, Any], tmp_path: Path) -> None:
    """Limits for a client follow ``client_ip_header``, which counts only where it is configured."""
    settings |= {"client_ip_header": "X-Real-IP", "limits": {"per_client": {"burst": 1, "per_second": 0.001}}}
    with Example(settings, tmp_path) as example:
        url = f"{example.url}/_matrix/client/v3/register/email/requestToken"
        body = b'{"email": "limited%d@example.org", "client_secret": "x", "send_attempt": 1}'
        clients = ["203.0.113.1", "203.0.113.1", "203.0.113.2"]
        asked = [fetch("POST", url, body % n, **{"X-Real-IP": client}) for n, client in enumerate(clients)]
        assert [answer.status for answer in asked] == [200, 429, 200]


def free_port() -> int:
    """Return a port nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
