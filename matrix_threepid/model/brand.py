"""``Brand``: what mails and pages show of the host."""

from __future__ import annotations

from attrs import frozen

from ..protocol.members import Choices, choice, documented
from ..protocol.rules import Text, printable

MAX_LOGO = 40_000
_MAILBOX = r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+"
_IMAGE = r"data:image/(?:png|jpeg|gif|svg\+xml|webp);base64,[A-Za-z0-9+/]+={0,2}"


@documented
@frozen(kw_only=True)
class Brand(Choices):
    """What mails and pages show of the host.

    >>> Brand(name="Example", support="help@example.org").support
    'help@example.org'
    """

    AT = "policy.brand"

    name: str | None = choice(
        printable(64), None, optional=True, doc="the name above mails and pages; `None` for the name of the server"
    )
    logo: str | None = choice(
        Text(
            rf"https://[\x21-\x7e]{{1,2000}}|{_IMAGE}",
            f"must be an https URL, or data:image/…;base64,… of at most {MAX_LOGO} characters",
            lambda value: len(value) <= MAX_LOGO,
        ),
        None,
        optional=True,
        doc="an image shown in place of the name, 40 pixels high: an `https` URL, or a `data:` URL, which Gmail and "
        "Outlook do not show in mails; `None` for none",
    )
    support: str | None = choice(
        Text(rf"https://[\x21-\x7e]{{1,500}}|{_MAILBOX}", "must be an https URL or a mail address"),
        None,
        optional=True,
        doc="where people get help, as a mail address or an `https` URL; `None` for no such line",
    )

    @property
    def support_link(self) -> str:
        """The URL of ``support``; empty if there is none."""
        if self.support is None:
            return ""
        return self.support if self.support.startswith("https:") else f"mailto:{self.support}"
