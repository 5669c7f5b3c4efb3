"""Rows as use leaves them, in bulk: sessions in every state, counts of limits, bindings, associations."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

from attrs import frozen

from matrix_threepid.model.association import Association
from matrix_threepid.model.binding import Binding
from matrix_threepid.model.delivery import new_message_id
from matrix_threepid.model.invitation import Invitation
from matrix_threepid.model.lifetimes import Lifetimes
from matrix_threepid.model.message import MessageKind
from matrix_threepid.model.onbind import Onbind
from matrix_threepid.model.outbound import OutboundMessage
from matrix_threepid.model.reversal import Reversal
from matrix_threepid.model.session import Session
from matrix_threepid.model.suppression import Suppression
from matrix_threepid.model.threepid import Medium, Purpose, Threepid
from matrix_threepid.stores.sql import associations, bindings, invitations, messages, reversals, sessions, suppressions

from .places import Place

_LIVES = Lifetimes()
_HOUR = 3_600_000
_KEPT = 20 * _HOUR
_OPENED = Session(
    sid="",
    purpose=Purpose.ADD,
    threepid=Threepid(Medium.EMAIL, ""),
    spelling="",
    pepper_id="pepperid",
    secret_mac="",
    slot="",
    created_at=1,
    expires_at=_LIVES.session,
    origin="203.0.113.*",
)
_QUEUED = _OPENED.begin_send(1, 1, 2 * _LIVES.session, _LIVES) or _OPENED
_WAITING = _QUEUED.sent()
_VALIDATED = _WAITING.validate(60_000, _LIVES)
_SPENT = _VALIDATED.claim("user:", 90_000).consume(90_000)
_HUNDRED = [_SPENT] * 50 + [_WAITING] * 35 + [_VALIDATED] * 9 + [_WAITING.end()] * 5 + [_QUEUED]
_COLUMNS = {name: number for number, name in enumerate(sessions.TABLE.columns)}
_TIMES = ("created_at", "expires_at", "token_expires_at", "due_at", "validated_at", "claimed_at", "consumed_at")


@frozen
class Strangers:
    """Random people in no order, up to ``now`` (ms)."""

    random: Random
    now: int

    def text(self) -> str:
        """Return 88 random characters, to cut names from."""
        return urlsafe_b64encode(self.random.randbytes(66)).decode()


def fill(place: Place, count: int, strangers: Strangers) -> int:
    """Fill an empty store; return the bytes its ``count`` sessions take on disk."""
    place.bulk("matrix_threepid_sessions", sessions.TABLE.columns, session_rows(count, strangers))
    size = place.size()
    place.bulk("matrix_threepid_limits", ("name", "full_at"), limit_rows(count // 2, strangers))
    place.bulk("matrix_threepid_bindings", bindings.TABLE.columns, binding_rows(count // 10, strangers))
    columns = (*associations.TABLE.columns, "hash_0", "hash_1", "hashed")
    place.bulk("matrix_threepid_associations", columns, association_rows(count // 10, strangers))
    place.bulk(
        "matrix_threepid_identity_tokens", ("token_mac", "user_id", "created_at"), login_rows(count // 2, strangers)
    )
    place.bulk(
        "matrix_threepid_identity_terms", ("user_id", "document", "accepted_at"), terms_rows(count // 2, strangers)
    )
    place.bulk("matrix_threepid_invitations", invitations.TABLE.columns, invitation_rows(count // 10, strangers))
    place.bulk("matrix_threepid_onbinds", invitations.ONBINDS.columns, onbind_rows(count // 10, strangers))
    place.bulk("matrix_threepid_no_invitations", ("address", "medium", "since"), stopped_rows(count // 10, strangers))
    place.bulk("matrix_threepid_reversals", reversals.TABLE.columns, reversal_rows(count // 10, strangers))
    place.bulk("matrix_threepid_messages", messages.TABLE.columns, message_rows(count // 2, strangers))
    place.bulk(
        "matrix_threepid_message_counts",
        ("day", "medium", "purpose", "provider", "status", "number"),
        count_rows(count // 10, strangers),
    )
    place.bulk("matrix_threepid_suppressions", suppressions.TABLE.columns, suppression_rows(count // 10, strangers))
    place.settle()
    return size


def session_rows(count: int, strangers: Strangers) -> Iterator[Sequence[Any]]:
    """Yield sessions in the order they were opened, none of them so old that it would be purged."""
    shapes = [_Shape.of(session) for session in _HUNDRED]
    for number in range(count):
        kind = strangers.random.randrange(len(shapes))
        made = strangers.now - shapes[kind].age * (count - number) // count
        yield shapes[kind].row(made, strangers.text(), owned=kind % 10 < 6)


@frozen
class _Shape:
    """What the rows of sessions in one state have in common. ``age``: the ms until they would be purged."""

    common: tuple[Any, ...]
    times: tuple[int, ...]
    age: int

    @classmethod
    def of(cls, session: Session) -> _Shape:
        row = sessions.TABLE.row(session)
        return cls(tuple(row), tuple(at for name in _TIMES if row[at := _COLUMNS[name]]), session.expires_at + _KEPT)

    def row(self, made: int, text: str, *, owned: bool) -> list[Any]:
        """Return the row of a session made at a time, with names cut from ``text``."""
        row = list(self.common)
        for column in self.times:
            row[column] += made
        spelling, user = f"Person.{text[50:60]}@mail{text[60:62]}.example.org", f"@u{text[70:80]}:hs.example.org"
        for name, value in (("sid", text[:22]), ("secret_mac", text[22:44]), ("client_mac", text[44:66])):
            row[_COLUMNS[name]] = value
        row[_COLUMNS["spelling"]], row[_COLUMNS["address"]] = spelling, spelling.lower()
        row[_COLUMNS["owner"]] = user if owned else None
        for name, value in (("slot", text[66:]), ("claimed_by", f"user:{user}")):
            row[_COLUMNS[name]] = None if row[_COLUMNS[name]] is None else value
        return row


def limit_rows(count: int, strangers: Strangers) -> Iterator[Sequence[Any]]:
    """Yield counts that will be completely refilled within a day."""
    for _ in range(count):
        yield f"address:{strangers.text()[:22]}", strangers.now + strangers.random.randrange(2 * _HOUR, 24 * _HOUR)


def login_rows(count: int, strangers: Strangers) -> Iterator[Sequence[Any]]:
    """Yield access tokens of an identity server, two a user, none of them so old that it would be purged."""
    for number in range(count):
        yield strangers.text()[:22], f"@u{number // 2}:hs.example.org", strangers.now + number


def terms_rows(count: int, strangers: Strangers) -> Iterator[Sequence[Any]]:
    """Yield documents that users of an identity server have accepted."""
    for number in range(count):
        yield f"@u{number}:hs.example.org", "privacy_policy 1.0", strangers.now


def binding_rows(count: int, strangers: Strangers) -> Iterator[Sequence[Any]]:
    """Yield confirmed bindings; one in fifty is without an address, one waits to be taken back."""
    for number in range(count):
        text, made = strangers.text(), strangers.now - _KEPT * (count - number) // count
        row = Binding(
            id=text[:32], user_id=f"@u{text[32:42]}:hs.example.org", id_server="id.example.org", created_at=made
        )
        if number % 50:
            row = row.known(Threepid(Medium.EMAIL, f"{text[42:60].lower()}@example.org"), f"{text[42:60]}@example.org")
            row = row.bound(made)
        yield bindings.TABLE.row(row.unwanted(made, made + 48 * _HOUR) if number % 50 == 1 else row)


def invitation_rows(count: int, strangers: Strangers) -> Iterator[Sequence[Any]]:
    """Yield invitations, every other one delivered; none of them is so old that it would be purged."""
    for number in range(count):
        text, made = strangers.text(), strangers.now + number
        row = Invitation(
            text[:43],
            Threepid(Medium.EMAIL, f"{text[42:60].lower()}@example.org"),
            f"!{text[60:78]}:hs.example.org",
            f"@u{text[32:42]}:hs.example.org",
            text[43:86],
            text[:64],
            made,
            made if number % 2 else None,
        )
        yield invitations.TABLE.row(row)


def onbind_rows(count: int, strangers: Strangers) -> Iterator[Sequence[Any]]:
    """Yield what homeservers are to be told of binds, later."""
    for number in range(count):
        text, due_at = strangers.text(), strangers.now + _KEPT + number
        mail = Threepid(Medium.EMAIL, f"{text[42:60].lower()}@example.org")
        row = Onbind.of(mail, f"@u{text[:10]}:hs{number // 3}.example.org", strangers.now, due_at)
        yield invitations.ONBINDS.row(row)


def stopped_rows(count: int, strangers: Strangers) -> Iterator[Sequence[Any]]:
    """Yield addresses that want no more invitations."""
    for _ in range(count):
        yield f"{strangers.text()[:18].lower()}@example.org", Medium.EMAIL.value, strangers.now


def reversal_rows(count: int, strangers: Strangers) -> Iterator[Sequence[Any]]:
    """Yield what can be taken back on accounts; nothing of it has expired."""
    for _ in range(count):
        text = strangers.text()
        yield reversals.TABLE.row(
            Reversal.begun(f"@u{text[:10]}:hs.example.org", text[20:42], "pepperid", (), strangers.now)
        )


def message_rows(count: int, strangers: Strangers) -> Iterator[Sequence[Any]]:
    """Yield messages that were written down; none of them so old that it would be purged."""
    for number in range(count):
        text, made = strangers.text(), strangers.now - _KEPT * (count - number) // count
        yield messages.TABLE.row(
            OutboundMessage(
                id=new_message_id(strangers.random.randbytes(16)),
                sid=text[:22],
                user_id=f"@u{text[22:32]}:hs.example.org",
                medium=Medium.EMAIL,
                kind=MessageKind.TOKEN,
                purpose=Purpose.ADD,
                address_key=f"address:{text[32:54]}",
                provider="smtp",
                written_at=made,
                expires_at=made + 24 * _HOUR,
            )
        )


def count_rows(count: int, strangers: Strangers) -> Iterator[Sequence[Any]]:
    """Yield counts of messages: ten of each of the last days."""
    for number in range(count):
        day = strangers.now // (24 * _HOUR) - number // 10
        yield day, "email", "add", f"provider{number % 10}", "delivered", 1


def suppression_rows(count: int, strangers: Strangers) -> Iterator[Sequence[Any]]:
    """Yield suppressions of addresses; none has expired."""
    for _ in range(count):
        failed = Suppression(key=f"address:{strangers.text()[:22]}").with_failure(0, strangers.now, "5.1.1")
        yield suppressions.TABLE.row(failed)


def association_rows(count: int, strangers: Strangers) -> Iterator[Sequence[Any]]:
    """Yield what an identity server publishes."""
    for _ in range(count):
        text = strangers.text()
        threepid = Threepid(Medium.EMAIL, f"{text[:18].lower()}@example.org")
        row = associations.TABLE.row(Association(threepid, f"@u{text[20:30]}:hs.example.org", strangers.now))
        yield [*row, text[:43], text[43:86], 2]
