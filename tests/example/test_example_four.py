"""Four processes of the example on one PostgreSQL are, from outside, one server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from serving import Example, smtp_settings
from stores.postgres import database

from examples.homeserver.demo.person import Person
from examples.homeserver.demo.town import twilio_at
from matrix_threepid.testing.parts import Mailbox, PersonSession, Phone, fetch, press
from matrix_threepid.testing.parts.client import BASE, answered

MAILS = 10
"""How many mails an address may be sent at once."""
GUESSES = 5
Urls = tuple[str, ...]


@pytest.fixture(scope="module")
def phone() -> Iterator[Phone]:
    phone = Phone()
    with phone.receiving():
        yield phone


@pytest.fixture(scope="module")
def four(
    postgres: str, mail: tuple[Mailbox, int], phone: Phone, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, str, str, str]]:
    """The URLs of the processes."""
    home = tmp_path_factory.mktemp("four")
    with database(postgres) as uri, ExitStack() as stack:
        settings = {
            "listen": "127.0.0.1:0",
            "server_name": "hs.example.org",
            "database": uri,
            "signing_key_file": str(home / "signing.key"),
            "smtp": smtp_settings(mail[1]),
            "twilio": twilio_at(phone.url),
            "limits": {
                "per_address": {"burst": MAILS, "per_second": 0.001},
                "per_client": {"burst": 1000, "per_second": 1000},
            },
        }
        one, two, three, other = (stack.enter_context(Example(settings, _made(home / f"{n}"))).url for n in range(4))
        yield one, two, three, other


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def at(url: str, link: str) -> str:
    """Return a link as it leads to another process."""
    return urlunsplit(urlsplit(link)._replace(netloc=urlsplit(url).netloc))


def together(calls: int, call: Callable[[int], int]) -> Counter[int]:
    """Make calls at once; return how often which status was answered."""
    with ThreadPoolExecutor(calls) as pool:
        return Counter(pool.map(call, range(calls)))


def asked(url: str, address: str, secret: str) -> int:
    body = {"email": address, "client_secret": secret, "send_attempt": 1}
    return answered("POST", f"{url}{BASE}/account/3pid/email/requestToken", body, None).status


@pytest.mark.rule("SEC-258")
def test_every_step_of_a_journey_may_meet_another_process(
    four: tuple[str, str, str, str], mailbox: Mailbox, tmp_path: Path
) -> None:
    """Ask at one, confirm at another, add at a third, look at the fourth, remove at the first."""
    person = Person(four[3])
    person.register("wanderer")
    person.url = four[0]
    session = person.ask("add", "wanderer@example.org")
    press(fetch("GET", at(four[1], mailbox.next("wanderer@example.org").link)))
    person.url = four[2]
    person.add(session)
    person.url = four[3]
    assert person.addresses() == ["wanderer@example.org"]
    person.url = four[0]
    person.remove("wanderer@example.org")
    person.url = four[1]
    assert person.addresses() == []


def test_one_request_made_to_all_at_once_is_one_mail(four: Urls, mailbox: Mailbox) -> None:
    """Ten parallel requestTokens with the same parameters, over the four: one mail."""
    address = "impatient@example.org"
    assert together(10, lambda number: asked(four[number % 4], address, "secret")) == {200: 10}
    mailbox.next(address)
    assert mailbox.count(address) == 1


def test_limits_are_counted_together(four: Urls, mailbox: Mailbox) -> None:
    """The four send as many mails to an address as one process would, and refuse the rest."""
    address = "popular@example.org"
    statuses = together(MAILS + 6, lambda number: asked(four[number % 4], address, f"secret{number}"))
    assert statuses == {200: MAILS, 429: 6}
    assert mailbox.count(address) == MAILS


@pytest.mark.parametrize(("wrong", "number", "status"), [(GUESSES - 1, "1", 200), (GUESSES, "2", 400)])
def test_guesses_are_counted_together(four: Urls, phone: Phone, wrong: int, number: str, status: int) -> None:
    """However they are spread over the processes, a code bears so many guesses and no more."""
    person = Person(four[0])
    person.register(f"guessed{number}")
    session = person.ask_by_phone("GB", f"0770090000{number}")
    code = phone.next(f"+44770090000{number}").code

    def guess(count: int, token: str) -> int:
        there = PersonSession(session.sid, session.client_secret, at(four[count % 4], session.submit_url or ""))
        return there.submit(token).status

    wrong_code = f"{(int(code) + 1) % 10 ** len(code):0{len(code)}}"
    assert together(wrong, lambda count: guess(count, wrong_code)) == {400: wrong}
    assert guess(3, code) == status
