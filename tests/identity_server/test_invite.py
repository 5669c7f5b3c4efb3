"""Invitations by mail: what the inviter's server gets, what the mail shows, who may ask, and how to stop them."""

from __future__ import annotations

from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from matrix_threepid import Limits, Medium, Threepid, run_sync
from matrix_threepid.callbacks.report import Report, events_of
from matrix_threepid.errors import Unavailable
from matrix_threepid.flows.delivery import record_delivery
from matrix_threepid.identity.signing import verifies
from matrix_threepid.model.delivery import DeliveryEvent, DeliveryStatus, read_message_id
from matrix_threepid.model.invitation import Invitation, public_name, shown
from matrix_threepid.model.message import MessageKind, RefusedForever, RefusedForNow
from matrix_threepid.model.outbound import OutboundMessage, address_keys
from matrix_threepid.observing import Cause, explain
from matrix_threepid.policy import InvitationRules, LookupRules, per_hour
from matrix_threepid.stores import MemoryInvitations, MemoryMessages, MemorySuppressions, Suppression
from matrix_threepid.testing import ALICE, FakeGate
from matrix_threepid.texts.catalogue import Texts
from matrix_threepid.texts.mails import words_for

from .acting import BASE, DAY, FORM, KEY, NAME, Place, Strict, refusal
from .apis import V1, V2

BOB, ROOM, GUEST = "@bob:hs.example.org", "!room:hs.example.org", "guest@example.net"
CLIENT = "https://app.example.org"
RULES: dict[str, Any] = {"web_client": CLIENT}
_V1_SIGN = "/_matrix/identity/api/v1/sign-ed25519"


@pytest.fixture
def inviting(make_place: Callable[..., Place]) -> Callable[..., Place]:
    """Return what makes a server by which people can be invited; the rules are those of ``InvitationRules``."""

    def make(rules: Mapping[str, Any] | None = None, policy: Mapping[str, Any] | None = None, **ports: Any) -> Place:
        chosen = {"invitations": InvitationRules(**{**RULES, **(rules or {})}), **(policy or {})}
        return make_place(V2, chosen, **ports)

    return make


def invite(place: Place, address: str = GUEST, sender: str = ALICE, **members: Any) -> Any:
    more = {name: members.pop(name) for name in ("client", "user") if name in members}
    body = {"medium": "email", "address": address, "room_id": ROOM, "sender": sender, **members}
    return place.post("/store-invite", body, **{"user": sender, **more})


def secrets(place: Place) -> dict[str, str]:
    """Return what a client needs of the newest mail: the query of the URL that signs."""
    fragment = urlsplit(str(place.outbox.last.link)).fragment
    signing = dict(parse_qsl(fragment.partition("?")[2]))["signurl"]
    assert signing.startswith(f"{BASE}{_V1_SIGN}?")
    return dict(parse_qsl(urlsplit(signing).query))


def waiting(place: Place) -> list[Invitation]:
    return [each for each in place.homeserver.invitations.dump() if each.delivered_at is None]


def valid(place: Place, url: str, key: str) -> bool:
    path = urlsplit(url).path
    return bool(place.get(path, {"public_key": key}, user=None).json()["valid"])


@pytest.mark.rule("SEC-149")
def test_whoever_complained_is_not_invited(inviting: Callable[..., Place]) -> None:
    """An address whose reader called a message spam gets no invitation, and nothing waits there for it."""
    held, suppressions = Threepid(Medium.EMAIL, GUEST), MemorySuppressions()
    place = inviting(messages=MemoryMessages(), suppressions=suppressions)
    key = address_keys(place.homeserver.peppers, held)[0]
    run_sync(suppressions.put(Suppression(key=key).with_complaint(place.clock())))
    assert refusal(invite(place)) == (403, "M_THREEPID_DENIED")
    assert (place.outbox.messages, waiting(place)) == ([], [])


def recording(inviting: Callable[..., Place], **ports: Any) -> Place:
    """Return a server that records what becomes of messages."""
    return inviting(messages=MemoryMessages(), suppressions=MemorySuppressions(), **ports)


def mails(place: Place, address: str = GUEST) -> list[OutboundMessage]:
    """Return what was recorded of the mails to an address, the newest first."""
    keys = address_keys(place.homeserver.peppers, Threepid(Medium.EMAIL, address))
    return list(run_sync(place.homeserver.messages.of_address(keys)))


