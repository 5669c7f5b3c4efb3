"""A state machine over a whole homeserver: people ask, press, add, delete, bind and leave, in any order.

Each step asks the homeserver over its API, and the reference model says what it has to answer (``reference.py``).
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from matrix_threepid import Peppers, Purpose, deactivate_threepids, run_sync
from matrix_threepid.errors import MatrixError, Unauthorized
from matrix_threepid.testing import ALICE, BOB, World
from matrix_threepid.testing.identity import FakeIdentityServers

from .reference import ADD, PASSWORD, REGISTER, Model, Proof

CAROL = "@carol:hs.example.org"
ADDRESSES = ("alice@example.org", "bob@example.org", "shared@example.org")
SERVERS = ("one.example", "two.example")
STEPS = 25
"""The steps of one example."""
STAGE = "m.login.email.identity"

Ports = Mapping[str, Any]
users, addresses = st.sampled_from((ALICE, BOB, CAROL)), st.sampled_from(ADDRESSES)
servers, secrets = st.sampled_from(SERVERS), st.sampled_from(("one", "other"))
_INDEX = st.integers(0, 1_000)


class Homeserver(RuleBasedStateMachine):
    """People, addresses, identity servers, restarts and new peppers.

    ``make_ports``: returns the stores of a new world; ``reopen``: returns those of the world after a restart.
    """

    make_ports: Callable[[], Ports] = staticmethod(dict)
    reopen: Callable[[Ports], Ports] = staticmethod(lambda ports: ports)
    steps = 0

    @initialize()
    def begin(self) -> None:
        self.ports, self.servers = self.make_ports(), FakeIdentityServers()
        self.world = World(identity=self.servers, **self.ports)
        self.model = Model(self.world.clock())
        self.keys = [_pepper(0)]
        self.world.rewire(peppers=Peppers.of(self.keys[0]))
        self.mails: list[tuple[Proof, Any]] = []

    # -- sessions -----------------------------------------------------------------------------------

    @rule(user=users, address=addresses, secret=secrets, attempt=st.integers(1, 3))
    def ask_to_add(self, user: str, address: str, secret: str, attempt: int) -> None:
        self._ask(ADD, address, secret, attempt, user)

    @rule(address=addresses, secret=secrets, attempt=st.integers(1, 3))
    def ask_to_register(self, address: str, secret: str, attempt: int) -> None:
        self._ask(REGISTER, address, secret, attempt, None)

    @rule(address=addresses, secret=secrets, attempt=st.integers(1, 3))
    def ask_to_reset(self, address: str, secret: str, attempt: int) -> None:
        self._ask(PASSWORD, address, secret, attempt, None)

    def _ask(self, purpose: str, address: str, secret: str, attempt: int, user: str | None) -> None:
        model, before = self.model, len(self.world.outbox.messages)
        answer = self.world.ask(address, secret, attempt, purpose=purpose, user=user)
        errcode = model.answer_to_asking(purpose, address)
        if errcode is not None:
            assert (answer.status, answer.json()["errcode"]) == (400, errcode)
            assert len(self.world.outbox.messages) == before, "a refused request sends nothing"
            return
        assert answer.status == 200, answer.body
        sid, proof = answer.json()["sid"], model.session_of(purpose, address, secret, user)
        if proof is None:
            assert all(sid != known.sid for known in model.proofs), "a new request has a session of its own"
            proof = Proof(sid, purpose, address, secret, user, model.pepper, model.now, ends=model.now + 86_400_000)
            model.proofs.append(proof)
        assert sid == proof.sid, "an equal request finds its session"
        assert len(self.world.outbox.messages) == before + (attempt > proof.highest), "one mail a higher attempt"
        if attempt > proof.highest:
            model.mailed(proof, attempt)
            self.mails.append((proof, self.world.outbox.last))

    @precondition(lambda self: self.mails)
    @rule(which=_INDEX)
    def press(self, which: int) -> None:
        proof, mail = self.mails[which % len(self.mails)]
        assert (self.world.confirm(mail).status < 400) is self.model.press(proof)

    @precondition(lambda self: self.mails)
    @rule(which=_INDEX)
    def look(self, which: int) -> None:
        """A scanner opens the link, which changes nothing."""
        self.world.open_link(self.mails[which % len(self.mails)][1])

    @precondition(lambda self: self.mails)
    @rule(which=_INDEX)
    def guess(self, which: int) -> None:
        """A link with another token is refused."""
        assert self.world.confirm(self.mails[which % len(self.mails)][1], token="0" * 43).status >= 400

    # -- accounts -----------------------------------------------------------------------------------

    @rule(user=users, address=addresses, secret=secrets)
    def prove_and_add(self, user: str, address: str, secret: str) -> None:
        """Go the whole way at once, without which accounts with several addresses would be rare."""
        self._ask(ADD, address, secret, 1, user)
        proof = self.model.session_of(ADD, address, secret, user)
        if proof is not None and address not in self.model.owners:
            self.press(next(number for number, (mailed, _) in enumerate(self.mails) if mailed is proof))
            self.add(self.model.proofs.index(proof), user)

    @precondition(lambda self: self.model.proofs)
    @rule(which=_INDEX, user=users)
    def add(self, which: int, user: str) -> None:
        proof = self.model.proofs[which % len(self.model.proofs)]
        answer = self.world.add(proof.sid, proof.secret, user)
        _check(answer, self.model.add(proof, user))

    @precondition(lambda self: self.model.proofs)
    @rule(which=_INDEX, user=users)
    def add_with_another_secret(self, which: int, user: str) -> None:
        proof = self.model.proofs[which % len(self.model.proofs)]
        _check(self.world.add(proof.sid, "guessed", user), "M_THREEPID_AUTH_FAILED")

    @precondition(lambda self: self.model.proofs)
    @rule(which=_INDEX, user=users)
    def add_as_older_clients_do(self, which: int, user: str) -> None:
        proof = self.model.proofs[which % len(self.model.proofs)]
        creds = {"sid": proof.sid, "client_secret": proof.secret}
        answer = self.world.post("/account/3pid", {"three_pid_creds": creds}, user)
        twice = proof.consumer == user and proof.consumed is not None
        if twice and self.model.owners.get(proof.address) == user:
            return  # a repeated request may be told of its success or of its end
        _check(answer, self.model.add(proof, user))

    @precondition(lambda self: self.model.proofs)
    @rule(which=_INDEX, user=users, acts=st.booleans())
    def register(self, which: int, user: str, acts: bool) -> None:
        proof = self.model.proofs[which % len(self.model.proofs)]
        works = self.model.usable(proof, REGISTER, None) and proof.address not in self.model.owners
        shown = self._staged(proof, Purpose.REGISTER)
        assert (shown is not None) is works
        if shown is not None and acts:
            run_sync(self.world.homeserver.accounts.add(user, shown.threepid))
            run_sync(self.world.stages.consume(shown))
            self.model.owners[proof.address] = user
            proof.consumed = self.model.now
        elif shown is not None:
            run_sync(self.world.stages.release(shown))

    @precondition(lambda self: self.model.proofs)
    @rule(which=_INDEX, acts=st.booleans())
    def reset(self, which: int, acts: bool) -> None:
        proof = self.model.proofs[which % len(self.model.proofs)]
        owner = self.model.owners.get(proof.address)
        works = self.model.usable(proof, PASSWORD, None) and owner is not None
        shown = self._staged(proof, Purpose.PASSWORD)
        assert (shown is not None) is works
        if shown is not None and acts:
            assert shown.owner == owner
            run_sync(self.world.stages.consume(shown))
            proof.consumed = self.model.now
            self.model.end_resets(str(owner))
        elif shown is not None:
            run_sync(self.world.stages.release(shown))

    def _staged(self, proof: Proof, purpose: Purpose) -> Any:
        """Do the stage of a session as a host does; return the proof, ``None`` if it is refused."""
        creds = {"sid": proof.sid, "client_secret": proof.secret}
        try:
            shown = run_sync(self.world.stages.check(STAGE, {"threepid_creds": creds}, "session of the host", purpose))
        except Unauthorized:
            return None
        try:
            run_sync(self.world.stages.confirm(shown))
        except MatrixError:
            run_sync(self.world.stages.release(shown))
            return None
        return shown

    @rule(user=users, address=addresses)
    def delete(self, user: str, address: str) -> None:
        answer = self.world.post("/account/3pid/delete", {"medium": "email", "address": address}, user)
        assert answer.status == 200
        self._all_unbound(user, address)
        self.model.remove(address, user)

    @rule(user=users)
    def leave(self, user: str) -> None:
        run_sync(deactivate_threepids(self.world.homeserver, user))
        for address in ADDRESSES:
            self._all_unbound(user, address)
        self.model.leave(user)

    # -- identity servers ---------------------------------------------------------------------------

    @rule(user=users, server=servers, address=addresses)
    def bind(self, user: str, server: str, address: str) -> None:
        self.servers.prove(server, f"sid-{ADDRESSES.index(address)}", "secret", address)
        creds = {"sid": f"sid-{ADDRESSES.index(address)}", "client_secret": "secret"}
        body = {"id_server": server, "id_access_token": "token", **creds}
        assert self.world.post("/account/3pid/bind", body, user).status == 200
        self.model.bind(user, server, address)

    @rule(user=users, server=st.sampled_from((*SERVERS, None)), address=addresses)
    def unbind(self, user: str, server: str | None, address: str) -> None:
        body = {"medium": "email", "address": address, **({"id_server": server} if server else {})}
        answer = self.world.post("/account/3pid/unbind", body, user)
        assert answer.status == 200
        if server is None:
            self._all_unbound(user, address)
        else:
            self.model.unbind(user, server, address)

    def _all_unbound(self, user: str, address: str) -> None:
        for bound in [bound for bound in self.model.bound if bound[0] == user and bound[2] == address]:
            self.model.unbind(user, bound[1], address)

    # -- the host -----------------------------------------------------------------------------------

    @rule(ms=st.sampled_from((1_000, 700_000, 3_599_000, 3_600_000, 43_200_000, 86_400_000)))
    def wait(self, ms: int) -> None:
        self.world.clock.advance(ms)
        self.model.now += ms

    @rule()
    def purge(self) -> None:
        run_sync(self.world.service.purge())

    @rule()
    def restart(self) -> None:
        self.ports = self.reopen(self.ports)
        self.world.rewire(**self.ports)

    @rule()
    def rotate(self) -> None:
        self.model.pepper += 1
        self.keys.append(_pepper(self.model.pepper))
        self.world.rewire(peppers=Peppers.of(*reversed(self.keys[-2:])))

    # -- what holds after every step ------------------------------------------------------------------

    @invariant()
    def accounts_are_as_they_should_be(self) -> None:
        if not hasattr(self, "model"):
            return
        type(self).steps += 1
        for user in (ALICE, BOB, CAROL):
            assert sorted(self.world.threepids(user)) == self.model.addresses(user)

    @invariant()
    def published_is_what_was_bound(self) -> None:
        if hasattr(self, "model"):
            now = {(server, address): user for (server, _, address), user in self.servers.published.items()}
            assert now == self.model.published


def _pepper(number: int) -> bytes:
    return f"pepper number {number:04}, long enough for tests".encode()


def _check(answer: Any, errcode: str | None) -> None:
    told = None if answer.status == 200 else answer.json().get("errcode")
    assert told == errcode, answer.body


def run_machine(
    first: int, examples: int, make_ports: Callable[[], Ports] = dict, reopen: Any = None, *, shrink: bool = True
) -> int:
    """Run examples from a seed; return how many steps they had.

    Raises ``AssertionError`` with the shortest failure, or with the first one where ``shrink`` is false: finding that
    something is broken takes a second, and making the example short a minute.
    """
    kind = type("Homeserver", (Homeserver,), {"make_ports": staticmethod(make_ports), "steps": 0})
    kind.reopen = staticmethod(reopen or (lambda ports: ports))
    size = settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink) if shrink else (Phase.generate,),
    )
    try:
        run_state_machine_as_test(seed(first)(kind), settings=size)
    except Exception as found:  # Hypothesis raises a group for several findings
        raise AssertionError("".join(traceback.format_exception(found))) from found
    return kind.steps
