"""Every sentence that people read, in English; the catalogues in ``locale`` translate them.

The English sentence is its own key, as is usual with gettext. A placeholder is written ``%(name)s``; a sentence whose
placeholder has no value is left out. So one list of sentences serves messages with many values and with few.
"""

from __future__ import annotations

from ..model.message import MessageKind
from ..model.threepid import Purpose

MESSAGES: dict[str, str | None] = {}
"""Every sentence, with its plural form if it has one."""


def mark(text: str) -> str:
    """Return the text unchanged; the name tells ``pybabel extract`` that it is to be translated."""
    MESSAGES[text] = None
    return text


def mark_plural(one: str, many: str) -> tuple[str, str]:
    """Return both forms unchanged; the name tells ``pybabel extract`` that they are to be translated."""
    MESSAGES[one] = many
    return one, many


TITLES = {
    Purpose.ADD.value: mark("Add an address to your account"),
    Purpose.REGISTER.value: mark("Confirm the address for your new account"),
    Purpose.PASSWORD.value: mark("Set a new password"),
    Purpose.BIND.value: mark("Confirm that an address is yours"),
    MessageKind.IN_USE.value: mark("Your address already belongs to an account"),
    MessageKind.UNKNOWN_ADDRESS.value: mark("No account has your address"),
    MessageKind.ADDED.value: mark("An address was added to your account"),
    MessageKind.REMOVED.value: mark("An address was removed from your account"),
    MessageKind.PASSWORD_CHANGED.value: mark("Your password was reset"),
    MessageKind.CHANGED.value: mark("Your account was changed"),
    MessageKind.UNDONE.value: mark("The changes were taken back"),
    MessageKind.BY_HAND.value: mark("Address confirmed"),
    MessageKind.INVITATION.value: mark("You are invited to a conversation"),
}
"""What a message or a page is about, by purpose or kind: the heading, and the start of a subject."""
LEADS = {
    Purpose.ADD.value: mark("Someone asked to add this address to an account on %(server)s."),
    Purpose.REGISTER.value: mark("Someone is creating an account on %(server)s with this address."),
    Purpose.PASSWORD.value: mark("Someone asked to set a new password for an account on %(server)s."),
    Purpose.BIND.value: mark("Someone asked to confirm on %(server)s that this address is theirs."),
    MessageKind.IN_USE.value: mark(
        "Someone asked to use this address on %(server)s, but it already belongs to an account there."
    ),
    MessageKind.UNKNOWN_ADDRESS.value: mark(
        "Someone asked to set a new password on %(server)s with this address, but it belongs to no account there."
    ),
    MessageKind.ADDED.value: mark("The address below was added to your account on %(server)s."),
    MessageKind.REMOVED.value: mark("The address below was removed from your account on %(server)s."),
    MessageKind.BY_HAND.value: mark(
        "An administrator of %(server)s confirmed the address below for your account by hand."
    ),
    MessageKind.PASSWORD_CHANGED.value: mark(
        "The password of your account on %(server)s was reset with the help of the address below."
    ),
    MessageKind.CHANGED.value: mark("The addresses or the password of your account on %(server)s were changed."),
    MessageKind.UNDONE.value: mark(
        "The addresses of your account on %(server)s are as they were before the changes. Set a new password now."
    ),
    MessageKind.INVITATION.value: mark(
        "Someone invites you to a conversation on Matrix, an open network for messages."
    ),
}
"""What happened, by purpose or kind."""
ADVICE = {
    MessageKind.IN_USE.value: mark("If this was you, log in to that account, or set a new password for it."),
    MessageKind.UNKNOWN_ADDRESS.value: mark("If this was you, try another address that you may have used."),
    MessageKind.INVITATION.value: mark(
        "To take part, log in to a Matrix app or create an account there, and confirm that this address is yours."
    ),
}
"""What to do after a message that proves no address."""
_AT_ONCE = mark("If this was not you, set a new password at once, and check the addresses of your account.")
NOT_YOU = {
    MessageKind.TOKEN.value: mark("If this was not you, ignore this message: without you, nothing changes."),
    MessageKind.IN_USE.value: mark("If this was not you, there is nothing to do."),
    MessageKind.UNKNOWN_ADDRESS.value: mark("If this was not you, there is nothing to do."),
    MessageKind.ADDED.value: mark("If this was not you, set a new password and remove the address from your account."),
    MessageKind.REMOVED.value: mark(
        "If this was not you, set a new password and add the address to your account again."
    ),
    MessageKind.PASSWORD_CHANGED.value: _AT_ONCE,
    MessageKind.UNDONE.value: _AT_ONCE,
    MessageKind.BY_HAND.value: _AT_ONCE,
    MessageKind.CHANGED.value: mark(
        "If this was not you, take the changes back. If it was you, there is nothing to do."
    ),
    MessageKind.INVITATION.value: mark(
        "If you do not know the sender, ignore this message: without you, nothing happens."
    ),
}
"""What to do if somebody else asked, by kind."""
GREETING = mark("Hello,")
BUTTON = mark("Confirm")
UNDO = mark("Take the changes back")
UNDO_ALONE = mark("To take the changes back, open this link:")
SEE = mark("See the invitation")
SEE_ALONE = mark("To see the invitation, open this link:")
STOP_INVITING = mark("If you want no more invitations by mail, open this link:")
LINK_BELOW = mark("If the button does not work, open this link:")
LINK_ALONE = mark("To confirm, open this link:")
CODE = mark("Enter this code where you were asked for it, and give it to nobody:")
CODE_TOO = mark("Or enter this code where you were asked for it, and give it to nobody:")
LINK_VALID = mark("The link works for %(time)s.")
CODE_VALID = mark("The code works for %(time)s.")
MINUTES = mark_plural("%(n)s minute", "%(n)s minutes")
HOURS = mark_plural("%(n)s hour", "%(n)s hours")
HELP = mark("Do you need help?")
LABELS = {
    "inviter": mark("Sender"),
    "room": mark("Conversation"),
    "account": mark("Account"),
    "address": mark("Address"),
    "time": mark("Time"),
    "device": mark("Device"),
    "origin": mark("Network"),
}
"""The circumstances of a request, in the order in which they are shown."""