def report(place: Place, status: DeliveryStatus, code: str = "") -> Any:
    """Let the provider report what became of the newest mail, by the id that the mail was sent with."""
    said = Report(message=place.outbox.last.message_id, status=status, said=code)
    (event,) = events_of(place.homeserver.peppers, "smtp", [said], place.clock())
    return run_sync(record_delivery(place.homeserver, event))


@pytest.mark.rule("SEC-148")
def test_the_mail_of_an_invitation_is_recorded(inviting: Callable[..., Place]) -> None:
    """It is written down with its inviter before it is sent, carries its id, and the invitation's days are its own."""
    place = recording(inviting)
    assert invite(place).status == 200
    (mail,) = mails(place)
    assert (mail.kind, mail.user_id, mail.sid) == (MessageKind.INVITATION, ALICE, None)
    assert (mail.status, mail.provider) == (DeliveryStatus.HANDED_OVER, "outbox")
    assert mail.expires_at - mail.written_at == 90 * DAY
    assert read_message_id(place.homeserver.peppers, str(place.outbox.last.message_id)) == mail.id
    assert report(place, DeliveryStatus.DELIVERED).status is DeliveryStatus.DELIVERED
    assert waiting(place)[0].token not in repr(mail)


@pytest.mark.rule("SEC-148", "REQ-ISINV-7")
def test_an_invitation_that_came_back_stops_more_of_them(inviting: Callable[..., Place]) -> None:
    """A mailbox that does not exist gets no messages for a day but one that tries it; ``explain`` says which it is."""
    place = recording(inviting)
    assert invite(place).status == 200
    place.clock.advance(1_000)
    report(place, DeliveryStatus.BOUNCED, "5.1.1")
    assert "that of today is left" in run_sync(explain(place.homeserver, GUEST)).text
    assert invite(place, room_id="!second:hs.example.org").status == 200
    assert refusal(invite(place, room_id="!third:hs.example.org")) == (403, "M_THREEPID_DENIED")
    told = run_sync(explain(place.homeserver, GUEST))
    assert "that of today was used" in told.text
    assert (told.cause_of("bind"), "invitation for bind" in told.text) == (Cause.SUPPRESSED, True)
    assert refusal(place.ask(email=GUEST)) == (400, "M_EMAIL_SEND_ERROR")


@pytest.mark.rule("SEC-148", "REQ-ISINV-7")
def test_a_mailbox_that_the_mail_server_refuses_is_suppressed(inviting: Callable[..., Place]) -> None:
    """What the mail server answers at once counts as a report, and the invitation does not wait."""
    place = recording(inviting)
    place.outbox.outcomes.append(RefusedForever("5.1.1"))
    assert refusal(invite(place)) == (400, "M_EMAIL_SEND_ERROR")
    assert (mails(place)[0].status, waiting(place)) == (DeliveryStatus.REFUSED, [])
    (held,) = run_sync(place.homeserver.suppressions.listed("", 10))
    assert held.failing(place.clock())


class Out(MemoryMessages):
    """A store of messages that cannot be reached when ``down`` says so."""

    down = ""

    async def write(self, message: OutboundMessage) -> bool:
        return await super().write(message) if self.down != "write" else self._fail()

    async def record(self, event: DeliveryEvent) -> OutboundMessage | None:
        return await super().record(event) if self.down != "record" else self._fail()

    def _fail(self) -> Any:
        raise Unavailable


@pytest.mark.rule("REQ-ISINV-7")
@pytest.mark.answers_5xx(503)
def test_an_outage_of_the_record_leaves_no_half_of_an_invitation(inviting: Callable[..., Place]) -> None:
    """A mail that cannot be written down is not sent and does not wait; one that was sent waits, recorded or not."""
    messages = Out()
    place = inviting(messages=messages)
    messages.down = "write"
    assert invite(place).status == 503
    assert (place.outbox.messages, waiting(place)) == ([], [])
    messages.down = "record"
    assert invite(place).status == 200
    assert (len(place.outbox.messages), len(waiting(place))) == (1, 1)


