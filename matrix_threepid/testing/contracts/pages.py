"""``PagesContract``: whether the pages behind links are safe, for all values that they may show."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from ...ports import Pages
from .base import Contract

_HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>&amp;{}$x${y}%s\\"
_VALUES = {
    "server": "hs.example.org",
    "sid": "a-sid",
    "token": "a-token",
    "client_secret": "a-client-secret",
    "purpose": "add",
    "address": "a***@example.org",
    "account": "@alice:hs.example.org",
    "time": "2023-11-14 22:13 UTC",
    "origin": "203.0.113.*",
    "host": "app.example.org",
}
_QUESTIONS = ("confirm", "refuse")
_PAGES = (*_QUESTIONS, "already", "confirmed", "disowned", "failed", "expired", "foreign")
_every_page = pytest.mark.parametrize("page", _PAGES)


class _Seen(HTMLParser):
    """What a browser reads of a page: elements, names of attributes, and the fields of its form."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: set[str] = set()
        self.forms: list[dict[str, str | None]] = []
        self.fields: dict[str, str | None] = {}
        self.feed(document)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.elements.append(tag)
        self.attributes |= given.keys()
        self.forms += [given] if tag == "form" else []
        if tag == "input" and given.get("name"):
            self.fields[str(given["name"])] = given.get("value")


class PagesContract(Contract):
    """The contract of ``Pages``.

    * ``pages`` (fixture): the ``Pages``.
    * ``languages``: the languages to test.
    """

    languages: tuple[str, ...] = ("en", "de")

    @_every_page
    def test_every_page_is_a_document(self, pages: Pages, page: str) -> None:
        """Every page renders in every language and in an unknown one, with and without values."""
        for language in (*self.languages, "xx", "../../etc/passwd"):
            for values in (_VALUES, {"server": "hs.example.org"}):
                document = pages.render(page, language, values)
                assert document.lstrip().lower().startswith("<!doctype html>")
                assert _Seen(document).elements[:1] == ["html"]

    @_every_page
    @pytest.mark.parametrize("name", [name for name in _VALUES if name != "purpose"])
    def test_every_value_is_escaped(self, pages: Pages, page: str, name: str) -> None:
        """A value that looks like HTML adds no element and no attribute."""
        usual = _Seen(pages.render(page, "en", _VALUES))
        hostile = _Seen(pages.render(page, "en", {**_VALUES, name: _HOSTILE}))
        assert (hostile.elements, hostile.attributes) == (usual.elements, usual.attributes)

    @_every_page
    def test_a_language_is_escaped(self, pages: Pages, page: str) -> None:
        """The language goes into the document, too."""
        usual = _Seen(pages.render(page, "en", _VALUES))
        assert _Seen(pages.render(page, _HOSTILE, _VALUES)).attributes == usual.attributes

    @_every_page
    def test_nothing_is_loaded_and_nothing_runs(self, pages: Pages, page: str) -> None:
        """A page has no script and no event handler and loads nothing from elsewhere, since its URL holds a secret."""
        seen = _Seen(pages.render(page, "en", _VALUES))
        assert not {"script", "iframe", "object", "embed", "base", "link", "img"} & set(seen.elements)
        assert not [name for name in seen.attributes if name.startswith("on")]

    @pytest.mark.parametrize("page", _QUESTIONS)
    def test_a_question_is_a_form_that_carries_the_link_on(self, pages: Pages, page: str) -> None:
        """One form posts ``sid``, ``token`` and ``client_secret`` unchanged to the URL of the page."""
        odd = {**_VALUES, "sid": _HOSTILE, "token": "t&=+ %41", "client_secret": '\u00e9"'}
        seen = _Seen(pages.render(page, "en", odd))
        (form,) = seen.forms
        assert (form["method"] or "").lower() == "post"
        assert form["action"] == "submit_token"
        assert {name: seen.fields[name] for name in ("sid", "token", "client_secret")} == {
            name: odd[name] for name in ("sid", "token", "client_secret")
        }
        assert seen.fields.get("answer") == ("refuse" if page == "refuse" else None)

    @pytest.mark.parametrize("page", ["expired", "already"])
    def test_a_button_for_a_new_mail_carries_the_link_on(self, pages: Pages, page: str) -> None:
        """Pages may leave the button out; where there is a form, it posts the link with the answer ``again``."""
        seen = _Seen(pages.render(page, "en", {**_VALUES, "used": "late", "again": "yes"}))
        for form in seen.forms:
            assert ((form["method"] or "").lower(), form["action"]) == ("post", "submit_token")
            wanted = {name: _VALUES[name] for name in ("sid", "token", "client_secret")} | {"answer": "again"}
            assert {name: seen.fields.get(name) for name in wanted} == wanted

    @pytest.mark.parametrize("page", [page for page in _PAGES if page not in _QUESTIONS])
    def test_other_pages_carry_no_secret(self, pages: Pages, page: str) -> None:
        """A page without a question contains no secret of the link."""
        document = pages.render(page, "en", _VALUES)
        assert not [secret for secret in ("a-token", "a-client-secret") if secret in document]
