"""What has become of a session: one cause, with its times, by the rules of ``Session`` alone."""

from __future__ import annotations

from collections.abc import Iterator

from ..flows.send_message import LEASE
from ..limits.counting import used
from ..limits.guesses import guesses_of
from ..limits.rate import blocked_clients
from ..model.session import CLOCK_TOLERANCE, Session
from ..model.threepid import Purpose, masked
from ..roles.base import Role
from .causes import Cause
from .delivery_state import messages_of, of_messages, with_fate
from .explanation import Finding

_WHY = {
    Purpose.ADD: "to add the address to an account",
    Purpose.REGISTER: "to register an account",
    Purpose.PASSWORD: "to reset a password",
    Purpose.BIND: "to publish the address",
}


async def of_session(role: Role, session: Session) -> list[Finding]:
    """Return what has become of a session, the newest first; the first finding has the cause."""
    now = role.clock()
    disowned = any(await used(role, blocked_clients(session.threepid, [session.client_mac])))
    found = _over(session, disowned=disowned) or next(_life(role, session, now), None)
    if found is None:
        found = await _guesses(role, session) or _message(role, session, now)
    messages = await messages_of(role, session)
    told = sorted([*of_messages(messages), *_history(role, session)], key=lambda each: -(each.at or 0))
    return [with_fate(found, messages), *told]


def _about(session: Session) -> str:
    return f"session {session.sid}"


def _found(session: Session, cause: Cause, text: str, at: int | None = None, until: int | None = None) -> Finding:
    return Finding(about=_about(session), text=text, cause=cause, at=at, until=until)


def _history(role: Role, session: Session) -> Iterator[Finding]:
    """Yield what the row tells beside its state, the newest first."""
    about = _about(session)
    if session.validated_at is not None:
        yield Finding(about=about, text="confirmed", at=session.validated_at)
    if session.serial:
        begun = session.begun_at(role.policy.lifetimes)
        known = session.send_attempt
        sent = "" if known is None else f"; the next one needs a send_attempt above {known}"
        yield Finding(about=about, text=f"message {session.serial} begun{sent}", at=begun)
    by = f"by {session.owner}" if session.owner else "without an access token"
    kind = (
        "code" if session.code_digits and not session.has_link else "link or a code" if session.code_digits else "link"
    )
    where = f" from {session.origin}" if session.origin else ""
    opened = f"opened {by}{where}, {_WHY[session.purpose]}: {masked(session.threepid.address)}, by a {kind}"
    yield Finding(about=about, text=opened, at=session.created_at)


def _over(session: Session, *, disowned: bool) -> Finding | None:
    """Return why a session is over, or is none that anybody could confirm; ``None`` if neither."""
    if session.consumed_at is not None:
        return _found(session, Cause.USED, "the proof was used for what it was asked for", session.consumed_at)
    if session.notice:
        return _found(session, Cause.NOTICE, f"a security notice ({session.notice}), which nobody can confirm")
    if session.ended and disowned:
        return _found(session, Cause.DISOWNED, "ended: the reader of the message said that it was not their request")
    if session.ended:
        return _found(session, Cause.ENDED, "ended before it was used: cancelled, replaced, or its account was closed")
    return None