@pytest.mark.rule("REQ-ISINV-1")
def test_an_invitation_is_stored_and_mailed(inviting: Callable[..., Place]) -> None:
    """The answer has what the room needs: a token, a name that hides the address, and the keys with where to ask."""
    place = inviting()
    answer = invite(place, "Guest@example.net", room_name="Walk", sender_display_name="Al")
    assert answer.status == 200
    body = answer.json()
    assert sorted(body) == ["display_name", "public_keys", "token"]
    assert body["display_name"] == "g...@e..."
    server, own = body["public_keys"]
    assert server == {"public_key": KEY.public, "key_validity_url": f"{BASE}/_matrix/identity/v2/pubkey/isvalid"}
    assert own["key_validity_url"] == f"{BASE}/_matrix/identity/v2/pubkey/ephemeral/isvalid"
    assert [valid(place, each["key_validity_url"], each["public_key"]) for each in (server, own)] == [True, True]
    urlsafe = urlsafe_b64encode(b64decode(own["public_key"] + "=")).decode()
    assert valid(place, own["key_validity_url"], urlsafe)
    assert not valid(place, own["key_validity_url"], KEY.public)
    assert not valid(place, server["key_validity_url"], own["public_key"])
    mail = place.outbox.last
    assert (mail.kind, mail.recipient, mail.room) == (MessageKind.INVITATION, "Guest@example.net", "Walk")
    assert mail.inviter == "Al (alice:hs. example. org)"
    assert mail.link is not None
    assert mail.link.startswith(f"{CLIENT}/#/room/{ROOM}?email=guest%40example.net&signurl=")
    (stored,) = waiting(place)
    assert (stored.token, stored.public_key, stored.sender) == (body["token"], own["public_key"], ALICE)


@pytest.mark.rule("REQ-ISINV-2")
@pytest.mark.parametrize("spelled", ["urlsafe", "usual", "padded"])
def test_the_key_of_the_mail_signs_for_who_accepts(inviting: Callable[..., Place], spelled: str) -> None:
    """Who has the mail gets a signature over user, inviter and token by the key that the room knows."""
    place = inviting()
    body = invite(place).json()
    found = secrets(place)
    padded = b64encode(urlsafe_b64decode(found["private_key"] + "=")).decode()
    key = {"urlsafe": found["private_key"], "usual": padded.rstrip("="), "padded": padded}[spelled]
    answer = place.post("/sign-ed25519", {"mxid": BOB, "token": found["token"], "private_key": key}, user=BOB)
    assert answer.status == 200
    signed = answer.json()
    assert {name: signed[name] for name in ("mxid", "sender", "token")} == {
        "mxid": BOB,
        "sender": ALICE,
        "token": body["token"],
    }
    assert verifies(signed, NAME, "ed25519:0", body["public_keys"][1]["public_key"])


@pytest.mark.rule("REQ-ISINV-2")
def test_web_clients_sign_by_the_url_of_the_mail(inviting: Callable[..., Place]) -> None:
    """A POST to the URL of the mail with the user id added needs no access token, also where version 1 is off."""
    place = inviting()
    body = invite(place).json()
    answer = place.call("POST", _V1_SIGN, query=urlencode({**secrets(place), "mxid": BOB}), user=None)
    assert answer.status == 200
    assert verifies(answer.json(), NAME, "ed25519:0", body["public_keys"][1]["public_key"])
    assert refusal(place.post("/sign-ed25519", {**secrets(place), "mxid": BOB}, user=None)) == (401, "M_UNAUTHORIZED")


@pytest.mark.rule("REQ-ISINV-2")
@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"token": "other"}, (404, "M_UNRECOGNIZED")),
        ({"private_key": "AAAA"}, (400, "M_INVALID_PARAM")),
        ({"private_key": "é" * 43}, (400, "M_INVALID_PARAM")),
        ({"mxid": "bob"}, (400, "M_INVALID_PARAM")),
        ({"mxid": None}, (400, "M_INVALID_PARAM")),
        ({"private_key": 5}, (400, "M_INVALID_PARAM")),
    ],
    ids=str,
)
def test_nothing_else_is_signed(inviting: Callable[..., Place], changed: dict[str, Any], expected: Any) -> None:
    """An unknown token, a key of another form and a user id of another form are refused."""
    place = inviting()
    invite(place)
    assert refusal(place.post("/sign-ed25519", {**secrets(place), "mxid": BOB, **changed}, user=BOB)) == expected


