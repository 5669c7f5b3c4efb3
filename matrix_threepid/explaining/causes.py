"""Why no message came, or why one did not help: each cause with what it means and what to do."""

from __future__ import annotations

from enum import Enum


class Cause(str, Enum):
    """A cause that an explanation can name. ``REMEDIES`` says what to do."""

    MEDIUM_OFF = "medium_off"
    COUNTRY_OFF = "country_off"
    KIND_REFUSED = "kind_refused"
    CHANGES_OFF = "changes_off"
    REGISTRATION_OFF = "registration_off"
    RESET_BY_PHONE_OFF = "reset_by_phone_off"
    RULES_REFUSE = "rules_refuse"
    FOR_TESTS = "for_tests"
    LIMIT_REACHED = "limit_reached"
    BUDGET_USED = "budget_used"
    PAUSED = "paused"
    IN_USE = "in_use"
    ON_NO_ACCOUNT = "on_no_account"
    RESETS_LOCKED = "resets_locked"
    PROVED_TOO_LONG_AGO = "proved_too_long_ago"
    UNKNOWN_SESSION = "unknown_session"
    NOTHING_SENT = "nothing_sent"
    BEING_SENT = "being_sent"
    WAITING = "waiting"
    PUT_OFF = "put_off"
    OUTCOME_UNKNOWN = "outcome_unknown"
    REFUSED = "refused"
    HANDED_OVER = "handed_over"
    DEFERRED = "deferred"
    DELIVERED = "delivered"
    BOUNCED_SOFT = "bounced_soft"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    SUPPRESSED = "suppressed"
    TOKEN_EXPIRED = "token_expired"
    CODE_GUESSED_OUT = "code_guessed_out"
    GUESSES_USED = "guesses_used"
    DECOY = "decoy"
    NOT_USED = "not_used"
    CLAIMED = "claimed"
    USED = "used"
    DISOWNED = "disowned"
    ENDED = "ended"
    SESSION_EXPIRED = "session_expired"
    PROOF_EXPIRED = "proof_expired"
    PEPPER_GONE = "pepper_gone"
    CLOCK_BEHIND = "clock_behind"
    NOTICE = "notice"
    BOUND = "bound"
    BIND_UNCERTAIN = "bind_uncertain"
    INVITED = "invited"
    INVITATIONS_STOPPED = "invitations_stopped"
    UNBIND_QUEUED = "unbind_queued"
    UNBIND_GIVEN_UP = "unbind_given_up"


REMEDIES: dict[Cause, str] = {
    Cause.MEDIUM_OFF: "Wire a sender for the medium and set what is missing; `check` lists it.",
    Cause.COUNTRY_OFF: "Add the country to policy.sms.countries if SMS may go there.",
    Cause.KIND_REFUSED: "Ask for another number: this kind costs extra, or nobody reads SMS there.",
    Cause.CHANGES_OFF: "Set policy.changes_enabled if users may change their addresses themselves.",
    Cause.REGISTRATION_OFF: "Set policy.registration_enabled if strangers may sign up.",
    Cause.RESET_BY_PHONE_OFF: "Ask for a mail address of the account, or set policy.password_reset_by_phone.",
    Cause.RULES_REFUSE: "Change the host's address rules if the address is to be allowed.",
    Cause.FOR_TESTS: "Type the fixed code of policy.test_addresses, or take the address out of it.",
    Cause.LIMIT_REACHED: "Wait until the limit has room, or lift it.",
    Cause.BUDGET_USED: "Wait until the budget begins anew, or raise it; look for an attack first.",
    Cause.PAUSED: "Look for an attack: few codes came back. Users with an access token are judged apart.",
    Cause.IN_USE: "The address has to leave its account before another one can have it; log in to that account.",
    Cause.ON_NO_ACCOUNT: "Ask for the address that is on the account; the user sees the addresses after logging in.",
    Cause.RESETS_LOCKED: "Changes of the account were taken back: reset by an address that was on it before.",
    Cause.PROVED_TOO_LONG_AGO: "Remove the address and add it again, or reset by another one.",
    Cause.UNKNOWN_SESSION: "Ask for the address instead; the session never was here, or was deleted after its end.",
    Cause.NOTHING_SENT: "Ask for a new message.",
    Cause.BEING_SENT: "Wait a moment and look again.",
    Cause.WAITING: "Look whether the job deliver_due runs; the message goes out at its next run.",
    Cause.PUT_OFF: "Look in the log for why the last try failed (MessageSent, refused_for_now).",
    Cause.OUTCOME_UNKNOWN: "Ask the provider about the message. An SMS is never sent twice: ask for a new one.",
    Cause.REFUSED: "Look in the log for the refusal (MessageSent); the same request may be made again.",
    Cause.HANDED_OVER: "Look in the folder for unwanted mail. A client that repeats send_attempt gets no new message.",
    Cause.DEFERRED: "Wait: the recipient's server takes it later, or it comes back within days.",
    Cause.DELIVERED: "Look in the folder for unwanted mail; the recipient's server or phone network has it.",
    Cause.BOUNCED_SOFT: "Ask the reader to make room in the mailbox, then ask for a new message.",
    Cause.BOUNCED: "Correct the address: it does not exist, or takes nothing from here.",
    Cause.COMPLAINED: "Ask the reader to take the mail out of the folder for unwanted mail.",
    Cause.SUPPRESSED: "Wait for the end, or lift the suppression once the mailbox exists.",
    Cause.TOKEN_EXPIRED: "Ask for a new message.",
    Cause.CODE_GUESSED_OUT: "Ask for a new message; its code has new guesses.",
    Cause.GUESSES_USED: "Wait until the day (UTC) ends, or lift the limit.",
    Cause.DECOY: "The answer hides whether the address is known. See what holds for the address now.",
    Cause.NOT_USED: "The client has to go on: press continue there, or finish the registration.",
    Cause.CLAIMED: "Finish in the window where it was begun, or wait until the claim ends.",
    Cause.USED: "Nothing is left to do: the proof was used. A second click on its link changes nothing.",
    Cause.DISOWNED: "The reader of the mail did not ask for it. Requests of that client are blocked for a day.",
    Cause.ENDED: "Ask for a new message.",
    Cause.SESSION_EXPIRED: "Ask for a new message, and confirm before it ends.",
    Cause.PROOF_EXPIRED: "Ask for a new message, and go on in the client soon after confirming.",
    Cause.PEPPER_GONE: "Ask for a new message. Keep the previous pepper for a day when you rotate.",
    Cause.CLOCK_BEHIND: "Set the clock of this machine: it is behind that of the one that opened the session.",
    Cause.NOTICE: "A security notice tells of a change of the account; nobody can confirm anything by it.",
    Cause.BOUND: "Unbind it, or remove it from the account, if it must not be published.",
    Cause.BIND_UNCERTAIN: "The identity server did not confirm; bind again, or unbind to be sure.",
    Cause.INVITED: "Have the person bind the address here; their homeserver is told of the invitations then.",
    Cause.INVITATIONS_STOPPED: "Nothing: the reader wants no more invitations by mail.",
    Cause.UNBIND_QUEUED: "Wait for the next try. The address may be found at the identity server until then.",
    Cause.UNBIND_GIVEN_UP: "Ask the operator of the identity server to remove the address, or unbind again.",
}
