"""Keys: what is derived from a pepper, how it rotates, and how secrets are compared."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matrix_threepid import ConfigurationError, Peppers
from matrix_threepid.model.keys import Pepper, random_text, same
from matrix_threepid.roles.homeserver import Homeserver
from matrix_threepid.stores import MemorySessions
from matrix_threepid.testing import World

OLD, NEW, OTHER = b"old pepper, 32 bytes at the least", b"new pepper, 32 bytes at the least", b"x" * 32
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@pytest.mark.rule("SEC-112")
@pytest.mark.parametrize("key", [b"", b"x" * 31, "x" * 32, None, 32, bytearray(32)])
def test_a_pepper_has_32_bytes(key: object) -> None:
    """A short key, or one that is no bytes, stops the start."""
    with pytest.raises(ConfigurationError, match="32 bytes"):
        Peppers.of(key)  # type: ignore[arg-type]


def test_a_pepper_is_never_printed() -> None:
    """Neither a pepper nor what holds it prints the key."""
    assert "pepper," not in repr(Peppers.of(NEW, OLD))


@pytest.mark.rule("SEC-110")
def test_what_is_derived_is_of_its_form() -> None:
    """A MAC is 128 bit, a token 256, both URL-safe; an id tells a pepper without telling its key."""
    pepper = Pepper(NEW)
    assert re.fullmatch(r"[0-9A-Za-z_-]{22}", pepper.mac("a", "b"))
    assert re.fullmatch(r"[0-9A-Za-z_-]{43}", pepper.token("a", "b"))
    assert re.fullmatch(r"[0-9A-Za-z_-]{8}", pepper.id)
    assert len({Pepper(key).id for key in (OLD, NEW, OTHER)}) == 3


@pytest.mark.rule("SEC-110")
@pytest.mark.parametrize("digits", [6, 8, 10])
def test_codes_are_digits_spread_evenly(digits: int) -> None:
    """A code has all its digits, leading zeros too, and every digit is as likely at every place."""
    codes = [Pepper(OTHER).code(digits, "code", str(number)) for number in range(4000)]
    assert all(re.fullmatch(rf"[0-9]{{{digits}}}", code) for code in codes)
    assert len(set(codes)) > 3950
    for place in range(digits):
        counts = Counter(code[place] for code in codes)
        assert sum((counts[digit] - 400) ** 2 / 400 for digit in "0123456789") < 40


@pytest.mark.rule("SEC-113")
@settings(database=None, deadline=None)
@given(st.lists(TEXT, max_size=4), st.lists(TEXT, max_size=4))
def test_other_parts_give_another_mac(left: list[str], right: list[str]) -> None:
    """Two lists of parts have one MAC only if they are equal; where a part ends matters."""
    pepper = Pepper(NEW)
    assert (pepper.mac("label", *left) == pepper.mac("label", *right)) is (left == right)


def test_labels_and_keys_tell_apart() -> None:
    """The same parts under another label or another key give another MAC, token and code."""
    made = [
        make(pepper, label)
        for make in (lambda pepper, label: pepper.mac(label, "x"), lambda pepper, label: pepper.token(label, "x"))
        for pepper in (Pepper(OLD), Pepper(NEW))
        for label in ("link", "code")
    ]
    assert len(set(made)) == len(made)


@pytest.mark.rule("SEC-112")
def test_two_peppers_live_at_once() -> None:
    """The current pepper comes first; the previous is still known by its id, a dropped one is not."""
    before, during = Peppers.of(OLD), Peppers.of(NEW, OLD)
    assert [pepper.key for pepper in during.live] == [NEW, OLD]
    assert during.by_id(before.current.id) == before.current
    assert Peppers.of(NEW).by_id(before.current.id) is None


@pytest.mark.rule("SEC-22", "SEC-114")
@settings(database=None, deadline=None)
@given(st.text(), st.text())
def test_comparing_never_raises(left: str, right: str) -> None:
    """Any two texts can be compared: accents, surrogates and empty ones too."""
    assert same(left, right) is (left == right)
    assert same(left, left)


@pytest.mark.parametrize("right", ["é", "\ud800", "", "a\0", "\uff41", "A"])
def test_what_is_not_the_same_is_not(right: str) -> None:
    """No odd character makes two texts equal."""
    assert not same("a", right)
    assert not same(right, "a")


def test_a_link_survives_a_rotation_and_not_two(world: World) -> None:
    """What was sent under the last pepper is still good; after two rotations it is refused, not an error."""
    world.ask(secret="first")
    message = world.outbox.last
    world.rewire(peppers=Peppers.of(NEW, world.homeserver.peppers.current.key))
    assert world.open_link(message).status == 200
    world.rewire(peppers=Peppers.of(OTHER, NEW))
    assert world.open_link(message).status == 400
    assert world.confirm(message).status == 400


def test_a_request_finds_its_session_after_a_rotation(world: World) -> None:
    """The same request under the next pepper answers the same session and sends nothing."""
    sid = world.ask().json()["sid"]
    world.rewire(peppers=Peppers.of(NEW, world.homeserver.peppers.current.key))
    assert world.ask().json()["sid"] == sid
    assert len(world.outbox.messages) == 1


@pytest.mark.rule("SEC-110")
def test_session_ids_are_random_and_of_their_form(world: World) -> None:
    """A ``sid`` has 128 random bits in the grammar of the specification."""
    sids = {world.homeserver.new_sid("slot") for _ in range(10_000)}
    assert len(sids) == 10_000
    assert all(re.fullmatch(r"[0-9a-zA-Z_-]{22}", sid) for sid in sids)
    assert isinstance(world.homeserver, Homeserver)
    assert random_text(b"\0" * 16) == "A" * 22


@pytest.mark.rule("SEC-110")
@pytest.mark.parametrize("placed", ["7", "{}/7", "{}" + "7" * 33, None])
def test_a_store_can_only_append_to_a_session_id(world: World, placed: str | None) -> None:
    """A store that takes random bits from a ``sid``, or appends what clients cannot send back, is refused by name."""

    class Placing(MemorySessions):
        def place(self, sid: str, slot: str) -> str | None:
            return None if placed is None else placed.format(sid)

    world.rewire(sessions=Placing())
    with pytest.raises(ConfigurationError, match="sessions: place must append"):
        world.homeserver.new_sid("slot")