@pytest.mark.rule("REQ-ISINV-3")
def test_an_address_with_a_user_is_told(inviting: Callable[..., Place]) -> None:
    """An address that is published is 400 with its user, without a mail; asking so counts as a look-up."""
    place = inviting(policy={"lookup": LookupRules(per_account=2)})
    place.publish_as(GUEST, BOB)
    sent = len(place.outbox.messages)
    answer = invite(place)
    assert refusal(answer) == (400, "M_THREEPID_IN_USE")
    assert answer.json()["mxid"] == BOB
    assert invite(place, "other@example.net").status == 200
    assert refusal(invite(place, "third@example.net")) == (429, "M_LIMIT_EXCEEDED")
    assert (len(place.outbox.messages), len(waiting(place))) == (sent + 1, 1)


@pytest.mark.rule("REQ-ISINV-3")
def test_a_bind_meanwhile_is_seen(inviting: Callable[..., Place]) -> None:
    """An address that is bound while its invitation is stored is told as bound, and no mail is sent."""

    class Invitations(MemoryInvitations):
        async def put(self, invitation: Invitation, most: int) -> bool:
            place.publish_as(GUEST, BOB)
            return await super().put(invitation, most)

    place = inviting(invitations=Invitations())
    assert refusal(invite(place)) == (400, "M_THREEPID_IN_USE")
    assert (place.outbox.messages, waiting(place)) == ([], [])


@pytest.mark.rule("REQ-ISINV-1")
@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"medium": "msisdn", "address": "447700900123"}, (400, "M_UNRECOGNIZED")),
        ({"medium": "pigeon"}, (400, "M_UNRECOGNIZED")),
        ({"address": "nobody"}, (400, "M_INVALID_EMAIL")),
        ({"address": ""}, (400, "M_INVALID_EMAIL")),
        ({"address": 5}, (400, "M_INVALID_PARAM")),
        ({"address": None}, (400, "M_INVALID_PARAM")),
        ({"room_id": "room"}, (400, "M_INVALID_PARAM")),
        ({"room_name": 5}, (400, "M_INVALID_PARAM")),
        ({"sender": "alice", "user": ALICE}, (400, "M_INVALID_PARAM")),
        ({"user": BOB}, (403, "M_UNAUTHORIZED")),
        ({"user": None}, (401, "M_UNAUTHORIZED")),
    ],
    ids=str,
)
def test_what_is_wrong_is_said(inviting: Callable[..., Place], members: dict[str, Any], expected: Any) -> None:
    """What is no invitation of a mail address by its own sender is refused; nothing is sent or stored."""
    place = inviting()
    assert refusal(invite(place, **members)) == expected
    assert (place.outbox.messages, waiting(place)) == ([], [])


def test_what_is_left_out_may_be_null(inviting: Callable[..., Place]) -> None:
    """Rooms and users without names are invited from and by; the alias stands in for the name."""
    place = inviting()
    nameless = {"room_name": None, "sender_display_name": None, "room_alias": "#walk:x", "room_avatar_url": 5}
    assert invite(place, **nameless).status == 200
    assert place.outbox.last.room == "#walk:x"
    assert invite(place, room_name="", sender_display_name="").status == 200
    assert (place.outbox.last.room, place.outbox.last.inviter) == ("", "alice:hs. example. org")


def test_without_a_web_client_the_mail_has_no_link(inviting: Callable[..., Place]) -> None:
    """Without ``web_client`` the mail says what to do, and holds no link but the one that stops invitations."""
    place = inviting({"web_client": None})
    assert invite(place).status == 200
    assert place.outbox.last.link is None
    assert place.outbox.last.stop_link is not None


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("Walk", "Walk"),
        ("  two\r\nlines\t", "two lines"),
        ("http://evil.example/x", "http evil. example x"),
        ("a@evil.example", "a evil. example"),
        ("evil\u3002example", "evil\u3002 example"),
        ("\u202egnihsihp\u200b", "gnihsihp"),
        ("x" * 500, "x" * 63 + "\u2026"),
        ("\ud800", ""),
    ],
    ids=range(8),
)
@pytest.mark.rule("REQ-ISINV-4")
def test_names_of_strangers_are_shown_harmless(typed: str, expected: str) -> None:
    """Names are short, on one line, and nothing that mail programs make a link of."""
    assert shown(typed) == expected
    assert public_name("a@b") == "a...@b..."


