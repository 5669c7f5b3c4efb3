"""Rules on addresses from files that are read again, and mail domains that take no mail."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import dns.message
import dns.resolver
import pytest

from matrix_threepid import ConfigurationError, Medium, Purpose, Threepid, inline, run_sync
from matrix_threepid.errors import Unavailable
from matrix_threepid.identity import DnsMailDomains
from matrix_threepid.net.mail_domains import dns_takes_mail
from matrix_threepid.policy import AddressLists
from matrix_threepid.testing import World

EMAIL, MSISDN = Medium.EMAIL, Medium.MSISDN


class Ticks:
    """A clock in s that a test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def allowed(lists: AddressLists, address: str, purpose: Purpose = Purpose.ADD, medium: Medium = EMAIL) -> bool:
    return run_sync(lists.allows(Threepid(medium, address), purpose, None))


def written(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines), "utf-8")
    return path


@pytest.mark.rule("SEC-55")
@pytest.mark.parametrize(
    ("line", "refused", "taken"),
    [
        ("example.org", "a@example.org", "a@example.com"),
        ("example.org", "a@mail.example.org", "a@myexample.org"),
        ("Example.ORG  # disposable", "a@example.org", "a@example.net"),
        ("org", "a@example.org", "a@example.com"),
        ("bücher.example", "a@bücher.example", "a@bucher.example"),
        ("xn--bcher-kva.example", "a@bücher.example", "a@bucher.example"),
        ("Bob@example.org", "bob@example.org", "bob2@example.org"),
        ("# example.org", "never@listed.example", "a@example.org"),
    ],
)
def test_a_denied_domain_or_address_is_refused(tmp_path: Path, line: str, refused: str, taken: str) -> None:
    """An entry stands for a domain and those below it, or for one address, in any spelling."""
    lists = AddressLists(deny=written(tmp_path / "deny", line, "", "listed.example"), offload=inline)
    assert (allowed(lists, refused), allowed(lists, taken)) == (False, True)


def test_only_allowed_addresses_are_taken(tmp_path: Path) -> None:
    """With a list of allowed entries all others are refused, and what is denied as well stays refused."""
    allow, deny = (
        written(tmp_path / "a", "example.org", "+4477"),
        written(tmp_path / "d", "eve@example.org", "+44770090"),
    )
    lists = AddressLists(allow=allow, deny=deny, offload=inline)
    judged = [allowed(lists, address) for address in ("a@example.org", "eve@example.org", "a@example.com")]
    assert judged == [True, False, False]
    numbers = ("447711900001", "447700900001", "447811900001", "4915112345678")
    assert [number for number in numbers if allowed(lists, number, medium=MSISDN)] == ["447711900001"]


def test_nobody_is_locked_out_of_a_reset(tmp_path: Path) -> None:
    """An address that resets a password is on an account already, and is not judged."""
    lists = AddressLists(deny=written(tmp_path / "deny", "example.org"), offload=inline)
    assert [purpose for purpose in Purpose if allowed(lists, "a@example.org", purpose)] == [Purpose.PASSWORD]


def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    """Within ``every`` ms a changed file counts, and a file that is the same is not read."""
    clock, path = Ticks(), written(tmp_path / "deny", "example.org")
    lists = AddressLists(deny=path, every=10_000, clock=clock, offload=inline)
    written(path, "example.com")
    assert not allowed(lists, "a@example.org")
    clock.now += 10
    assert allowed(lists, "a@example.org")
    assert not allowed(lists, "a@example.com")


def test_a_file_that_was_replaced_is_read_again(tmp_path: Path) -> None:
    """Programs that write a new file in place of the old one are understood, whatever its time is."""
    clock, path = Ticks(), written(tmp_path / "deny", "example.org")
    lists = AddressLists(deny=path, every=1, clock=clock, offload=inline)
    other = written(tmp_path / "new", "example.com")
    told = path.stat()
    os.utime(other, ns=(told.st_atime_ns, told.st_mtime_ns))
    other.replace(path)
    clock.now += 1
    assert allowed(lists, "a@example.org")


@pytest.mark.parametrize("broken", [None, b"\xff\xfe", b"a.." + b"x" * 80 + "ü".encode()])
def test_a_file_that_cannot_be_read_leaves_what_was_there(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, broken: bytes | None
) -> None:
    """What a file held before stays in force, and the log says so."""
    clock, path = Ticks(), written(tmp_path / "deny", "example.org")
    lists = AddressLists(deny=path, every=1, clock=clock, offload=inline)
    if broken is None:
        path.unlink()
    else:
        path.write_bytes(broken)
    clock.now += 1
    assert not allowed(lists, "a@example.org")
    assert [record.levelno for record in caplog.records if "address list deny" in record.message] == [logging.WARNING]


