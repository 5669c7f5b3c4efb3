"""Every sentence of mails and SMS, in English; the catalogues in ``locale`` translate them.

Those of pages are in ``page_wording``. The English sentence is its own key, as is usual with gettext. A placeholder is
written ``%(name)s``; a sentence whose placeholder has no value is left out. So one list of sentences serves messages
with many values and with few.
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

SMS = {
    Purpose.ADD.value: mark("%(code)s is your code to add this number to an account."),
    Purpose.REGISTER.value: mark("%(code)s is your code for a new account."),
    Purpose.PASSWORD.value: mark("%(code)s is your code to set a new password."),
    Purpose.BIND.value: mark("%(code)s is your code to confirm this number."),
}
"""The sentence of an SMS, by purpose."""
SMS_WARNING = mark("Give it to nobody.")