@pytest.mark.rule("REQ-ISINV-4")
def test_the_mail_holds_no_markup_and_no_image_of_strangers(inviting: Callable[..., Place]) -> None:
    """Whatever room and user are called, the mail's only URLs are its own, and no image is loaded."""
    place = inviting()
    evil = '<img src="https://evil.example/x">'
    members = {"room_name": evil, "sender_display_name": evil, "room_avatar_url": "mxc://evil.example/x"}
    assert invite(place, **members).status == 200
    texts, mail = Texts(), place.outbox.last
    words = words_for(texts, mail, NAME)
    for part in (words.text(texts), words.html(texts)):
        assert "evil.example" not in part
        assert "mxc:" not in part
    assert "<img" not in words.html(texts)


@pytest.mark.rule("REQ-ISINV-5")
@pytest.mark.parametrize(
    ("rules", "others"),
    [
        ({"per_sender": 2}, {}),
        ({"per_homeserver": 2}, {"sender": BOB}),
        ({"per_network": 2}, {"sender": "@carol:other.example.org"}),
    ],
    ids=["sender", "homeserver", "network"],
)
def test_invitations_are_limited(inviting: Callable[..., Place], rules: Any, others: Any) -> None:
    """A user, all users of a homeserver, and a network have so many a day."""
    place = inviting(rules)
    for number in range(2):
        assert invite(place, f"guest{number}@example.net").status == 200
    assert refusal(invite(place, "more@example.net", **others)) == (429, "M_LIMIT_EXCEEDED")
    assert invite(place, "more@example.net", "@dan:third.example.org", client="198.51.100.1").status == 200
    place.clock.advance(DAY)
    assert invite(place, "again@example.net", **others).status == 200


@pytest.mark.rule("REQ-ISINV-5")
def test_invitations_count_under_the_cap_of_an_address(inviting: Callable[..., Place]) -> None:
    """What one address gets a day is limited with all other mails to it, and mails to it are 30 s apart."""
    limits = Limits(
        per_address=per_hour(100), per_client=per_hour(1000), per_user=per_hour(1000), apart=30, mails_a_day=8
    )
    place = inviting(policy={"limits": limits})
    assert invite(place).status == 200
    assert refusal(invite(place, sender=BOB)) == (429, "M_LIMIT_EXCEEDED")
    for sender, expected in ((BOB, 200), ("@carol:x.example.org", 200), ("@dan:y.example.org", 429)):
        place.clock.advance(31_000)
        assert invite(place, sender=sender).status == expected
    assert invite(place, "other@example.net", "@dan:y.example.org").status == 200


@pytest.mark.rule("REQ-ISINV-5")
def test_so_many_wait_for_an_address(inviting: Callable[..., Place]) -> None:
    """Beyond ``per_address`` nothing more waits, and no mail is sent; what ended makes room."""
    place = inviting({"per_address": 2, "days": 1})
    assert [invite(place).status for _ in range(3)] == [200, 200, 429]
    assert (len(place.outbox.messages), len(waiting(place))) == (2, 2)
    place.clock.advance(2 * DAY)
    run_sync(place.service.purge())
    assert waiting(place) == []
    assert invite(place).status == 200


@pytest.mark.rule("REQ-ISINV-6")
def test_the_reader_stops_invitations(inviting: Callable[..., Place]) -> None:
    """Opening the link of the mail changes nothing; its button stops invitations to this address, and nothing else."""
    place = inviting()
    invite(place)
    parts = urlsplit(str(place.outbox.last.stop_link))
    opened = place.call("GET", parts.path, query=parts.query, user=None)
    assert (opened.status, b"g***@example.net" in opened.body) == (200, True)
    assert invite(place).status == 200
    pressed = place.call("POST", parts.path, urlencode(dict(parse_qsl(parts.query))).encode(), headers=FORM, user=None)
    assert pressed.status == 200
    assert refusal(invite(place)) == (403, "M_THREEPID_DENIED")
    assert refusal(invite(place, "GUEST@example.net", BOB)) == (403, "M_THREEPID_DENIED")
    assert invite(place, "other@example.net").status == 200
    assert place.ask("email", email=GUEST).status == 200
    assert len(waiting(place)) == 3
    again = place.call("GET", parts.path, query=parts.query, user=None)
    assert (again.status, b"<form" in again.body) == (200, False)


