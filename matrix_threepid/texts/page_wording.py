"""Every sentence of pages, in English, as ``wording`` has those of mails and SMS."""

from __future__ import annotations

from ..model.message import MessageKind
from ..model.threepid import Purpose
from .wording import LEADS, MESSAGES, TITLES, UNDO, mark

ALL = MESSAGES
"""Every sentence, those of mails and SMS as well, with its plural form if it has one.

To be taken from here: only with this module are the sentences of pages in ``wording.MESSAGES``.
"""

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
AGAIN = mark("If you still want this, ask for it again in your app.")
NEW_MAIL = mark("Send a new mail")
STILL_OPEN = mark("A request with this address is still open. A new mail brings a link that works.")
USED = mark("This link was used already.")
CAME_BACK = mark(
    "Mails to %(address)s came back. Check how the address is written; if it is right, try again tomorrow."
)
_UNSENT = mark("The mail could not be sent")
_NO_WAY = mark("This link does not work")
_TOO_OLD = mark("This link has expired")
LIMITED = mark("Links work for a limited time only, so that nobody can use old messages.")
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
    "foreign": mark("Nothing was done"),
    "new_mail": mark("A new mail is on its way"),
    "new_mail_later": mark("Too many mails"),
    "new_mail_back": _UNSENT,
    "new_mail_unsent": _UNSENT,
    "undo": UNDO,
    "undo_mine": mark("Confirm the changes?"),
    "undo_kept": mark("Changes confirmed"),
    "undone": TITLES[MessageKind.UNDONE.value],
    "undo_failed": _NO_WAY,
    "undo_stopped": _NO_WAY,
    "undo_expired": _TOO_OLD,
    "invited": mark("Stop invitations by mail?"),
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
        AGAIN,
    ),
    "failed": (_INCOMPLETE, AGAIN),
    "foreign": (mark("The button was pressed on another site. Open the link in your message again."),),
    "new_mail": (
        mark("It goes to %(address)s. That may take a few minutes; look among spam as well. Open the link in it."),
    ),
    "new_mail_later": (mark("Too many mails were asked for. Try again in %(wait)s."),),
    "new_mail_back": (CAME_BACK,),
    "new_mail_unsent": (AGAIN,),
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
    "undo_expired": (LIMITED, _HELP_YOURSELF),
    "invited": (
        mark("%(server)s then sends no more invitations by mail to %(address)s. Other messages still reach you."),
    ),
    "uninvited": (mark("%(server)s sends no more invitations by mail to %(address)s."),),
    "invited_failed": (_INCOMPLETE,),
}
"""What those pages say; what the others say depends on the request."""
