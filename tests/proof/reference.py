"""What must be true of a homeserver, as a model of plain values: what is asked of it, and what it has to answer.

It knows nothing of revisions, claims, MACs or stores, so a mistake there shows as an answer it does not expect. Times
are ms. The rules are those of ``docs/rules/``; the lifetimes are the defaults of the policy.
"""

from __future__ import annotations

from attrs import define, field

HOUR, DAY = 3_600_000, 86_400_000
REPEAT = 600_000
TOLERANCE = 300_000
ADD, REGISTER, PASSWORD = "add", "register", "password"


@define(eq=False)
class Proof:
    """A session, as the client that asked for it sees it.

    * ``asker``: the user whose access token came with the request; ``None`` without one.
    * ``pepper``: the number of the pepper it was made with.
    * ``highest``: the largest ``send_attempt`` for which a mail came.
    * ``ends``, ``link_ends``: when it and its link end.
    """

    sid: str
    purpose: str
    address: str
    secret: str
    asker: str | None
    pepper: int
    opened: int
    highest: int = -1
    ends: int = 0
    link_ends: int = 0
    validated: int | None = None
    consumed: int | None = None
    consumer: str | None = None
    ended: bool = False


@define
class Model:
    """A homeserver, its users and the identity servers they publish at."""

    now: int
    pepper: int = 0
    owners: dict[str, str] = field(factory=dict)
    proofs: list[Proof] = field(factory=list)
    published: dict[tuple[str, str], str] = field(factory=dict)
    bound: set[tuple[str, str, str]] = field(factory=set)
    """User, identity server and address of every bind that no server has confirmed to be gone."""

    # -- sessions -----------------------------------------------------------------------------------

    def known(self, proof: Proof) -> bool:
        """Whether the peppers in force can still check its secret and its link."""
        return proof.pepper >= self.pepper - 1

    def alive(self, proof: Proof) -> bool:
        latest = max(proof.opened, proof.validated or 0)
        return not proof.ended and proof.consumed is None and latest - TOLERANCE <= self.now < proof.ends

    def answer_to_asking(self, purpose: str, address: str) -> str | None:
        """Return the errcode of a ``requestToken``; ``None`` for a ``sid``."""
        if (address in self.owners) is (purpose == PASSWORD):
            return None
        return "M_THREEPID_NOT_FOUND" if purpose == PASSWORD else "M_THREEPID_IN_USE"

    def session_of(self, purpose: str, address: str, secret: str, asker: str | None) -> Proof | None:
        """Return the live session of an equal request that came before (REQ-SESS-1)."""
        asked = (purpose, address, secret, asker)
        return next(
            (
                proof
                for proof in reversed(self.proofs)
                if (proof.purpose, proof.address, proof.secret, proof.asker) == asked
                and self.alive(proof)
                and self.known(proof)
            ),
            None,
        )

    def mailed(self, proof: Proof, attempt: int) -> None:
        proof.highest, proof.link_ends = max(proof.highest, attempt), self.now + HOUR

    def press(self, proof: Proof) -> bool:
        """Open the link and press the button; return whether the page says that the address is confirmed."""
        if not self.known(proof) or proof.ended:
            return False
        if proof.consumed is not None:
            return True
        if proof.validated is not None:
            return self.alive(proof)
        if not self.alive(proof) or self.now >= proof.link_ends:
            return False
        proof.validated = self.now
        proof.ends = min(self.now + HOUR, proof.opened + DAY)
        return True

    def usable(self, proof: Proof, purpose: str, user: str | None) -> bool:
        return (
            self.known(proof)
            and self.alive(proof)
            and proof.validated is not None
            and proof.purpose == purpose
            and proof.asker in (None, user)
        )

    # -- accounts -----------------------------------------------------------------------------------

    def add(self, proof: Proof, user: str) -> str | None:
        """Add the address of a session to an account; return the errcode, ``None`` for success."""
        if not self.usable(proof, ADD, user):
            return "M_THREEPID_AUTH_FAILED"
        if self.owners.get(proof.address, user) != user:
            return "M_THREEPID_IN_USE"
        self.owners[proof.address] = user
        proof.consumed, proof.consumer = self.now, user
        return None

    def addresses(self, user: str) -> list[str]:
        return sorted(address for address, owner in self.owners.items() if owner == user)

    def remove(self, address: str, user: str) -> None:
        """Remove an address; open resets by it end, since they could still change the password."""
        if self.owners.get(address) == user:
            del self.owners[address]
            self.end(lambda proof: proof.purpose == PASSWORD and proof.address == address)

    def end_resets(self, user: str) -> None:
        self.end(lambda proof: proof.purpose == PASSWORD and proof.address in self.addresses(user))

    def leave(self, user: str) -> None:
        """Deactivate an account: its addresses go, and every session that its user has opened ends."""
        for address in self.addresses(user):
            self.remove(address, user)
        self.end(lambda proof: proof.asker == user)

    def end(self, which: object) -> None:
        for proof in self.proofs:
            if proof.consumed is None and which(proof):  # type: ignore[operator]
                proof.ended = True

    # -- identity servers ---------------------------------------------------------------------------

    def bind(self, user: str, server: str, address: str) -> None:
        self.published[server, address] = user
        self.bound.add((user, server, address))

    def unbind(self, user: str, server: str, address: str) -> None:
        """A server has confirmed that it does not publish the address for the user."""
        if self.published.get((server, address)) == user:
            del self.published[server, address]
        self.bound.discard((user, server, address))
