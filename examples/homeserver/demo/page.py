"""A page to click through: an account, its addresses, and the mailbox. Plain forms, no script."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from html import escape
from pathlib import Path
from string import Template

from attrs import frozen

from matrix_threepid import BuiltInPages, Response
from matrix_threepid.endpoints import Call, Endpoint, History, one_of, page_response, read, typed
from matrix_threepid.testing import Failed, Mailbox, Message, PersonSession

from ..home import Home
from .person import Person

_LAYOUT = Template(Path(__file__).with_name("page.html").read_text("utf-8"))
_STYLE = BuiltInPages.style
_LINK = re.compile(r"(https?://\S+)")
_BARE = History(unstable=False, bare=True)


@frozen(kw_only=True)
class Press:
    """A button that was pressed."""

    do: str = one_of("ask", "add", "remove", "forget", "reset", doc="what to do")
    what: str | None = typed(512, optional=True, doc="an address or a session")


class Page:
    """The page and the person in front of it."""

    path = "/demo"

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._said = "Ask for a mail to prove an address, then look into the mailbox below."
        self._waiting: dict[str, tuple[str, str, PersonSession]] = {}
        self.endpoints = (
            Endpoint("GET", self.path, _BARE, self._show, name="show_page"),
            Endpoint("POST", self.path, _BARE, self._press, request=Press, form=self._press, name="press"),
        )

    def open(self, url: str) -> None:
        """Let a person register at the server at ``url``. Blocks, as everything they do."""
        self._url, self._person = url, Person(url)
        self._person.register("alice")

    async def _show(self, home: Home, call: Call, message: None) -> Response:
        addresses = await asyncio.to_thread(self._person.addresses)
        return page_response(200, _LAYOUT.substitute(self._values(addresses)))

    async def _press(self, home: Home, call: Call, message: Press | None) -> Response:
        pressed = message or read(Press, call.request.form)
        if call.request.headers.get("sec-fetch-site", "same-origin") == "same-origin":
            await asyncio.to_thread(self._do, pressed)
        return page_response(303, "", location=self.path)

    # -- what the buttons do ------------------------------------------------------------------------

    def _do(self, pressed: Press) -> None:
        deeds: dict[str, Callable[[str], str]] = {
            "ask": lambda address: self._ask("add", address),
            "forget": lambda address: self._ask("password", address),
            "add": self._add,
            "reset": self._reset,
            "remove": self._remove,
        }
        try:
            self._said = deeds[pressed.do](pressed.what or "")
        except Failed as failed:
            self._said = str(failed)

    def _ask(self, purpose: str, address: str) -> str:
        session = self._person.ask(purpose, address, self._url + self.path)
        self._waiting[session.sid] = (purpose, address, session)
        return f"A mail is on its way to {address}."

    def _add(self, sid: str) -> str:
        address, session = self._asked(sid)
        self._person.add(session)
        del self._waiting[sid]
        return f"{address} is on the account."

    def _reset(self, sid: str) -> str:
        address, session = self._asked(sid)
        self._person.reset_password(session)
        del self._waiting[sid]
        self._person.log_in_by(address)
        return f"The new password is {self._person.password}; logged in by {address}."

    def _asked(self, sid: str) -> tuple[str, PersonSession]:
        if sid not in self._waiting:
            raise Failed("That was done before.")
        return self._waiting[sid][1:]

    def _remove(self, address: str) -> str:
        return f"{address} is off the account; unbinding says «{self._person.remove(address)}»."

    # -- how it looks -------------------------------------------------------------------------------

    def _values(self, addresses: list[str]) -> dict[str, str]:
        waiting = [_waiting(*asked) for asked in self._waiting.values()]
        return {
            "style": _STYLE,
            "said": escape(self._said),
            "user": escape(self._person.user_id),
            "addresses": "\n".join([*map(_address, addresses), *waiting]) or "<p>None yet.</p>",
            "mails": "\n".join(map(_mail, reversed(self._mailbox.messages))) or "<p>Nothing yet.</p>",
        }


def _address(address: str) -> str:
    return (
        f"<p>{escape(address)}</p>"
        + _button("remove", address, "Remove")
        + _button("forget", address, "Forgot password")
    )


def _waiting(purpose: str, address: str, session: PersonSession) -> str:
    do, label = ("reset", "Set a new password") if purpose == "password" else ("add", "Add it")
    return f"<p>{escape(address)}: open the link in its mail and confirm, then</p>{_button(do, session.sid, label)}"


def _button(do: str, what: str, label: str) -> str:
    hidden = f'<input type="hidden" name="do" value="{do}"><input type="hidden" name="what" value="{escape(what)}">'
    return f'<form method="post" action="demo">{hidden}<button type="submit">{label}</button></form>'


def _mail(mail: Message) -> str:
    text = _LINK.sub(r'<a href="\1">\1</a>', escape(mail.text)).replace("\n", "<br>")
    return f"<h3>{escape(mail.subject)}</h3><p>To {escape(mail.recipient)}</p><p>{text}</p>"
