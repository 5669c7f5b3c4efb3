"""What is stored of a session."""

from __future__ import annotations

from attrs import field, frozen

from ..protocol.members import redacted
from .threepid import Purpose, Threepid, mask_field


@frozen(kw_only=True)
class SessionFields:
    """What a store keeps of a session. Times are in ms of the wall clock.

    * ``sid``: its public id, 128 random bits.
    * ``purpose``: the only purpose it can be used for.
    * ``threepid``: the address to prove, for look-up; it never changes (SEC-8).
    * ``spelling``: the address to which messages are sent.
    * ``owner``: the user whose access token the request carried; ``None`` without one. Only this user can use it.
    * ``pepper_id``: the id of the pepper from which its secrets are derived.
    * ``secret_mac``: the MAC of the client secret.
    * ``slot``: a MAC of purpose, address, secret and owner, by which the same request finds its session (SEC-107);
      unique in a store; ``None`` once the session is over, so that the same request opens a new one.
    * ``code_digits``: the number of digits of its codes; 0 (default) if a link alone is sent.
    * ``created_at``: when it was opened.
    * ``expires_at``: when it ends.
    * ``token_expires_at``: when the token sent last ends; 0 before the first message.
    * ``send_attempt``: the largest ``send_attempt`` that was handed over; ``None`` before.
    * ``due_attempt``: the ``send_attempt`` that is being sent or waits for its sending, written ahead of it; ``None``
      if there is none.
    * ``due_at``: when a worker may send (again) the message of ``due_attempt``; ``None`` for never.
    * ``serial``: the number of messages begun.
    * ``sent_serial``: the ``serial`` of the message that was handed over last.
    * ``guesses``: the guesses of the current code.
    * ``validated_at``: when the right token came first; ``None`` before.
    * ``claimed_by``: ``user:`` and a user id, or ``uia:`` and a hash of the id of a session of user-interactive
      authentication; ``None`` if no action has reserved the session.
    * ``claimed_at``: when ``claimed_by`` was set; the end of the session if the claim is kept until then.
    * ``consumed_at``: when its action was done; ``None`` before.
    * ``ended``: whether it was ended without being consumed.
    * ``decoy``: whether it only looks like a session and can never be validated (REQ-REQTOK-4).
    * ``next_link``: the page to which a confirmation leads; ``None`` for a page of this server.
    * ``language``: the language of messages and pages; default ``en``.
    * ``origin``: the masked network address of the client that asked; empty if unknown.
    * ``device``: app and system of that client, as it names them; empty if unknown.
    * ``client_mac``: the MAC of that client's network, for blocking it (SEC-44).
    * ``revision``: the number of changes. A store replaces a session only by the one with the next revision.
    * ``notice``: the value of the ``MessageKind`` that says what happened to the account of ``owner``, in a decoy that
      only carries a notice; ``None`` in every other session.
    * ``concerns``: in a notice to ``threepid``, the masked address that was added or removed; ``None`` in a notice
      whose recipients are not found yet, and whose ``threepid`` is the address that was added or removed.
    * ``charged``: what the limits were charged for the message that waits for a worker, as text; ``None`` if nothing
      can be given back for it.
    * ``untried``: the ``revision`` up to which no worker has leased that message since it was put there; ``None``, or
      less than ``revision``, once a worker may have tried it.
    * ``with_link``: whether its messages hold a link besides the code. Default ``False``.
    * ``code_expires_at``: when the code ends that was sent last, in a session ``with_link``, whose link may live
      longer; 0 in every other.
    """

    sid: str
    purpose: Purpose
    threepid: Threepid
    spelling: str = mask_field()
    owner: str | None = None
    pepper_id: str
    secret_mac: str = field(repr=redacted)
    slot: str | None = field(repr=redacted)
    code_digits: int = 0
    created_at: int
    expires_at: int
    token_expires_at: int = 0
    send_attempt: int | None = None
    due_attempt: int | None = None
    due_at: int | None = None
    serial: int = 0
    sent_serial: int = 0
    guesses: int = 0
    validated_at: int | None = None
    claimed_by: str | None = None
    claimed_at: int | None = None
    consumed_at: int | None = None
    ended: bool = False
    decoy: bool = False
    next_link: str | None = field(default=None, repr=redacted)
    language: str = "en"
    origin: str = field(default="", repr=redacted)
    client_mac: str = field(default="", repr=redacted)
    revision: int = 0
    notice: str | None = None
    concerns: str | None = None
    with_link: bool = False
    code_expires_at: int = 0
    device: str = ""
    charged: str | None = field(default=None, repr=redacted)
    untried: int | None = None
