"""The example's phone numbers, through a stand-in for Twilio."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from serving import Example

from examples.homeserver.demo.person import Person
from examples.homeserver.demo.town import twilio_at
from matrix_threepid.testing.parts import Phone


def test_a_number_gets_onto_an_account_and_logs_in(settings: dict[str, Any], tmp_path: Path) -> None:
    """With ``twilio`` a code goes out as a text message, its session is added, and the number names the account."""
    phone = Phone()
    with phone.receiving() as url, Example({**settings, "twilio": twilio_at(url)}, tmp_path) as example:
        person = Person(example.url)
        person.register("caller")
        session = person.ask_by_phone("GB", "07700 900002")
        assert session.submit(phone.next("+447700900002").code).status == 200
        person.add(session)
        person.log_in_by_phone("GB", "+44 7700 900002")
        assert person.addresses() == ["447700900002"]


def test_only_configured_countries_get_messages(settings: dict[str, Any], tmp_path: Path) -> None:
    """A number of a country that is not in ``twilio.countries`` is refused, and nothing is sent."""
    phone = Phone()
    with phone.receiving() as url, Example({**settings, "twilio": twilio_at(url)}, tmp_path) as example:
        person = Person(example.url)
        person.register("abroad")
        body = {"country": "FR", "phone_number": "0612345678", "client_secret": "x", "send_attempt": 1}
        refused = person.call("POST", "/account/3pid/msisdn/requestToken", body, expected=403)
        assert (refused["errcode"], phone.waiting) == ("M_THREEPID_DENIED", 0)


def test_without_twilio_there_are_no_numbers(person: Person) -> None:
    """A server without ``twilio`` says that it takes no phone numbers."""
    body = {"country": "GB", "phone_number": "07700900001", "client_secret": "x", "send_attempt": 1}
    refused = person.call("POST", "/account/3pid/msisdn/requestToken", body, expected=400)
    assert refused["errcode"] == "M_THREEPID_MEDIUM_NOT_SUPPORTED"