_NEXT = mark("Next, go back to your app and continue there.")
NEXT = {
    Purpose.ADD.value: mark("Next, go back to your app and continue there: it adds the address to your account."),
    Purpose.REGISTER.value: mark("Next, go back to your app and continue there: it creates your account."),
    Purpose.PASSWORD.value: mark("Next, go back to your app and continue there: you choose your new password."),
    Purpose.BIND.value: _NEXT,
}
"""What follows a confirmation, by purpose; for pages before and after it."""
NEXT_HOST = mark("The button leads you on to %(host)s.")
ONLY_YOU = mark("Confirm only if this was you.")
YES = mark("Yes, this was me")
NO = mark("No, this was not me")
STOP = mark("Stop the request")
_AGAIN = mark("If you still want this, ask for it again in your app.")
_NO_WAY = mark("This link does not work")
_TOO_OLD = mark("This link has expired")
_LIMITED = mark("Links work for a limited time only, so that nobody can use old messages.")
_HELP_YOURSELF = mark(
    "If you cannot log in, set a new password with an address of your account, or ask your server for help."
)
_WITHOUT_IT = mark("Once you have confirmed, a removed address can no longer take the changes back.")
SECURES = mark(
    "All devices are logged out, and you set a new password. Encrypted messages may be lost, unless you have your "
    "recovery key or a backup of their keys."
)
NO_MORE_INVITATIONS = mark("No more invitations")
TAKEN = mark("%(taken)s is on another account now and cannot come back.")
PAGE_TITLES = {
    "refuse": mark("Stop this request?"),
    "already": mark("Already confirmed"),
    "confirmed": TITLES[MessageKind.BY_HAND.value],
    "disowned": mark("Request stopped"),
    "failed": _NO_WAY,
    "expired": _TOO_OLD,
    "foreign": mark("Not from this page"),
    "undo": UNDO,
    "undo_mine": YES,
    "undo_kept": mark("Changes confirmed"),
    "undone": TITLES[MessageKind.UNDONE.value],
    "undo_failed": _NO_WAY,
    "undo_stopped": _NO_WAY,
    "undo_expired": _TOO_OLD,
    "invited": NO_MORE_INVITATIONS,
    "uninvited": mark("Invitations stopped"),
    "invited_failed": _NO_WAY,
}
"""The headings of the pages that are not about one purpose."""
_INCOMPLETE = mark("The link is incomplete or not known here. Open the link in your newest message again, all of it.")
PAGE_LINES = {
    "refuse": (
        mark(
            "If this was not you, stop the request: its link stops working, and nobody can ask again from there for a "
            "day."
        ),
    ),
    "disowned": (
        mark("The request was stopped, and its link no longer works. Nothing else has changed."),
        _AGAIN,
    ),
    "failed": (_INCOMPLETE, _AGAIN),
    "expired": (_LIMITED, _AGAIN),
    "foreign": (mark("The button was pressed on another site. Open the link in your message again."),),
    "undo": (
        LEADS[MessageKind.CHANGED.value],
        mark("Your addresses become what they were before, and all open requests of your account are stopped."),
        SECURES,
        TAKEN,
    ),
    "undo_mine": (ONLY_YOU, _WITHOUT_IT),
    "undo_kept": (_WITHOUT_IT,),
    "undone": (LEADS[MessageKind.UNDONE.value],),
    "undo_failed": (_INCOMPLETE, _HELP_YOURSELF),
    "undo_stopped": (
        mark("The link was stopped: the account has ended, or its changes were confirmed."),
        _HELP_YOURSELF,
    ),
    "undo_expired": (_LIMITED, _HELP_YOURSELF),
    "invited": (
        mark("%(server)s then sends no more invitations by mail to %(address)s. Other messages still reach you."),
    ),
    "uninvited": (mark("%(server)s sends no more invitations by mail to %(address)s."),),
    "invited_failed": (_INCOMPLETE,),
}
"""What those pages say."""

SMS = {
    Purpose.ADD.value: mark("%(code)s is your code to add this number to an account."),
    Purpose.REGISTER.value: mark("%(code)s is your code for a new account."),
    Purpose.PASSWORD.value: mark("%(code)s is your code to set a new password."),
    Purpose.BIND.value: mark("%(code)s is your code to confirm this number."),
}
"""The sentence of an SMS, by purpose."""
SMS_WARNING = mark("Give it to nobody.")
