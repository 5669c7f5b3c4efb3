"""What was said and done, as the outside knows it, and what has to hold because of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from ...model.threepid import AccountThreepid, AddOutcome, Medium, Purpose, Threepid
from ...uia import Proof
from ..world import World
from .counted import Charged, SentMessages
from .recorded import RecordedMessages
from .stored import StoredSessions
from .tasks import Task, broken
from .turns import quietly
from .wiring import behind

KEPT = "nothing acknowledged is lost"
OWNER, PROVED, SERVED = "one owner an address", "an address is added by its proof only", "a session serves once"
GIVEN, OUTAGE = "a session is given to its own request", "no 5xx but announced ones"
REMEMBERED = "what is published is remembered"
_TAKE = ("delete", "deactivate", "erase")
_PUT = ("add", "legacy", "misuse", "own")
_UNBIND = ("unbind", *_TAKE)


class Ledger:
    """Hears every call of a port and every answer. Raises ``Broken`` for an invariant that does not hold.

    ``unsure``: whether mails that were promised may be missing, since a sender failed or a pepper was dropped.
    """

    def __init__(self, world: World, people: dict[str, str], addresses: dict[str, Threepid]) -> None:
        self._world, self._people, self._addresses = world, people, addresses
        self._users = [*people.values()]
        self.tasks: list[Task] = []
        self._messages, self._charged, self._recorded = SentMessages(), Charged(), RecordedMessages()
        self.stored = StoredSessions(lambda: behind(world.homeserver.sessions), self._messages.confirmed.__contains__)
        self._users_of: dict[str, str] = {}
        self._served: dict[str, int] = {}
        self._kept: set[tuple[str, Threepid]] = set()
        self._removed: set[tuple[str, Threepid]] = set()
        self._bound: set[tuple[str, Threepid, str]] = set()
        self._promised: set[str] = set()
        self._forgotten = False
        self.unsure = False

    # -- what happens -------------------------------------------------------------------------------

    def begins(self, task: Task) -> None:
        """A call begins: what it may take away is no longer promised."""
        self.tasks.append(task)
        user = self._people.get(task.call.who)
        touches = [threepid for threepid in self._addresses.values() if self._touches(task, threepid)]
        for threepid in touches:
            self._kept -= {(user, threepid)} if task.call.act in _TAKE else set()
            self._removed -= {(user, threepid)} if task.call.act in _PUT else set()
            if task.call.act in _UNBIND:
                self._bound = {row for row in self._bound if row[:2] != (user, threepid)}

    def ends(self, task: Task, status: int) -> None:
        """A call is answered."""
        if status >= 500 and not task.excused:
            broken(OUTAGE, f"call {task.call.label} answered {status}")

    def answered(self, task: Task, port: str, method: str, values: tuple[Any, ...], answer: Any) -> None:
        """A port has answered."""
        hear = getattr(self, f"_{port}_answered", None)
        if hear is not None:
            hear(task, method, values, answer)

    def look(self) -> None:
        """Look at everything, as after a crash."""
        self.stored.look()
        self._look_at_accounts()
        self._look_at_bindings()

    def interrupted(self) -> None:
        """A crash, or a fault of a store: a message may go out that was never written down."""
        self._recorded.unsure = True

    def look_at_mails(self, latest: int) -> None:
        """Look whether each mail that was promised went out, once everything that is due was sent.

        ``latest``: the latest time the clock has shown; what was too late then is not sent.
        """
        mailed = self._messages.told
        if (messages := self._world.homeserver.messages) is not None and not self._forgotten:
            self._recorded.look(behind(messages), mailed & set(self.stored.opened))
        hides = self._world.homeserver.policy.hide_known_addresses
        for session in self.stored.everything():
            # Of networks that ask when strangers get no more, hidden addresses are answered as if a mail were sent.
            kept_back = hides and session.send_attempt is not None and not session.sent_serial
            mail = session.threepid.medium is Medium.EMAIL and session.has_link and not (session.decoy or kept_back)
            if mail and session.token_alive(latest) and session.sid in self._promised - mailed and not self.unsure:
                broken(KEPT, "a mail was promised and not sent")

    # -- what people did ----------------------------------------------------------------------------

    def given(self, sid: str, purpose: Purpose, threepid: Threepid, user: str | None) -> None:
        """A request for a token was answered with a session."""
        session = self.stored.opened.get(sid)
        if session is None or (session.purpose, session.threepid, session.owner) != (purpose, threepid, user):
            broken(GIVEN, "a session was given to a request it was not opened by")
        self._promised.add(sid)

    def submitted(self, sid: str, token: str, threepid: Threepid) -> None:
        """Somebody submits a token."""
        self._messages.submitted(sid, self.stored.opened.get(sid), token, threepid)

    def added(self, task: Task, user: str, threepid: Threepid) -> None:
        """An add was answered with 200."""
        self.used(task.sid or "", user)
        self._served.setdefault(task.sid or "", len(self.tasks))
        if not self._overlapped(task, _TAKE, threepid):
            self._kept.add((user, threepid))
        self._look_at_accounts()

    def used(self, sid: str, user: str) -> None:
        """A session has served a user."""
        if self._users_of.setdefault(sid, user) != user:
            broken(SERVED, "a session has served two users")

    def reset(self, task: Task, proof: Proof) -> None:
        """A password is set."""
        session = self.stored.opened.get(proof.sid)
        if session is None or session.purpose is not Purpose.PASSWORD or proof.sid not in self._messages.confirmed:
            broken(PROVED, "a password was set without a proof for that")
        self.used(proof.sid, f"reset {task.call.label}")

    def removed(self, task: Task, user: str, threepid: Threepid) -> None:
        """A delete was answered with 200."""
        if not self._overlapped(task, _PUT, threepid):
            self._removed.add((user, threepid))
        self._look_at_accounts()

    def bound(self, task: Task, user: str, threepid: Threepid, server: str) -> None:
        """A bind was answered with 200."""
        if not self._overlapped(task, _UNBIND, threepid):
            self._bound.add((user, threepid, server))
        self._look_at_bindings()

    # -- what ports answered ------------------------------------------------------------------------

    def _sessions_answered(self, task: Task, method: str, values: tuple[Any, ...], answer: Any) -> None:
        for called, given, result in _apart(method, values, answer, self._world.clock()):
            if called in ("charge", "give_back"):
                self._charged.answered(called, given, result)
            else:
                task.stored = self.stored.answered(called, given, result) or task.stored

    def _accounts_answered(self, task: Task, method: str, values: tuple[Any, ...], answer: Any) -> None:
        if method == "add":
            user, threepid = values
            self._users = [*dict.fromkeys((*self._users, user))]
            if answer is AddOutcome.ADDED and task.call.act != "own":
                self._check_proof(task, user, threepid)
        if method in ("add", "remove"):
            self._look_at_accounts()

    def _bindings_answered(self, task: Task, method: str, values: tuple[Any, ...], answer: Any) -> None:
        if method not in ("get", "of_user"):
            self._look_at_bindings()

    def _identity_answered(self, task: Task, method: str, values: tuple[Any, ...], answer: Any) -> None:
        self._look_at_bindings()

    def _messages_answered(self, task: Task, method: str, values: tuple[Any, ...], answer: Any) -> None:
        self._forgotten = self._forgotten or (method in ("purge", "erase") and bool(answer))
        self._recorded.messages_answered(method, values, answer)

    def _suppressions_answered(self, task: Task, method: str, values: tuple[Any, ...], answer: Any) -> None:
        self._recorded.suppressions_answered(method, values, answer)

    def _sender_answered(self, task: Task, method: str, values: tuple[Any, ...], answer: Any) -> None:
        if method == "send" and not values[0].kind.notice:
            self._messages.sent(task.stored, values[0], answer)

    def _limiter_answered(self, task: Task, method: str, values: tuple[Any, ...], answer: Any) -> None:
        self._charged.answered(method, values, answer)

    # -- what must hold -----------------------------------------------------------------------------

    def _check_proof(self, task: Task, user: str, threepid: AccountThreepid) -> None:
        session = self.stored.opened.get(task.sid or "")
        wanted = Purpose.REGISTER if task.call.act == "register" else Purpose.ADD
        if session is None or (session.purpose, session.threepid) != (wanted, threepid.threepid):
            broken(PROVED, "an address was added by a session that was not opened for it")
        if self.tasks.index(task) >= self._served.get(session.sid, len(self.tasks)):
            broken(SERVED, "a session that has served adds an address again")
        if session.owner not in (None, user):
            broken(PROVED, "an address was added by a session of another user")
        if session.sid not in self._messages.confirmed:
            broken(PROVED, "an address was added by a session whose token never came back")

    def _look_at_accounts(self) -> None:
        accounts = behind(self._world.homeserver.accounts)
        held = [(user, each.threepid) for user in self._users for each in quietly(accounts.list(user))]
        if any(count > 1 for count in Counter(threepid for _, threepid in held).values()):
            broken(OWNER, "an address is on accounts twice")
        if not self._kept <= set(held):
            broken(KEPT, "an address that was added is not on the account")
        if self._removed & set(held):
            broken(KEPT, "an address that was deleted is on the account again")

    def _look_at_bindings(self) -> None:
        homeserver = self._world.homeserver
        published = getattr(behind(homeserver.identity), "published", {})
        named = {(user, Threepid(medium, address), server) for (server, medium, address), user in published.items()}
        if not named and not self._bound:
            return
        store = behind(homeserver.bindings)
        rows = [row for user in self._people.values() for row in quietly(store.of_user(user))]
        known = {(row.user_id, row.threepid, row.id_server) for row in rows}
        if not self._bound <= known:
            broken(KEPT, "a binding that was confirmed is not remembered")
        if any(row not in known and not self._stalled(*row[:2]) for row in named):
            broken(REMEMBERED, "an address is published and no row says so")

    # -- helpers ------------------------------------------------------------------------------------

    def _stalled(self, user: str, threepid: Threepid) -> bool:
        """Whether a bind was stopped for a while and then cut off: what it had written down may be gone by then."""
        binds = [task for task in self.tasks if task.call.act == "bind" and self._touches(task, threepid)]
        return any(task.stalled and not task.answered and self._people[task.call.who] == user for task in binds)

    def _touches(self, task: Task, threepid: Threepid) -> bool:
        name = next(iter(task.call.values), None)
        return name not in self._addresses or self._addresses[name] == threepid

    def _overlapped(self, task: Task, acts: tuple[str, ...], threepid: Threepid) -> bool:
        return any(
            other.call.act in acts and other.call.who == task.call.who
            and self._touches(other, threepid) and other.overlaps(task)
            for other in self.tasks
        )  # fmt: skip


def _apart(method: str, values: tuple[Any, ...], answer: Any, now: int) -> Iterator[tuple[str, tuple[Any, ...], Any]]:
    """Yield what a call of a session store has done at the time ``now``, as calls of single methods with their answers.

    Those of ``ChargingSessions`` do several things at once.
    """
    if method == "open_charging":
        session, charges, now = values[:3]
        wait, holder, changed = answer
        yield "charge", (charges, now), wait
        if not wait:
            yield "open", (session,), holder
            if changed is not None and changed == holder and holder.sid != session.sid:
                yield "give_back", (values[4] if len(values) > 4 else (), now), None
            elif changed is not None and changed.sid != session.sid:
                yield "replace", (changed,), True
    elif method == "replace_charging":
        session, charges, now = values[:3]
        stored, granted = answer
        yield "charge", (charges, now), int(not granted)
        yield "replace", (session,), stored
    elif method == "replace_giving_back":
        if answer:
            yield "give_back", (values[1], now), None
        yield "replace", values[:1], answer
    else:
        yield method, values, answer
