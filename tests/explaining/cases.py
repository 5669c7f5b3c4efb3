"""Support cases: what happened to a person, whom an operator then asks ``explain`` about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from attrs import evolve
from flows.acting import Crash, crash, deliver, give
from sms.acting import ask, asked, submit, texting, wrong

from matrix_threepid import Medium, Peppers, Threepid, retry_unbinds, run_sync
from matrix_threepid.flows.delivery import record_delivery
from matrix_threepid.model.delivery import DeliveryEvent, DeliveryStatus
from matrix_threepid.model.identity import Unreachable
from matrix_threepid.model.message import RefusedForever, RefusedForNow
from matrix_threepid.model.outbound import address_keys
from matrix_threepid.model.suppression import Suppression
from matrix_threepid.observing import Cause
from matrix_threepid.policy import Conversion
from matrix_threepid.stores import MemoryMessages, MemorySuppressions
from matrix_threepid.testing import ALICE, GENEROUS, GENEROUS_SMS, FakeIdentityServers, World

MAIL, NUMBER, SERVER = "alice@example.org", "+447700900001", "id.example.org"
HOUR, DAY, MONTH = 3_600_000, 86_400_000, 31 * 86_400_000
Make = Callable[..., World]


@dataclass(frozen=True)
class Case:
    """One support case.

    ``story``: makes a world in which it has happened, and returns it with what the operator knows: a sid or an address.
    ``cause``: the true cause.
    ``about``: what the operator asks about, such as ``reset``; ``None`` for what the explanation names first.
    """

    story: Callable[[Make], tuple[World, str]]
    cause: Cause
    about: str | None = None


def scanned(make: Make) -> tuple[World, str]:
    """A mail scanner opened the link, and the person thinks that this was enough."""
    world = make()
    sid = world.ask().json()["sid"]
    world.open_link(method="HEAD")
    world.open_link()
    return world, sid


def clicked_again(make: Make) -> tuple[World, str]:
    """The address is added, and the person opens the link again."""
    world = make()
    sid = world.prove(user=ALICE)
    world.add(sid)
    return world, sid


def asked_too_often(make: Make) -> tuple[World, str]:
    """A person pressed "send again" until no more mails came."""
    world = make({"limits": evolve(GENEROUS, mails_a_day=6, mails_kept=2)})
    for attempt in range(8):
        world.ask(attempt=attempt)
    return world, MAIL


def budget_gone(make: Make) -> tuple[World, str]:
    """Somebody else used up the SMS of the hour."""
    world = texting(make, evolve(GENEROUS_SMS, budget_per_hour=3))
    for last in range(3):
        ask(world, f"+44770090010{last}", secret=f"s{last}")
    return world, NUMBER


def typed_wrong(make: Make) -> tuple[World, str]:
    """A person typed the code of another SMS, five times."""
    world = texting(make)
    sid, code = asked(world)
    for _ in range(5):
        submit(world, sid, wrong(code))
    return world, sid


def guessed_out(make: Make) -> tuple[World, str]:
    """Strangers guessed codes of a number all day; its owner asks for one more."""
    world = texting(make, policy={"limits": evolve(GENEROUS, guesses=4, guesses_kept=1)})
    for attempt in range(1, 5):
        sid, code = asked(world, attempt=attempt)
        submit(world, sid, wrong(code))
    return world, sid


def refused_by_provider(make: Make) -> tuple[World, str]:
    """The provider refused the SMS, which the person was told as an error and has forgotten."""
    world = texting(make)
    sid = ask(world).json()["sid"]
    world.sms.outcomes.append(RefusedForever("21211: invalid number"))
    ask(world, attempt=2)
    return world, sid


def refused_and_hidden(make: Make) -> tuple[World, str]:
    """The mail server refused the mail, on a server whose answers do not tell."""
    world = make({"hide_known_addresses": True})
    world.outbox.outcomes.append(RefusedForever("5.7.1"))
    sid = world.ask().json()["sid"]
    deliver(world)
    return world, sid


def no_sms_here(make: Make) -> tuple[World, str]:
    """The server sends no SMS at all."""
    return make(), NUMBER


def foreign(make: Make) -> tuple[World, str]:
    """The number belongs to a country that gets no SMS."""
    return texting(make), "+33 6 12 34 56 78"


def premium(make: Make) -> tuple[World, str]:
    """The number is one that costs its callers extra."""
    return texting(make), "+44 909 879 0000"


def reset_by_number(make: Make) -> tuple[World, str]:
    """A person wants to reset the password by SMS, which is off."""
    return texting(make), NUMBER


def server_down(make: Make) -> tuple[World, str]:
    """An address was removed while its identity server was down, and is still found there."""
    world = _bound(make)
    _servers(world).script("unbind", SERVER, Unreachable("no connection"))
    world.post("/account/3pid/delete", {"medium": "email", "address": MAIL}, ALICE)
    return world, ALICE


def never_unbound(make: Make) -> tuple[World, str]:
    """An address was removed months ago, and is still found at an identity server that is gone."""
    world = _bound(make)
    _servers(world).script("unbind", SERVER, *[Unreachable("no connection")] * 200)
    world.post("/account/3pid/delete", {"medium": "email", "address": MAIL}, ALICE)
    for _ in range(130):
        world.clock.advance(6 * HOUR)
        run_sync(retry_unbinds(world.homeserver))
    return world, ALICE


def published(make: Make) -> tuple[World, str]:
    """A person asks where the address is published."""
    return _bound(make), MAIL


def mail_server_down(make: Make) -> tuple[World, str]:
    """The mail server was down, and the worker waits before it tries again."""
    world = make({"deferred_sending": True})
    world.outbox.outcomes += [RefusedForNow("ECONNREFUSED")] * 5
    sid = world.ask().json()["sid"]
    for _ in range(4):
        world.clock.advance(5 * 60_000)
        deliver(world)
    return world, sid


def no_worker(make: Make) -> tuple[World, str]:
    """Sending is deferred, and no job sends."""
    world = make({"deferred_sending": True})
    sid = world.ask().json()["sid"]
    world.clock.advance(HOUR // 2)
    return world, sid


def killed(make: Make) -> tuple[World, str]:
    """The process was killed while it sent an SMS."""
    world = texting(make)
    world.sms.before = crash
    with pytest.raises(Crash):
        ask(world)
    world.clock.advance(HOUR // 30)
    return world, NUMBER


def disposable(make: Make) -> tuple[World, str]:
    """The domain of the address is one that the host refuses."""
    world = make()
    world.rules.denied.add(MAIL)
    return world, MAIL


def written_otherwise(make: Make) -> tuple[World, str]:
    """A person signs up with capitals; the address is on an account in small letters."""
    world = make()
    give(world, MAIL, ALICE)
    return world, " Alice@EXAMPLE.org "


def too_late(make: Make) -> tuple[World, str]:
    """A person came back after the weekend: "No validated session found"."""
    world = make()
    sid = world.ask().json()["sid"]
    world.clock.advance(3 * DAY)
    return world, sid


def confirmed_and_left(make: Make) -> tuple[World, str]:
    """A person confirmed, went to lunch, and pressed "continue" two hours later."""
    world = make()
    sid = world.prove()
    world.clock.advance(2 * HOUR)
    return world, sid


def old_link(make: Make) -> tuple[World, str]:
    """A person opened a link of this morning."""
    world = make()
    sid = world.ask().json()["sid"]
    world.clock.advance(2 * HOUR)
    return world, sid


def continue_not_pressed(make: Make) -> tuple[World, str]:
    """The page said "confirmed", and nothing was done in the client."""
    world = make()
    return world, world.prove()


def two_windows(make: Make) -> tuple[World, str]:
    """A registration was begun in two windows; the other one holds the proof."""
    world = make()
    sid = world.prove(purpose="register")
    session = run_sync(world.homeserver.sessions.get(sid))
    assert session is not None
    run_sync(world.homeserver.sessions.replace(session.claim("uia:other", world.clock())))
    return world, sid


def another_address(make: Make) -> tuple[World, str]:
    """A person resets the password with an address that is on no account."""
    return make(), "other@example.org"


def hidden(make: Make) -> tuple[World, str]:
    """The same, on a server whose answers hide it: the client says that a mail was sent."""
    world = make({"hide_known_addresses": True})
    sid = world.ask("other@example.org", purpose="password").json()["sid"]
    deliver(world)
    return world, sid


def pepper_lost(make: Make) -> tuple[World, str]:
    """The container was replaced, and its secret with it."""
    world = make()
    sid = world.ask().json()["sid"]
    world.rewire(peppers=Peppers.of(b"another pepper, made at the restart"))
    return world, sid


def pumped(make: Make) -> tuple[World, str]:
    """An attack made the country pause, and an honest person gets no SMS."""
    rules = evolve(GENEROUS_SMS, conversion=Conversion(over=3, over_prefix=3, over_asker=3))
    world = texting(make, rules)
    for last in range(5):
        ask(world, f"+44770090020{last}", secret=f"s{last}", client=f"198.51.100.{last}")
    return world, NUMBER


def not_mine(make: Make) -> tuple[World, str]:
    """The reader of the mail pressed "This was not me"; the person who asked waits."""
    world = make()
    sid = world.ask().json()["sid"]
    world.confirm(answer="refuse")
    return world, sid


def unknown_sid(make: Make) -> tuple[World, str]:
    """The sid in the report is of another server."""
    return make(), "AAAABBBBCCCCDDDDEEEEFFFF"


def changes_off(make: Make) -> tuple[World, str]:
    """Users may not change their addresses themselves."""
    return make({"changes_enabled": False}), MAIL


def recorded(make: Make, status: DeliveryStatus, reason: str = "", **more: Any) -> tuple[World, str]:
    """Return a world in which a mail was handed over, and a report about it came."""
    world = make(messages=MemoryMessages(), suppressions=MemorySuppressions())
    sid = world.ask().json()["sid"]
    report(world, sid, status, reason, **more)
    return world, sid


def report(world: World, sid: str, status: DeliveryStatus, reason: str = "", **more: Any) -> None:
    """Let a provider report what became of the newest message of a session."""
    stored: Any = world.homeserver.messages
    message = run_sync(stored.of_session(sid))[-1]
    event = DeliveryEvent(
        message_id=message.id, status=status, at=world.clock() + 1000, provider="postfix", reason=reason, **more
    )
    run_sync(record_delivery(world.homeserver, event))


def no_such_mailbox(make: Make) -> tuple[World, str]:
    """A person mistyped the address, and the mail came back."""
    return recorded(make, DeliveryStatus.BOUNCED, "5.1.1", permanent_address_failure=True)


def full_mailbox(make: Make) -> tuple[World, str]:
    """The mailbox is full, and the person came back two days later."""
    world, sid = recorded(make, DeliveryStatus.BOUNCED_SOFT, "4.2.2")
    world.clock.advance(2 * DAY)
    return world, sid


def greylisted(make: Make) -> tuple[World, str]:
    """The recipient's server takes mail of strangers at the second try only."""
    return recorded(make, DeliveryStatus.DEFERRED, "4.7.1")


