"""Mails as bytes: an independent parser must find in them what was meant, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from smtp.messages import LINK, SENDER, SERVER_NAME, link_in, parsed, part, told

from matrix_threepid import ConfigurationError
from matrix_threepid.model.brand import Brand
from matrix_threepid.model.message import MessageKind
from matrix_threepid.model.threepid import Purpose
from matrix_threepid.senders.smtp.mail import Mails
from matrix_threepid.texts.catalogue import Texts

_HEADERS = [
    "Auto-Submitted",
    "Content-Type",
    "Date",
    "From",
    "MIME-Version",
    "Message-ID",
    "Subject",
    "To",
    "X-Auto-Response-Suppress",
]


@pytest.fixture
def mails() -> Mails:
    return Mails(SENDER, SERVER_NAME)


@pytest.mark.rule("SEC-121a")
def test_the_headers_say_who_to_whom_and_that_no_person_wrote_it(mails: Mails) -> None:
    """A mail has one From, one To, Date and Message-ID, asks for no automatic answers, and parses without defects."""
    mail = mails.compose(told())
    found = parsed(mail.content)
    assert sorted(found.keys()) == _HEADERS
    assert (found["From"], found["To"]) == (SENDER, "bob@example.org")
    assert (found["Auto-Submitted"], found["X-Auto-Response-Suppress"]) == ("auto-generated", "All")
    assert found["Date"].datetime is not None
    assert found["Message-ID"] == mail.message_id
    assert mail.message_id.endswith("@hs.example.org>")
    assert not any(piece.defects for piece in found.walk())


@pytest.mark.rule("REQ-ISINV-6")
def test_an_invitation_says_how_to_stop_more_of_them(mails: Mails) -> None:
    """Mail programs find the link that stops invitations in the headers, and people find it below the message."""
    stop = "https://id.example.org/stop?sid=a-b"
    mail = mails.compose(told(kind=MessageKind.INVITATION, stop_link=stop))
    found = parsed(mail.content)
    assert (found["List-Unsubscribe"], found["List-Unsubscribe-Post"]) == (f"<{stop}>", "List-Unsubscribe=One-Click")
    assert [stop in part(mail.content, kind) for kind in ("plain", "html")] == [True, True]


def test_no_two_mails_share_a_boundary_or_an_id(mails: Mails) -> None:
    """Boundary and Message-ID cannot be guessed from another mail."""
    one, two = mails.compose(told()), mails.compose(told())
    assert parsed(one.content).get_boundary() != parsed(two.content).get_boundary()
    assert one.message_id != two.message_id


@pytest.mark.rule("SEC-121a")
@pytest.mark.parametrize("language", ["en", "de", "xx", "../../secret"])
@pytest.mark.parametrize("purpose", list(Purpose))
def test_both_parts_carry_the_same_link(mails: Mails, language: str, purpose: Purpose) -> None:
    """The link stands alone on a line of the text; in the HTML part it is that of the button, and written below it."""
    content = mails.compose(told(language=language, purpose=purpose)).content
    assert link_in(content) == LINK
    escaped = LINK.replace("&", "&amp;")
    targets = re.findall(r'<a href="([^"]*)"[^>]*>([^<]*)</a>', part(content, "html"))
    assert [target for target, _ in targets] == [escaped, escaped]
    assert targets[1] == (escaped, escaped)


@pytest.mark.rule("SEC-7")
@pytest.mark.parametrize("purpose", list(Purpose))
def test_a_code_is_sent_without_any_link(mails: Mails, purpose: Purpose) -> None:
    """A mail with a code shows it alone on a line and has nothing to click."""
    content = mails.compose(told(purpose=purpose, link=None, code="402913")).content
    assert "402913" in part(content, "plain").splitlines()
    assert ">402913<" in part(content, "html")
    assert "http" not in part(content, "plain") + part(content, "html")
    assert "link" not in part(content, "plain")


@pytest.mark.parametrize("language", ["en", "de"])
def test_an_address_in_use_is_told_so_and_given_nothing(mails: Mails, language: str) -> None:
    """The notice to the owner of a known address has no link, no code, and does not talk of validity."""
    content = mails.compose(told(kind=MessageKind.IN_USE, link=None, language=language)).content
    assert not re.search(r"http|\d+ min", part(content, "plain") + part(content, "html"), re.IGNORECASE)
    assert SERVER_NAME in parsed(content)["Subject"]


def test_german_recipients_read_german(mails: Mails) -> None:
    """Words that are not ASCII arrive as they were written, in subject and both parts, in 7-bit bytes."""
    content = mails.compose(told(language="de")).content
    assert content.isascii()
    assert parsed(content)["Subject"] == "Eine Adresse zu Ihrem Konto hinzufügen \u2013 hs.example.org"
    assert "öffnen" in part(content, "plain")
    assert "öffnen" in part(content, "html")


@pytest.mark.parametrize(("account", "encoding"), [("@bob:hs.example.org", "7bit"), ("@" + "b" * 1000, "base64")])
def test_no_line_is_longer_than_smtp_allows(mails: Mails, account: str, encoding: str) -> None:
    """Plain bodies go as they are; one with a line of more than 998 octets is encoded."""
    content = mails.compose(told(account=account)).content
    body = parsed(content).get_body(("plain",))
    assert body is not None
    assert body["Content-Transfer-Encoding"] == encoding
    assert account in part(content, "plain")
    assert max(map(len, content.split(b"\r\n"))) <= 998


@pytest.mark.rule("SEC-16")
def test_markup_in_values_is_text_in_the_html_part(mails: Mails) -> None:
    """What others wrote is escaped, and a placeholder in it is not filled."""
    content = mails.compose(told(account='<b>"{{ link }}"</b> %(server)s', origin="<script>")).content
    html = part(content, "html")
    assert "&lt;b&gt;&#34;{{ link }}&#34;&lt;/b&gt; %(server)s" in html
    assert "<script>" not in html
    assert '<b>"{{ link }}"</b> %(server)s' in part(content, "plain")


def test_the_account_is_left_out_where_nobody_knows_it(mails: Mails) -> None:
    """A sentence that needs a value which is not there is left out of the mail."""
    assert "Account: @bob:hs.example.org" in part(mails.compose(told()).content, "plain")
    assert "Account" not in part(mails.compose(told(account=None)).content, "plain")


def test_a_host_replaces_words_and_layouts(tmp_path: Path) -> None:
    """A directory of the host's has the last word; what it lacks comes from the built-in one."""
    (tmp_path / "mail.txt").write_text("{{ lines[0] }}\n--\n{{ link }}\n-- The Example Team{{ code }}\n")
    (tmp_path / "fr-CA.po").write_text('msgid "Add an address to your account"\nmsgstr "À vous"\n', "utf-8")
    content = Mails(SENDER, SERVER_NAME, Texts(tmp_path)).compose(told(language="fr-CA")).content
    assert parsed(content)["Subject"] == "À vous \u2013 hs.example.org"
    text = part(content, "plain").splitlines()
    assert text[1:] == ["--", LINK, "-- The Example Team"]
    assert text[0] in part(content, "html")


