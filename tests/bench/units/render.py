"""render.*: one mail, one page; the floor fills the same text with ``str.format``."""

from __future__ import annotations

from functools import partial

from matrix_threepid.model.message import MessageKind, TokenMessage
from matrix_threepid.model.threepid import Medium, Purpose
from matrix_threepid.senders.smtp.mail import Mails
from matrix_threepid.texts.pages import BuiltInPages

from ..measure import Work
from ..setting import Setting

_SERVER = "hs.example.org"
_LINK = f"https://{_SERVER}/_matrix/client/unstable/threepid/email/submit_token?sid="


def mail(setting: Setting) -> Work:
    """Compose the mail of a message."""
    mails, messages = Mails(f"noreply@{_SERVER}", _SERVER), [_message(setting) for _ in range(setting.ops)]
    return Work(
        arguments=messages,
        act=mails.compose,
        wrong=lambda made: sum(each.recipient.encode() not in each.content for each in made),
    )


def mail_floor(setting: Setting) -> Work:
    """The same mail from a template with three blanks."""
    told = _message(setting)
    text = Mails(f"noreply@{_SERVER}", _SERVER).compose(told).content.decode()
    return _format(setting, text, link=str(told.link), recipient=told.recipient, account=str(told.account))


def page(setting: Setting) -> Work:
    """Render the page behind a link."""
    pages, values = BuiltInPages(), [_values(setting) for _ in range(setting.ops)]
    return Work(
        arguments=values,
        act=partial(pages.render, "confirm", "en"),
        wrong=lambda made: sum(each["sid"] not in shown for each, shown in zip(values, made, strict=True)),
    )


def page_floor(setting: Setting) -> Work:
    """The same page from a template with three blanks."""
    values = _values(setting)
    text = BuiltInPages().render("confirm", "en", values)
    return _format(setting, text, **{name: values[name] for name in ("sid", "token", "account")})


def _format(setting: Setting, text: str, **values: str) -> Work:
    """Make a template of a finished text, and fill it with ``values`` again."""
    template = text.replace("{", "{{").replace("}", "}}")
    for name, value in values.items():
        template = template.replace(value, f"{{{name}}}")
    return Work(
        arguments=[values] * setting.ops,
        act=lambda each: template.format(**each).encode(),
        wrong=lambda made: sum(each != text.encode() for each in made),
    )


def _message(setting: Setting) -> TokenMessage:
    people = setting.people
    return TokenMessage(
        medium=Medium.EMAIL,
        recipient=people.address(),
        purpose=Purpose.ADD,
        kind=MessageKind.TOKEN,
        link=f"{_LINK}{people.secret()}",
        account=people.user(),
        origin="203.0.113.*",
        requested_at=1_700_000_000_000,
        lifetime=3_600_000,
        deadline=10_000,
    )


def _values(setting: Setting) -> dict[str, str]:
    people = setting.people
    return {
        "server": _SERVER,
        "sid": people.secret(),
        "token": people.secret(),
        "purpose": "add",
        "address": "p***@example.org",
        "account": people.user(),
        "time": "2023-11-14 22:13 UTC",
        "origin": "203.0.113.*",
    }
