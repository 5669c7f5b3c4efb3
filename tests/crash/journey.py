"""What two users do, step by step, with a host that may die at any moment and is asked again afterwards."""

from __future__ import annotations

from typing import Any, Protocol

from attrs import frozen
from stores.accounts import SqlAccounts

from matrix_threepid import Medium, Response, run_sync
from matrix_threepid.deactivate import deactivate_threepids
from matrix_threepid.flows.unbind_retry import retry_unbinds
from matrix_threepid.stores.sql import Database, SqlBindings, SqlLimits, SqlSessions
from matrix_threepid.testing import World

from .fate import Fate, MortalDatabase
from .outside import KNOWING, OLD, IdentityServers, Ledger, Mailbox, session_of

MINUTE = 60_000


@frozen
class Cast:
    """Users and addresses of one journey; numbers keep journeys on one database apart."""

    number: int = 0

    @property
    def alice(self) -> str:
        return f"@alice{self.number}:hs.example.org"

    @property
    def bob(self) -> str:
        return f"@bob{self.number}:hs.example.org"

    @property
    def mail(self) -> str:
        return f"alice{self.number}@example.org"

    @property
    def phone(self) -> str:
        return f"447700{900_000 + self.number}"


def _durable(db: Database) -> dict[str, Any]:
    return {
        "accounts": SqlAccounts(db),
        "sessions": SqlSessions(db),
        "limiter": SqlLimits(db),
        "bindings": SqlBindings(db),
    }


class Travel:
    """One life of the host: everything durable, taken up where the life before was cut off.

    ``volatile``: a port that only remembers as long as its process lives, as a careless host might have it.
    """

    def __init__(
        self, db: Database, ledger: Ledger, fate: Fate, *, cast: Cast, deferred: bool, volatile: str | None = None
    ) -> None:
        self.cast, self.ledger, self.fate = cast, ledger, fate
        durable = _durable(MortalDatabase(db, fate))
        outside = {"identity": IdentityServers(ledger, fate), "senders": dict.fromkeys(Medium, Mailbox(ledger, fate))}
        kept = {name: port for name, port in durable.items() if name != volatile}
        self.world = World({"deferred_sending": deferred}, **kept, **outside)
        self.host = self.world.homeserver
        ledger.write("life")
        self.world.clock.advance(len(ledger.read("life")) * MINUTE)

    def recover(self) -> None:
        """Do what a host's scheduler does, until nothing is left to do."""
        while run_sync(self.world.service.deliver_due()) + run_sync(retry_unbinds(self.host)):
            pass

    def go(self, steps: int | None = None) -> None:
        """Take so many steps, or all that are left; the first is the one that was cut off, once more."""
        done = len(self.ledger.read("done"))
        for step in STEPS[done : None if steps is None else done + steps]:
            self.ledger.write("begun", step=step.__name__)
            self.ledger.write("done", step=step.__name__, said=step(self))

    def said(self, step: Step) -> Any:
        """Return what a client remembers of a step it has finished."""
        return self.ledger.read("done")[STEPS.index(step)]["said"]

    def sent(self, to: str, what: str) -> list[str]:
        """Return the links or codes a mailbox or phone has received."""
        return [line[what] for line in self.ledger.read("sent") if line["to"] == to and line[what]]

    def links(self, sid: str) -> list[str]:
        """Return the links of a session, as often as they were sent."""
        return [link for link in self.sent(self.cast.mail, "link") if f"sid={sid}&" in link]


def _answered(response: Response, *allowed: int) -> Any:
    assert response.status in allowed, response
    return response.json() if response.status == 200 and response.body else response.status


# -- the steps, in order --------------------------------------------------------------------------------


def alice_asks(travel: Travel) -> Any:
    return _answered(travel.world.ask(travel.cast.mail, user=travel.cast.alice), 200)["sid"]


def bob_asks(travel: Travel) -> Any:
    return _answered(travel.world.ask(travel.cast.mail, user=travel.cast.bob), 200)["sid"]


def mails_go_out(travel: Travel) -> None:
    travel.recover()


def alice_confirms(travel: Travel) -> Any:
    return _confirm(travel, travel.said(alice_asks))


def bob_confirms(travel: Travel) -> Any:
    return _confirm(travel, travel.said(bob_asks))