@pytest.mark.parametrize("name", ["allow", "deny"])
def test_a_file_that_is_not_there_is_said_when_it_is_wired(tmp_path: Path, name: str) -> None:
    """The error names the argument."""
    with pytest.raises(ConfigurationError, match=f"AddressLists: {name}: No such file"):
        AddressLists(**{name: tmp_path / "nothing"})


class Domains:
    """Mail domains of which one takes no mail, and one cannot be asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def takes_mail(self, domain: str) -> bool:
        self.asked.append(domain)
        if domain == "away.example":
            raise Unavailable
        return domain != "nomail.example"


def test_a_domain_without_mail_is_refused() -> None:
    """The port is asked about mail domains in ASCII only, and an outage of it refuses nobody."""
    domains: Any = Domains()
    lists = AddressLists(mail_domains=domains, offload=inline)
    judged = [allowed(lists, f"a@{name}") for name in ("nomail.example", "bücher.example", "away.example")]
    assert judged == [False, True, True]
    assert allowed(lists, "447700900001", medium=MSISDN)
    assert domains.asked == ["nomail.example", "xn--bcher-kva.example", "away.example"]


@pytest.mark.rule("SEC-55")
def test_a_homeserver_takes_them_as_its_rules(tmp_path: Path) -> None:
    """A refused address is answered with ``M_THREEPID_DENIED``."""
    world = World(rules=AddressLists(deny=written(tmp_path / "deny", "example.org"), offload=inline))
    answer = world.ask("alice@example.org")
    assert (answer.status, answer.json()["errcode"]) == (403, "M_THREEPID_DENIED")
    assert world.ask("alice@example.com").status == 200


class Answers:
    """Look-ups of mail domains, as a test wants them."""

    def __init__(self, **takes: bool) -> None:
        self.takes, self.asked = takes, list[str]()

    def __call__(self, domain: str, seconds: float) -> bool:
        self.asked.append(domain)
        if domain not in self.takes:
            raise OSError("no answer")
        return self.takes[domain]


def test_answers_of_name_servers_are_kept_for_a_while() -> None:
    """A domain is asked for once an hour, as many as are kept, and an outage is not kept."""
    clock, ask = Ticks(), Answers(one=True, two=False, three=True)
    domains = DnsMailDomains(ask=ask, clock=clock, offload=inline, max_domains=2)
    assert [run_sync(domains.takes_mail(name)) for name in ("one", "two", "one", "two")] == [True, False, True, False]
    assert run_sync(domains.takes_mail("three"))
    assert run_sync(domains.takes_mail("two")) is False
    assert run_sync(domains.takes_mail("one"))
    assert ask.asked == ["one", "two", "three", "one"]
    clock.now += 3_600
    assert run_sync(domains.takes_mail("one"))
    assert ask.asked[-1] == "one"
    for _ in range(2):
        with pytest.raises(Unavailable):
            run_sync(domains.takes_mail("four"))
    assert ask.asked[-2:] == ["four", "four"]


class Record:
    """An MX record."""

    def __init__(self, exchange: str) -> None:
        self.exchange = exchange


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ({"MX": ["mail.example."]}, True),
        ({"MX": ["."]}, False),
        ({"A": ["192.0.2.1"]}, True),
        ({"AAAA": ["2001:db8::1"]}, True),
        ({}, False),
        (None, False),
    ],
)
def test_mail_domains_are_those_of_the_standard(
    monkeypatch: pytest.MonkeyPatch, records: dict[str, list[str]] | None, expected: bool
) -> None:
    """A domain takes mail by its MX records, without any by its addresses, and not if its record is the root."""

    def resolve(domain: str, kind: str, **options: Any) -> list[Record]:
        if records is None:
            raise dns.resolver.NXDOMAIN
        if kind not in records:
            raise dns.resolver.NoAnswer(response=dns.message.make_response(dns.message.make_query(domain, kind)))
        return [Record(each) for each in records[kind]]

    monkeypatch.setattr(dns.resolver, "resolve", resolve)
    assert dns_takes_mail("example.org", 1) is expected


def test_name_servers_that_fail_are_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A time-out says nothing of a domain."""

    def resolve(domain: str, kind: str, **options: Any) -> list[Record]:
        raise dns.resolver.LifetimeTimeout(timeout=1, errors=[])

    monkeypatch.setattr(dns.resolver, "resolve", resolve)
    with pytest.raises(OSError, match="LifetimeTimeout"):
        dns_takes_mail("example.org", 1)
