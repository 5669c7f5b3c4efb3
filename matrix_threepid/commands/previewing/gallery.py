"""The files of a preview, and the page that shows them all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path

from attrs import frozen

from ...protocol.languages import direction
from ...roles.base import Role
from ...senders._sms import segments, sms_text
from ...texts.catalogue import Texts
from ...texts.mails import words_for
from ...texts.pages import BuiltInPages
from . import samples

_STYLE = """:root{color-scheme:light dark}
body{margin:1rem auto;max-width:90rem;padding:0 1rem;font:1rem/1.5 system-ui,sans-serif}
summary{font-size:1.2rem;font-weight:600;padding:.5rem 0;cursor:pointer}
.all{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,24.5rem),1fr));gap:1.5rem}
figure{margin:0}figcaption{padding:.3rem 0}iframe{width:100%;height:44rem;border:1px solid;box-sizing:border-box}
pre{white-space:pre-wrap;overflow-wrap:anywhere;border:1px solid;padding:.75rem;margin:0}"""


@frozen
class Shown:
    """One file of a preview.

    * ``path``: below the folder of the preview.
    * ``title``: what it is.
    * ``content``: the whole file.
    * ``beside``: the path of a file that belongs to it; empty for none.
    """

    path: str
    title: str
    content: str
    beside: str = ""


def written(role: Role, texts: Texts, folder: Path) -> int:
    """Write every mail, page and SMS in every language, and ``index.html``; return the number of files.

    Raises ``CannotRender`` for a layout that fails, and ``OSError``.
    """
    # The languages of the policy first, then all others that there are texts in.
    languages = [*dict.fromkeys([*role.policy.languages, *texts.languages])]
    languages = [*dict.fromkeys(texts.catalogue(language).tag for language in languages)]
    by_language = {language: list(_all(role, texts, language)) for language in languages}
    files = [each for shown in by_language.values() for each in shown]
    files.append(Shown("index.html", "", _gallery(role, by_language)))
    for each in files:
        path = folder / each.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(each.content, "utf-8")
    return len(files)


def _all(role: Role, texts: Texts, language: str) -> Iterator[Shown]:
    for name, message in samples.mails(role, language):
        words, plain = words_for(texts, message, role.server_name), f"{language}/mail-{name}.txt"
        yield Shown(plain, "", f"Subject: {words.subject}\n\n{words.text(texts)}")
        yield Shown(f"{language}/mail-{name}.html", f"mail {name}: {words.subject}", words.html(texts), plain)
    pages = BuiltInPages(texts)
    for name, page, values in samples.pages(role):
        yield Shown(f"{language}/page-{name}.html", f"page {name}", pages.render(page, language, values))
    for name, message in samples.texts_by_phone(role, language):
        text = sms_text(texts, message)
        yield Shown(f"{language}/sms-{name}.txt", f"SMS {name}, {segments(text)} of 1 segment", text)


def _gallery(role: Role, by_language: dict[str, list[Shown]]) -> str:
    parts = "\n".join(_of_language(language, shown) for language, shown in by_language.items())
    name = escape(role.server_name)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Messages and pages of {name}</title>\n<style>\n{_STYLE}\n</style>\n</head>\n<body>\n<main>\n"
        f"<h1>Messages and pages of {name}</h1>\n{parts}\n</main>\n</body>\n</html>\n"
    )


def _of_language(language: str, shown: Iterable[Shown]) -> str:
    figures = "\n".join(_figure(language, each) for each in shown if each.title)
    # A closed element loads none of its frames.
    return f'<details>\n<summary>{escape(language)}</summary>\n<div class="all">\n{figures}\n</div>\n</details>'


def _figure(language: str, shown: Shown) -> str:
    path, title = escape(shown.path), escape(shown.title)
    if shown.path.endswith(".txt"):
        told = f'<pre lang="{escape(language)}" dir="{direction(language)}">{escape(shown.content)}</pre>'
    else:
        told = f'<iframe src="{path}" title="{escape(language)}: {title}" loading="lazy" sandbox></iframe>'
    plain = f', <a href="{escape(shown.beside)}">as text</a>' if shown.beside else ""
    return f'<figure>\n<figcaption><a href="{path}">{title}</a>{plain}</figcaption>\n{told}\n</figure>'