def alice_adds_mail(travel: Travel) -> None:
    _add(travel, travel.said(alice_asks), travel.cast.mail)


def bob_comes_too_late(travel: Travel) -> Any:
    return _answered(travel.world.add(travel.said(bob_asks), user=travel.cast.bob), 400)


def alice_asks_for_code(travel: Travel) -> Any:
    return _ask_for_code(travel, 1)


def codes_go_out(travel: Travel) -> None:
    travel.recover()


def alice_types_code(travel: Travel) -> Any:
    """Who got no SMS asks for another one, as the client's button does."""
    if not travel.sent(travel.cast.phone, "code"):
        travel.ledger.write("resent")
        _ask_for_code(travel, 1 + len(travel.ledger.read("resent")))
        travel.recover()
    code = travel.sent(travel.cast.phone, "code")[-1]
    body = {"sid": travel.said(alice_asks_for_code), "client_secret": "secret", "token": code}
    return _answered(travel.world.post("/_matrix/client/unstable/threepid/msisdn/submit_token", body), 200)


def alice_adds_phone(travel: Travel) -> None:
    _add(travel, travel.said(alice_asks_for_code), travel.cast.phone)


def alice_binds_mail(travel: Travel) -> Any:
    return _bind(travel, KNOWING, session_of(Medium.EMAIL, travel.cast.mail))


def alice_binds_mail_elsewhere(travel: Travel) -> Any:
    return _bind(travel, OLD, session_of(Medium.EMAIL, travel.cast.mail))


def alice_binds_phone(travel: Travel) -> Any:
    return _bind(travel, KNOWING, session_of(Medium.MSISDN, travel.cast.phone))


def alice_unbinds_mail(travel: Travel) -> Any:
    return _take_back(travel, "unbind", {"id_server": KNOWING})


def alice_deletes_mail(travel: Travel) -> Any:
    return _take_back(travel, "delete", {})


def alice_adds_mail_again(travel: Travel) -> Any:
    """What was spent serves nobody."""
    return _answered(travel.world.add(travel.said(alice_asks), user=travel.cast.alice), 403)


def alice_leaves(travel: Travel) -> Any:
    return run_sync(deactivate_threepids(travel.host, travel.cast.alice))


class Step(Protocol):
    """Something a user does; returns what their client remembers of it."""

    __name__: str

    def __call__(self, travel: Travel, /) -> Any: ...


STEPS: tuple[Any, ...] = (
    alice_asks,
    bob_asks,
    mails_go_out,
    alice_confirms,
    bob_confirms,
    alice_adds_mail,
    bob_comes_too_late,
    alice_asks_for_code,
    codes_go_out,
    alice_types_code,
    alice_adds_phone,
    alice_binds_mail,
    alice_binds_mail_elsewhere,
    alice_binds_phone,
    alice_unbinds_mail,
    alice_deletes_mail,
    alice_adds_mail_again,
    alice_leaves,
)


def _ask_for_code(travel: Travel, attempt: int) -> Any:
    body = {
        "country": "GB",
        "phone_number": f"+{travel.cast.phone}",
        "client_secret": "secret",
        "send_attempt": attempt,
    }
    return _answered(travel.world.post("/account/3pid/msisdn/requestToken", body, travel.cast.alice), 200)["sid"]


def _confirm(travel: Travel, sid: str) -> Any:
    path, _, query = travel.links(sid)[-1].removeprefix("https://hs.example.org").partition("?")
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return _answered(travel.world.call("POST", path, query.encode(), headers=headers), 303)


def _add(travel: Travel, sid: str, address: str) -> None:
    """Add; who is refused because it was done already sees that in the list."""
    _answered(travel.world.add(sid, user=travel.cast.alice), 200, 403)
    assert travel.world.threepids(travel.cast.alice).count(address) == 1


def _bind(travel: Travel, id_server: str, sid: str) -> Any:
    body = {"id_server": id_server, "id_access_token": "token", "sid": sid, "client_secret": "secret"}
    return _answered(travel.world.post("/account/3pid/bind", body, travel.cast.alice), 200)


def _take_back(travel: Travel, action: str, more: dict[str, str]) -> Any:
    body = {"medium": "email", "address": travel.cast.mail, **more}
    return _answered(travel.world.post(f"/account/3pid/{action}", body, travel.cast.alice), 200)