def _life(role: Role, session: Session, now: int) -> Iterator[Finding]:
    """Yield what its times, its pepper and its claim tell; nothing if it waits for a confirmation."""
    validated, ended = session.validated_at, now >= session.expires_at
    if now < max(session.created_at, validated or 0) - CLOCK_TOLERANCE:
        yield _found(session, Cause.CLOCK_BEHIND, "it was opened in the future of this machine's clock")
    if ended and validated is None:
        yield _found(session, Cause.SESSION_EXPIRED, "it ended without being confirmed", session.expires_at)
    if ended:
        yield _found(session, Cause.PROOF_EXPIRED, "it was confirmed, and not used in time", session.expires_at)
    if role.peppers.by_id(session.pepper_id) is None:
        yield _found(session, Cause.PEPPER_GONE, "its pepper is gone: its secrets cannot be checked any more")
    if session.decoy:
        yield _found(session, Cause.DECOY, "nobody can confirm it: the answer only looks like any other")
    if validated is None:
        return
    claimed_until = (session.claimed_at or 0) + role.policy.lifetimes.claim
    if session.claimed_by is not None and now < claimed_until:
        who = "user-interactive authentication" if session.claimed_by.startswith("uia:") else "a request"
        text = f"confirmed, and reserved by {who} that has not finished"
        yield _found(session, Cause.CLAIMED, text, until=claimed_until)
    who = f"only {session.owner} can" if session.owner else "its client can"
    yield _found(session, Cause.NOT_USED, f"confirmed, and not used yet: {who} go on", until=session.expires_at)


async def _guesses(role: Role, session: Session) -> Finding | None:
    """Return whether codes can no longer be typed; ``None`` for a session with links only, or with guesses left."""
    if not session.code_digits or session.has_link or session.sent_serial == 0:
        return None
    if session.guesses >= role.policy.guesses_per_code:
        return _found(session, Cause.CODE_GUESSED_OUT, f"{session.guesses} wrong codes were typed; the code has ended")
    anybody, _ = guesses_of(role, session.threepid)
    (count,) = await used(role, [anybody])
    if wait := anybody.wait(role, count):
        text = f"{count} codes were typed for the address today, over all sessions; more are for its owner only"
        return _found(session, Cause.GUESSES_USED, text, until=role.clock() + wait)
    return None


def _message(role: Role, session: Session, now: int) -> Finding:
    """Return what has become of the last message of a session that waits for its confirmation."""
    begun = session.begun_at(role.policy.lifetimes)
    if session.due_attempt is not None:
        return _due(role, session, now, begun)
    if session.serial == 0:
        return _found(session, Cause.NOTHING_SENT, "no message was begun", session.created_at)
    if session.sent_serial == 0:
        text = "the sender refused the message, so nothing was handed over"
        if role.policy.hide_known_addresses:
            text += (
                "; or strangers had used up the messages of the day, and the answer must not tell whose address it is"
            )
        return _found(session, Cause.REFUSED, text, begun)
    if now >= session.token_expires_at:
        return _found(session, Cause.TOKEN_EXPIRED, "its link or code has ended", session.token_expires_at)
    if session.sent_serial < session.serial:
        text = "the sender refused the last message; what came before it still counts"
        return _found(session, Cause.REFUSED, text, begun, session.token_expires_at)
    left = role.policy.guesses_per_code - session.guesses
    guesses = f"; {left} guesses of its code are left" if session.code_digits else ""
    text = f"the message was handed over and nobody has confirmed it{guesses}"
    return _found(session, Cause.HANDED_OVER, text, begun, session.token_expires_at)


def _due(role: Role, session: Session, now: int, begun: int) -> Finding:
    """Return what becomes of a message that is written and whose outcome is not."""
    lease = LEASE * role.policy.send_deadline
    if session.due_at is None:
        if now < begun + lease:
            return _found(session, Cause.BEING_SENT, "the message is being handed over", begun)
        text = "the process stopped while it sent: the message may have gone out, and is not sent again"
        return _found(session, Cause.OUTCOME_UNKNOWN, text, begun)
    if session.due_at <= now:
        text = f"the message waits for the job deliver_due, for {(now - session.due_at) // 1000} s so far"
        return _found(session, Cause.WAITING, text, begun)
    left, text = session.due_at - now, "the last try failed, its region is slow, or a process stopped while it sent"
    if lease - role.policy.send_deadline < left <= lease:
        return _found(session, Cause.BEING_SENT, "the message is being handed over, or was put off a moment ago", begun)
    return _found(session, Cause.PUT_OFF, f"{text}; the next try is planned", begun, session.due_at)
