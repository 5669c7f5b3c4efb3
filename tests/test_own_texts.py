"""A host's own texts: what could not be shown is refused while the host starts, with file and line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from matrix_threepid import BuiltInPages, ConfigurationError, Medium, Texts
from matrix_threepid.senders import SmtpSender
from matrix_threepid.testing import World
from matrix_threepid.texts.failure import CannotRender

_LEAD = 'msgid "Someone asked to add this address to an account on %(server)s."\n'
_MINUTES = 'msgid "%(n)s minute"\nmsgid_plural "%(n)s minutes"\n'
_HEADER = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n'
_FORMS = _HEADER + '"Plural-Forms: nplurals={}; plural={};\\n"\n\n'
_LINK_CODE = "{{ link }}\n{{ code }}\n"
_FORM = (
    '<form method="post" action="submit_token">{% for name, value in fields %}'
    '<input name="{{ name }}" value="{{ value }}">{% endfor %}{{ button }}</form>'
)

SLIPS: dict[str, tuple[str, str | bytes, str]] = {
    "unknown placeholder": ("de.po", _LEAD + 'msgstr "Auf %(serer)s"', "de.po:1: unknown placeholder %(serer)s"),
    "placeholder of another sentence": ("en.po", _LEAD + 'msgstr "%(code)s"', "en.po:1: unknown placeholder %(code)s"),
    "lone percent sign": ("en.po", _LEAD + 'msgstr "100 % free"', "en.po:1: a percent sign is written %%"),
    "format of another type": ("en.po", _LEAD + 'msgstr "%(server)d"', "en.po:1: a percent sign is written %%"),
    "placeholder without its type": ("en.po", _LEAD + 'msgstr "%(server)"', "en.po:1: a percent sign is written %%"),
    "unknown sentence": (
        "en.po",
        '\n\nmsgid "Hello"\nmsgstr "Hi"\n',
        "en.po:3: there is no such sentence; did you mean 'Hello,'",
    ),
    "sentence of a context": ("en.po", 'msgctxt "a"\nmsgid "Hello,"\nmsgstr "Hi"\n', "no such sentence"),
    "sentence said twice": ("en.po", 'msgid "Hello,"\nmsgstr "Hi"\n\n' * 2, "en.po:4: this sentence was there before"),
    "line break": ("en.po", 'msgid "Hello,"\nmsgstr "a\\nb"\n', "en.po:1: must have no line break"),
    "SMS without its code": (
        "en.po",
        'msgid "%(code)s is your code for a new account."\nmsgstr "Hi"\n',
        "must have %(code)s",
    ),
    "no catalogue": ("en.po", '{"page": {}}\n', "en.po:1: this is no catalogue"),
    "broken catalogue": ("en.po", 'msgid "Hello,"\nmsgstr "Hi\n', "en.po:2: this is no catalogue"),
    "another encoding": ("de.po", _LEAD.encode() + 'msgstr "für"'.encode("latin-1"), "de.po:2: must be UTF-8"),
    "no plural forms": ("ru.po", _MINUTES + 'msgstr[0] "%(n)s"\n', "must have Plural-Forms"),
    "too few plural forms": (
        "ru.po",
        _FORMS.format(3, "n % 3") + _MINUTES + 'msgstr[0] "%(n)s"\n',
        "msgstr[0] to msgstr[2]",
    ),
    "a rule for more forms": (
        "ru.po",
        _FORMS.format(2, "n % 3") + _MINUTES + 'msgstr[0] "a"\nmsgstr[1] "b"\n',
        "no rule for its number",
    ),
    "a rule that is none": (
        "ru.po",
        _FORMS.format(2, "n if n") + _MINUTES + 'msgstr[0] "a"\nmsgstr[1] "b"\n',
        "no rule for its number",
    ),
    "plural of another sentence": ("en.po", 'msgid "Hello,"\nmsgid_plural "x"\nmsgstr[0] "a"\n', "has no plural"),
    "plural missing": ("en.po", 'msgid "%(n)s minute"\nmsgstr "a"\n', "msgid_plural must be '%(n)s minutes'"),
    "name that is no tag": ("english_.po", "", "english_.po: must be named after a language tag"),
    "catalogue of an older release": ("en.json", "{}", "en.json: there is no text of this name"),
    "layout of another name": ("pages.html", "", "pages.html: there is no text of this name"),
    "misspelt value": ("mail.txt", "a\nb\n{{ lnk }}", "mail.txt:3: UndefinedError: 'lnk' is undefined"),
    "misspelt value in one case": (
        "mail.html",
        "{% if not support %}\n{{ tilte }}{% endif %}" + _LINK_CODE,
        "mail.html:2: UndefinedError",
    ),
    "misspelt value in one language": (
        "mail.txt",
        _LINK_CODE + "{% if language == 'de' %}\n{{ x }}{% endif %}",
        "mail.txt:4: UndefinedError",
    ),
    "attribute that is not there": ("page.html", "{{ title.big }}" + _FORM, "page.html:1: UndefinedError"),
    "broken tag": ("page.html", "\n{% if title %}", "page.html:2: Unexpected end of template"),
    "unknown filter": ("mail.html", "\n\n{{ title|nice }}", "mail.html:3: No filter named 'nice'"),
    "unknown tag": ("mail.html", "{% trans %}", "mail.html:1: Encountered unknown tag 'trans'"),
    "value not escaped": ("mail.html", "{{ details[0][1]|safe }}" + _LINK_CODE, "mail.html:1: No filter named 'safe'"),
    "escaping switched off": (
        "mail.html",
        "{% autoescape false %}{% for label, value in details %}{{ value }}{% endfor %}{% endautoescape %}"
        + _LINK_CODE,
        "mail.html: does not escape a value",
    ),
    "no link": ("mail.html", "{{ code }}", "mail.html: must have {{ link }}"),
    "no code": ("mail.txt", "{{ link }}", "mail.txt: must have {{ code }}"),
    "link amid words": (
        "mail.txt",
        "Go to {{ link }} now {{ code }}",
        "mail.txt: must have {{ link }} alone on a line",
    ),
    "page without form": ("page.html", "{{ title }}", "page.html: must have the form"),
    "page without address": (
        "page.html",
        _FORM.replace("submit_token", "/"),
        'page.html: the form must have action="submit_token"',
    ),
    "page with a script": ("page.html", _FORM + "<SCRIPT>1</SCRIPT>", "page.html: must have no script"),
    "file of others": ("mail.txt", "{% include '../secret' %}", "mail.txt:1: TemplateNotFound"),
    "way out of the sandbox": ("mail.txt", "{{ ''.__class__.__mro__ }}", "mail.txt:1: SecurityError"),
    "endless layout": ("mail.txt", "{% for x in range(10**9) %}{{ x }}{% endfor %}", "mail.txt:1: OverflowError"),
    "layout that calls itself": ("mail.txt", "{% include 'mail.txt' %}", "RecursionError"),
    "huge layout": ("mail.html", "{{ link }}{{ code }}" + "x" * 100_000, "mail.html: must make mails of at most"),
    "style that ends": ("page.css", "a{}</style><b>", "page.css: must have no </"),
}


def _written(folder: Path, name: str, content: str | bytes) -> Path:
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_is_refused_when_wired(slip: str, tmp_path: Path, make_world: Callable[..., World]) -> None:
    """A mistake in a text is said with file and line when the host starts, and not when somebody waits for a mail."""
    file, content, said = SLIPS[slip]
    with pytest.raises(ConfigurationError) as refused:
        make_world({"languages": ("en", "de")}, pages=BuiltInPages(_written(tmp_path, file, content)))
    assert said in str(refused.value)
    assert str(tmp_path / file) in str(refused.value)


def test_a_language_without_texts_is_refused_when_wired(make_world: Callable[..., World]) -> None:
    """``Policy.languages`` names languages that there are texts in; a region gets those of its language."""
    make_world({"languages": ("en", "de-AT")})
    with pytest.raises(ConfigurationError, match=r"policy\.languages: there are no texts in 'tlh', only in .*de, el"):
        make_world({"languages": ("en", "tlh")})


def test_the_texts_of_a_sender_are_checked_as_well(tmp_path: Path, make_world: Callable[..., World]) -> None:
    """A role renders the layouts of its senders in every language of its policy."""
    _written(tmp_path, "mail.txt", _LINK_CODE + "{% if language == 'de' %}{{ x }}{% endif %}")
    sender = SmtpSender("localhost", sender="a@example.org", server_name="example.org", texts=Texts(tmp_path))
    make_world({"languages": ("en",)}, senders={Medium.EMAIL: sender})
    with pytest.raises(ConfigurationError, match=r"mail\.txt:3: UndefinedError"):
        make_world({"languages": ("en", "de")}, senders={Medium.EMAIL: sender})


def test_what_is_whole_is_taken(tmp_path: Path) -> None:
    """A catalogue of a new language, with its own plural forms, and layouts of every kind are used."""
    _written(
        tmp_path, "eo.po", _FORMS.format(1, "0") + _MINUTES + 'msgstr[0] "%(n)s min"\n\n' + _LEAD + 'msgstr "100 %%"\n'
    )
    for name in ("mail.html", "mail.txt"):
        _written(tmp_path, name, _LINK_CODE)
    _written(tmp_path, "page.html", _FORM)
    assert "eo" in Texts(tmp_path).languages


def test_a_failing_layout_names_its_line_and_no_value(tmp_path: Path) -> None:
    """The error of a layout that fails later than at the start says where, and shows no address and no link."""
    _written(tmp_path, "mail.txt", _LINK_CODE + "{% if 'bob' in lines[0] %}\n{{ x }}{% endif %}")
    with pytest.raises(CannotRender) as failed:
        Texts(tmp_path).layouts.render("mail.txt", {"link": "s3cret", "code": "123456", "lines": ["bob"]})
    assert "mail.txt:4: UndefinedError" in str(failed.value)
    assert "s3cret" not in str(failed.value)


@pytest.mark.answers_5xx(503)
def test_a_layout_that_fails_later_loses_no_message(
    tmp_path: Path, make_world: Callable[..., World], caplog: pytest.LogCaptureFixture
) -> None:
    """A layout that fails for one account is logged and answered with 503, and the same attempt may be made again."""
    _written(tmp_path, "mail.txt", _LINK_CODE + "{% if 'alice' in details[0][1] %}\n{{ x }}{% endif %}")
    sender = SmtpSender("localhost", sender="a@example.org", server_name="example.org", texts=Texts(tmp_path))
    world = make_world(senders={Medium.EMAIL: sender})
    for _ in range(2):
        refused = world.ask(user="@alice:hs.example.org")
        assert (refused.status, refused.json()["errcode"]) == (503, "M_UNKNOWN")
    assert "mail.txt:4: UndefinedError" in caplog.text