@pytest.mark.rule("REQ-ISINV-6")
def test_mail_programs_stop_with_one_click(inviting: Callable[..., Place]) -> None:
    """A POST to the link itself stops as well, as the headers of the mail say (RFC 8058)."""
    place = inviting()
    invite(place)
    parts = urlsplit(str(place.outbox.last.stop_link))
    body = b"List-Unsubscribe=One-Click"
    assert place.call("POST", parts.path, body, query=parts.query, headers=FORM, user=None).status == 200
    assert refusal(invite(place)) == (403, "M_THREEPID_DENIED")


MALLORY, EVE, STRANGER = "@mallory:evil.example", "@eve:evil.example", "@zoe:other.example"


@pytest.mark.rule("REQ-ISINV-5")
@pytest.mark.parametrize(
    ("before", "sender", "status", "left"),
    [
        ([MALLORY] * 4, ALICE, 200, {MALLORY: 3, ALICE: 1}),
        ([MALLORY] * 4, EVE, 200, {MALLORY: 3, EVE: 1}),
        ([MALLORY] * 4, MALLORY, 429, {MALLORY: 4}),
        ([MALLORY, EVE, EVE, ALICE], STRANGER, 200, {MALLORY: 1, EVE: 1, ALICE: 1, STRANGER: 1}),
        ([MALLORY, EVE, ALICE, ALICE], STRANGER, 200, None),
        ([MALLORY, MALLORY, ALICE, ALICE], MALLORY, 429, {MALLORY: 2, ALICE: 2}),
        ([MALLORY, EVE, ALICE, STRANGER], BOB, 429, {MALLORY: 1, EVE: 1, ALICE: 1, STRANGER: 1}),
    ],
    ids=str,
)
def test_who_fills_the_places_of_an_address_keeps_nobody_out(
    inviting: Callable[..., Place], before: list[str], sender: str, status: int, left: dict[str, int] | None
) -> None:
    """Where all places are taken, the oldest invitation of who has the most gives way to who has fewer."""
    limits = Limits(per_address=per_hour(100), per_client=per_hour(1000), per_user=per_hour(1000), apart=0)
    place = inviting({"per_address": 4}, {"limits": limits})
    for each in before:
        place.clock.advance(1)
        assert invite(place, sender=each).status == 200
    oldest = {each.sender: each for each in reversed(waiting(place))}
    assert invite(place, sender=sender).status == status
    stored = waiting(place)
    assert left is None or Counter(each.sender for each in stored) == left
    gone = [each for each in oldest.values() if each not in stored]
    assert len(gone) == (status == 200)
    assert len(place.outbox.messages) == len(before) + len(gone)


@pytest.mark.rule("REQ-ISINV-6")
@pytest.mark.parametrize("changed", [{"token": "x"}, {"sid": "x"}, {"token": ""}, {"sid": "\x00"}], ids=str)
def test_only_the_mail_stops_invitations(inviting: Callable[..., Place], changed: dict[str, str]) -> None:
    """The token of an invitation is known in its room, so it alone stops nothing; another site stops nothing either."""
    place = inviting()
    invite(place)
    parts = urlsplit(str(place.outbox.last.stop_link))
    fields = urlencode({**dict(parse_qsl(parts.query)), **changed})
    assert place.call("GET", parts.path, query=fields, user=None).status == 400
    assert place.call("POST", parts.path, fields.encode(), headers=FORM, user=None).status == 400
    foreign = {**FORM, "sec-fetch-site": "cross-site"}
    assert place.call("POST", parts.path, parts.query.encode(), headers=foreign, user=None).status == 403
    assert invite(place).status == 200


@pytest.mark.rule("REQ-ISINV-7")
@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (RefusedForever("no such user"), (400, "M_EMAIL_SEND_ERROR")),
        (RefusedForever("not there", denied=True), (403, "M_THREEPID_DENIED")),
        (RefusedForNow("later"), (400, "M_EMAIL_SEND_ERROR")),
    ],
    ids=str,
)
def test_what_is_not_sent_does_not_wait(inviting: Callable[..., Place], outcome: Any, expected: Any) -> None:
    """An invitation whose mail was refused is not stored."""
    place = inviting()
    place.outbox.outcomes.append(outcome)
    assert refusal(invite(place)) == expected
    assert waiting(place) == []
    assert invite(place).status == 200