def test_a_layout_may_extend_the_built_in_one(tmp_path: Path) -> None:
    """A host that changes one block writes no more than that block."""
    (tmp_path / "mail.html").write_text(
        '{% extends "built-in/mail.html" %}{% block footer %}Yours, {{ brand }}{% endblock %}'
    )
    content = Mails(SENDER, SERVER_NAME, Texts(tmp_path)).compose(told(brand=Brand(name="Example"))).content
    assert "Yours, Example" in part(content, "html")
    assert "Someone asked to add" in part(content, "html")


def test_a_mail_has_the_face_of_the_host(mails: Mails) -> None:
    """Name, logo and support line of the host are in both parts, as far as a part can show them."""
    brand = Brand(name="Example", logo="https://example.org/logo.png", support="https://example.org/help")
    content = mails.compose(told(brand=brand)).content
    assert 'src="https://example.org/logo.png" alt="Example"' in part(content, "html")
    assert 'href="https://example.org/help"' in part(content, "html")
    assert part(content, "plain").endswith(
        "Do you need help? https://example.org/help\n\n-- \nExample (hs.example.org)\n"
    )


def test_a_mail_says_how_long_it_holds(mails: Mails) -> None:
    """Times are in minutes, whole hours from two on in hours, each in the plural of the language."""
    for lifetime, words in ((60_000, "1 minute."), (3_600_000, "60 minutes."), (86_400_000, "24 hours.")):
        assert f"The link works for {words}" in part(mails.compose(told(lifetime=lifetime)).content, "plain")


def test_a_template_with_any_line_ends_gives_crlf_only(tmp_path: Path) -> None:
    """Whatever line ends a layout has, the mail has CRLF and no bare CR or LF."""
    (tmp_path / "mail.txt").write_bytes(b"one\rtwo\r\nthree\n.four\n{{ link }}\n{{ code }}")
    content = Mails(SENDER, SERVER_NAME, Texts(tmp_path)).compose(told()).content
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", content)
    assert part(content, "plain").splitlines()[:4] == ["one", "two", "three", ".four"]


@pytest.mark.parametrize(
    ("sender", "name", "address"),
    [
        ("noreply@example.org", "", "noreply@example.org"),
        ("Example, Inc. <noreply@example.org>", "Example, Inc.", "noreply@example.org"),
        ("Bücherei <noreply@example.org>", "Bücherei", "noreply@example.org"),
    ],
)
def test_the_sender_may_have_a_name(sender: str, name: str, address: str) -> None:
    """From shows the name, the envelope takes the address alone."""
    mail = Mails(sender, SERVER_NAME).compose(told())
    (found,) = parsed(mail.content)["From"].addresses
    assert (found.display_name, found.addr_spec, mail.sender) == (name, address, address)


@pytest.mark.parametrize(
    "sender", ["", "example.org", "a@b@c", "a b@c", "a@b\r\nBcc: z@c", "A\nB <a@b>", '"A" <a@b>', "<a@b", "ü@b", "a@ü"]
)
def test_a_sender_that_is_no_address_is_refused_at_once(sender: str) -> None:
    """A sender that could not stand in a header shows when it is given."""
    with pytest.raises(ConfigurationError, match="sender"):
        Mails(sender, SERVER_NAME)


def test_a_mail_shows_neither_address_nor_link_when_it_is_printed(mails: Mails) -> None:
    """The repr of a mail masks its recipient and hides its content."""
    shown = repr(mails.compose(told()))
    assert "bob@" not in shown
    assert "s3cret" not in shown
