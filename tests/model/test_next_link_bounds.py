"""Where ``next_link`` ends: lengths to the character, ports that are usual, and names of hosts that are not ASCII."""

from __future__ import annotations

import pytest

from matrix_threepid.model.next_link import MAX_LENGTH, checked_next_link
from matrix_threepid.protocol.errors import InvalidParam

PLACE = "https://app.example.org/"
APP = "org.example:"


@pytest.mark.rule("REQ-LINK-4")
@pytest.mark.parametrize(("start", "hosts"), [(PLACE, None), (APP, {APP})], ids=["web", "app"])
def test_a_link_of_the_longest_length_is_the_last_that_is_taken(start: str, hosts: set[str] | None) -> None:
    """A link of 2,048 characters is taken as it is, one of 2,049 is refused."""
    longest = start.ljust(MAX_LENGTH, "a")
    assert checked_next_link(longest, hosts) == longest
    with pytest.raises(InvalidParam):
        checked_next_link(f"{longest}a", hosts)


@pytest.mark.rule("REQ-LINK-4")
@pytest.mark.parametrize(("start", "hosts"), [(PLACE, None), (APP, {APP})], ids=["web", "app"])
def test_the_length_counts_as_the_link_is_stored(start: str, hosts: set[str] | None) -> None:
    """A link that percent-encoding makes longer than 2,048 characters is refused, one of just so many is taken."""
    fits = f"{start}é".ljust(MAX_LENGTH - len("%C3%A9") + 1, "a")
    assert len(checked_next_link(fits, hosts)) == MAX_LENGTH
    with pytest.raises(InvalidParam):
        checked_next_link(f"{fits}a", hosts)


@pytest.mark.rule("REQ-LINK-4")
@pytest.mark.parametrize(
    ("link", "place"),
    [("http://app.example.org:80/", "http://app.example.org"), ("https://app.example.org:443/", "app.example.org")],
)
def test_a_usual_port_may_be_written(link: str, place: str) -> None:
    """A place without a port is also the one with the usual port of its scheme, and no other."""
    assert checked_next_link(link, {place}) == link
    with pytest.raises(InvalidParam):
        checked_next_link(link.replace(":80/", ":81/").replace(":443/", ":444/"), {place})


@pytest.mark.rule("REQ-LINK-4")
@pytest.mark.parametrize(
    ("link", "stored"),
    [
        ("https://BÜCHER.example/", "https://xn--bcher-kva.example/"),
        ("https://ab--cd.example/", "https://ab--cd.example/"),
    ],
)
def test_a_host_is_stored_in_ascii(link: str, stored: str) -> None:
    """A name that is not ASCII is written as domain names are, whatever its case; one in ASCII stays as it is."""
    assert checked_next_link(link, None) == stored


@pytest.mark.rule("REQ-LINK-4")
def test_a_host_that_is_no_name_is_refused() -> None:
    """A host with a character that no domain name can have is a bad parameter."""
    with pytest.raises(InvalidParam):
        checked_next_link("https://\u0378.example/", None)