@pytest.mark.rule("REQ-ISINV-7")
def test_an_outage_uses_up_nothing(inviting: Callable[..., Place]) -> None:
    """Where the mail server was away, the same invitation is granted at once."""
    place = inviting({"per_sender": 1})
    place.outbox.outcomes.append(RefusedForNow("away", outage=True))
    assert [invite(place).status for _ in range(3)] == [400, 200, 429]


@pytest.mark.rule("REQ-ISINV-7")
def test_rules_gate_and_terms_come_first(inviting: Callable[..., Place]) -> None:
    """What the host's rules or its gate refuse, and who has not accepted the terms, causes no mail."""
    place = inviting()
    place.rules.denied.add(GUEST)
    assert refusal(invite(place)) == (403, "M_THREEPID_DENIED")
    gated = inviting(gate=FakeGate(denied={GUEST}))
    assert refusal(invite(gated)) == (403, "M_FORBIDDEN")
    assert (place.outbox.messages, waiting(gated)) == ([], [])
    strict = inviting(callers=Strict())
    assert refusal(invite(strict)) == (403, "M_TERMS_NOT_SIGNED")
    assert refusal(strict.post("/sign-ed25519", {})) == (403, "M_TERMS_NOT_SIGNED")
    assert (gated.outbox.messages, strict.outbox.messages) == ([], [])


def test_invitations_are_off_where_they_cannot_work(
    make_place: Callable[..., Place], inviting: Callable[..., Place]
) -> None:
    """The endpoints are off without keys, by the host's choice, and without mail."""

    class Silent:
        def sign(self, value: Any) -> dict[str, Any]:
            return KEY.sign(value, NAME)

    for place in (
        inviting(invitation_keys=None),
        inviting({"enabled": False}),
        inviting(senders={}),
        inviting(signer=Silent()),
    ):
        assert refusal(invite(place)) == (404, "M_UNRECOGNIZED")
        assert refusal(place.call("POST", _V1_SIGN, {}, user=None)) == (404, "M_UNRECOGNIZED")


def invite_old(place: Place, address: str = GUEST, client: str = "203.0.113.7", **members: str) -> Any:
    """Invite by version 1, which takes forms and no access token."""
    body = urlencode({**_body(address), **members}).encode()
    return place.post("/store-invite", body, headers=FORM, client=client)


@pytest.mark.rule("REQ-ISINV-9", "REQ-ISINV-1")
def test_version_1_invites_in_nobodys_name(make_place: Callable[..., Place]) -> None:
    """Where version 1 is on, anybody invites; the mail says neither who that is nor whereto."""
    place = make_place(V1, {"invitations": InvitationRules(**RULES)}, messages=MemoryMessages())
    answer = invite_old(place, room_name="Your bank", sender_display_name="Your bank")
    assert answer.status == 200
    assert sorted(answer.json()) == ["display_name", "public_keys", "token"]
    mail = place.outbox.last
    assert (mail.inviter, mail.room, mail.kind) == ("", "", MessageKind.INVITATION)
    assert (waiting(place)[0].sender, mails(place)[0].user_id) == (ALICE, None)


@pytest.mark.rule("REQ-ISINV-9", "REQ-ISINV-5")
def test_version_1_uses_up_nothing_of_users(make_place: Callable[..., Place]) -> None:
    """Its networks have limits of their own, and it displaces no invitation of an address."""
    place = make_place(V1, {"invitations": InvitationRules(**RULES, per_sender=2, per_address=3)})
    assert [invite_old(place, f"guest{number}@example.net").status for number in range(3)] == [200, 200, 429]
    by_user = place.post("/_matrix/identity/v2/store-invite", _body("guest9@example.net"), user=ALICE)
    assert by_user.status == 200
    full = [invite_old(place, client=f"198.51.100.{number}").status for number in range(4)]
    assert full == [200, 200, 200, 429]


def test_version_1_invites_only_where_it_is_on(inviting: Callable[..., Place]) -> None:
    """Without ``serve_v1`` there is no such endpoint."""
    path = "/_matrix/identity/api/v1/store-invite"
    assert refusal(inviting().call("POST", path, _body(GUEST), user=None)) == (404, "M_UNRECOGNIZED")


def _body(address: str) -> dict[str, str]:
    return {"medium": "email", "address": address, "room_id": ROOM, "sender": ALICE}