def in_the_spam(make: Make) -> tuple[World, str]:
    """The mail is in the folder for unwanted mail."""
    return recorded(make, DeliveryStatus.DELIVERED)


def called_spam(make: Make) -> tuple[World, str]:
    """The person called the mail spam, which hid the next ones."""
    return recorded(make, DeliveryStatus.COMPLAINED)


def switched_off(make: Make) -> tuple[World, str]:
    """The phone network could not deliver the SMS."""
    world = texting(make, messages=MemoryMessages())
    sid, _ = asked(world)
    report(world, sid, DeliveryStatus.BOUNCED, "30005")
    return world, sid


def mailbox_made_later(make: Make) -> tuple[World, str]:
    """Mail to the address came back yesterday; the mailbox exists by now, and nothing is sent there."""
    world = make(messages=MemoryMessages(), suppressions=MemorySuppressions())
    held: Any = world.homeserver.suppressions
    key = address_keys(world.homeserver.peppers, Threepid(Medium.EMAIL, MAIL))[0]
    failed = Suppression(key=key).with_failure(1, world.clock() - 1000, "5.1.1")
    assert run_sync(held.put(failed))
    return world, MAIL


CASES: dict[str, Case] = {
    "no such mailbox": Case(no_such_mailbox, Cause.BOUNCED),
    "a full mailbox": Case(full_mailbox, Cause.BOUNCED_SOFT),
    "greylisted": Case(greylisted, Cause.DEFERRED),
    "among unwanted mail": Case(in_the_spam, Cause.DELIVERED),
    "called spam": Case(called_spam, Cause.COMPLAINED),
    "the phone is switched off": Case(switched_off, Cause.BOUNCED),
    "the mailbox was made later": Case(mailbox_made_later, Cause.SUPPRESSED, "register"),
    "a scanner opened the link": Case(scanned, Cause.HANDED_OVER),
    "the link is opened again": Case(clicked_again, Cause.USED),
    "no more mails after many": Case(asked_too_often, Cause.LIMIT_REACHED, "limits"),
    "the SMS of the hour are gone": Case(budget_gone, Cause.BUDGET_USED, "limits"),
    "a wrong code five times": Case(typed_wrong, Cause.CODE_GUESSED_OUT),
    "strangers guessed all day": Case(guessed_out, Cause.GUESSES_USED),
    "the provider refused": Case(refused_by_provider, Cause.REFUSED),
    "the mail server refused and the answer hides it": Case(refused_and_hidden, Cause.REFUSED),
    "no SMS here": Case(no_sms_here, Cause.MEDIUM_OFF, "add"),
    "a country without SMS": Case(foreign, Cause.COUNTRY_OFF, "add"),
    "a premium number": Case(premium, Cause.KIND_REFUSED, "add"),
    "a reset by number": Case(reset_by_number, Cause.RESET_BY_PHONE_OFF, "password"),
    "the identity server was down": Case(server_down, Cause.UNBIND_QUEUED),
    "the identity server is gone": Case(never_unbound, Cause.UNBIND_GIVEN_UP),
    "where is it published": Case(published, Cause.BOUND, f"binding at {SERVER}"),
    "the mail server is down": Case(mail_server_down, Cause.PUT_OFF),
    "no worker runs": Case(no_worker, Cause.WAITING),
    "killed while sending": Case(killed, Cause.OUTCOME_UNKNOWN),
    "a refused domain": Case(disposable, Cause.RULES_REFUSE, "register"),
    "written in capitals": Case(written_otherwise, Cause.IN_USE, "register"),
    "back after the weekend": Case(too_late, Cause.SESSION_EXPIRED),
    "confirmed and left": Case(confirmed_and_left, Cause.PROOF_EXPIRED),
    "an old link": Case(old_link, Cause.TOKEN_EXPIRED),
    "continue was not pressed": Case(continue_not_pressed, Cause.NOT_USED),
    "two windows": Case(two_windows, Cause.CLAIMED),
    "another address": Case(another_address, Cause.ON_NO_ACCOUNT, "password"),
    "hidden": Case(hidden, Cause.DECOY),
    "the pepper is lost": Case(pepper_lost, Cause.PEPPER_GONE),
    "SMS pumping": Case(pumped, Cause.PAUSED, "limits"),
    "this was not me": Case(not_mine, Cause.DISOWNED),
    "an unknown sid": Case(unknown_sid, Cause.UNKNOWN_SESSION),
    "changes are off": Case(changes_off, Cause.CHANGES_OFF, "add"),
}


def _bound(make: Make) -> World:
    world = make(identity=FakeIdentityServers())
    give(world, MAIL, ALICE)
    _servers(world).prove(SERVER, "sid", "secret", MAIL)
    body: dict[str, Any] = {"id_server": SERVER, "id_access_token": "t", "sid": "sid", "client_secret": "secret"}
    assert world.post("/account/3pid/bind", body, ALICE).status == 200
    return world


def _servers(world: World) -> FakeIdentityServers:
    known: Any = world.homeserver.identity
    return known
