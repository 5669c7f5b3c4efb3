"""What a host has promised, by what the outside knows, and whether the stores keep it."""

from __future__ import annotations

from collections import Counter

from matrix_threepid import Medium, Threepid, run_sync
from matrix_threepid.model.binding import Binding
from matrix_threepid.model.session import Session

from . import journey
from .journey import Step, Travel
from .outside import OLD

DAY = 86_400_000
_PROOFS = (
    (journey.alice_asks, journey.alice_confirms, journey.alice_adds_mail, journey.alice_deletes_mail),
    (journey.alice_asks_for_code, journey.alice_types_code, journey.alice_adds_phone, journey.alice_leaves),
)
"""How an address comes and goes: asked, proved, added, and the first step that takes it away."""


def check_always(travel: Travel) -> None:
    """Raise ``AssertionError`` for what must hold at any moment, before anything was recovered as well."""
    _addresses_are_kept(travel)
    _owners_stay(travel)
    _no_sms_goes_twice(travel)
    _bindings_are_remembered(travel)


def check_recovered(travel: Travel) -> None:
    """Raise ``AssertionError`` for what must hold once the scheduler has done its work."""
    check_always(travel)
    for ask in (journey.alice_asks, journey.bob_asks):
        if _done(travel, ask):
            assert travel.links(travel.said(ask)), "a mail was promised and never sent"


def check_finished(travel: Travel) -> None:
    """Raise ``AssertionError`` for what must hold once everybody got what they wanted."""
    check_recovered(travel)
    assert travel.ledger.published() == {}, "something is still published"
    assert travel.world.threepids(travel.cast.alice) == travel.world.threepids(travel.cast.bob) == []
    assert [row for row in _rows(travel) if row.threepid is not None] == [], "a binding was not taken back"
    travel.world.clock.advance(2 * DAY)
    run_sync(travel.world.service.purge())
    assert _rows(travel) == [], "a bind that came to nothing stays for ever"


def _done(travel: Travel, step: Step) -> bool:
    return step.__name__ in {line["step"] for line in travel.ledger.read("done")}


def _begun(travel: Travel, step: Step) -> bool:
    return step.__name__ in {line["step"] for line in travel.ledger.read("begun")}


def _addresses_are_kept(travel: Travel) -> None:
    """What was proved can be added, what was added is there, once."""
    listed = Counter(travel.world.threepids(travel.cast.alice))
    assert set(listed.values()) <= {1}, "an address was added twice"
    for (asked, proved, added, gone), address in zip(_PROOFS, (travel.cast.mail, travel.cast.phone), strict=True):
        if _done(travel, proved) and not _begun(travel, gone):
            usable = _usable(run_sync(travel.host.sessions.get(travel.said(asked))))
            assert address in listed or (usable and not _done(travel, added)), "a validated address was lost"


def _owners_stay(travel: Travel) -> None:
    """Alice was first; Bob, who has proved the address too, never gets it."""
    owner = run_sync(travel.host.accounts.owner(Threepid(Medium.EMAIL, travel.cast.mail)))
    assert owner is None or owner.user_id == travel.cast.alice, "an owner has changed"


def _no_sms_goes_twice(travel: Travel) -> None:
    codes = Counter(travel.sent(travel.cast.phone, "code"))
    assert set(codes.values()) <= {1}, "an SMS was sent twice"


def _bindings_are_remembered(travel: Travel) -> None:
    """Whatever is public has its row: by its address, or, where no server tells that, as a bind without an outcome."""
    rows = _rows(travel)
    known = {(row.id_server, row.threepid) for row in rows}
    for id_server, medium, address in travel.ledger.published():
        named = (id_server, Threepid(Medium(medium), address)) in known
        assert named or (id_server == OLD and (OLD, None) in known), "a binding was forgotten"


def _usable(session: Session | None) -> bool:
    return session is not None and session.validated_at is not None and not session.over


def _rows(travel: Travel) -> list[Binding]:
    return [*run_sync(travel.host.bindings.of_user(travel.cast.alice))]
