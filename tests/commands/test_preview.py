"""``preview``: what people will see, as files."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest

from matrix_threepid import Purpose, Texts
from matrix_threepid.__main__ import main
from matrix_threepid.model.message import MessageKind
from matrix_threepid.texts.pages import PAGES

from .running import shared, synapse, written

BRAND = {"name": "The Example <House>", "support": "help@example.org"}


def preview(folder: Path, **sections: object) -> int:
    return main(["preview", "--config", written(folder, shared(**sections)), "--out", str(folder / "out")])


class _Sources(HTMLParser):
    """The files that a page names."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {value for name, value in attrs if name in ("src", "href") and value}


def test_everything_is_there_in_every_language(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each kind of mail and page, and each SMS, is a file in each language; the gallery names every file there is."""
    assert preview(tmp_path, policy={"brand": BRAND, "mail_proof": "both", "languages": ["de", "en"]}) == 0
    out = tmp_path / "out"
    kinds = {kind.value for kind in MessageKind} - {"token", "silence"} | {purpose.value for purpose in Purpose}
    for language in Texts().languages:
        files = {path.name for path in (out / language).iterdir()}
        assert {f"mail-{kind}.{form}" for kind in kinds for form in ("html", "txt")} <= files, language
        assert {page for page in PAGES if not any(name.startswith(f"page-{page}") for name in files)} == set(), language
        assert {f"sms-{purpose.value}.txt" for purpose in Purpose} <= files, language
    named = _Sources()
    named.feed((out / "index.html").read_text("utf-8"))
    there = {str(path.relative_to(out)) for path in out.rglob("*.*")} - {"index.html"}
    assert named.found == there
    assert capsys.readouterr().out == f"{len(there) + 1} files; open {out / 'index.html'}\n"


def test_it_is_what_the_file_says(tmp_path: Path) -> None:
    """Brand, proof and own sentences of the configuration are in the files, escaped."""
    own = tmp_path / "own"
    own.mkdir()
    (own / "de.po").write_text('msgid "Hello,"\nmsgstr "Moin,"\n')
    policy = {"brand": BRAND, "mail_proof": "code", "code_digits": 8}
    assert preview(tmp_path, texts=str(own), policy=policy) == 0
    mail = (tmp_path / "out" / "de" / "mail-add.html").read_text("utf-8")
    assert "The Example &lt;House&gt;" in mail
    assert all(word in mail for word in ("Moin,", "40291357", "help@example.org"))
    assert "submit_token" not in mail
    assert "The Example &lt;House&gt;" in (tmp_path / "out" / "ar" / "page-confirm-add.html").read_text("utf-8")


@pytest.fixture(scope="module")
def english(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The English files of a preview."""
    folder: Path = tmp_path_factory.mktemp("preview")
    assert preview(folder) == 0
    return folder / "out" / "en"


def test_sentences_stand_above_what_they_label(english: Path) -> None:
    """The changes in a mail that takes them back stand below their sentences: beside, phones have no room."""
    changed, added = ((english / f"mail-{kind}.html").read_text("utf-8") for kind in ("changed", "added"))
    assert "Your password was reset</span><br>j***@example.net" in changed
    assert ("<th" in changed, "<th" in added) == (False, True)


def test_what_follows_the_button_stands_below_it(english: Path) -> None:
    """A page tells people to go back to their app after its button, and where the button leads before it."""
    asks, leads_on = ((english / f"page-confirm-{kind}.html").read_text("utf-8") for kind in ("add", "next-link"))
    assert asks.index("</form>") < asks.index("go back to your app")
    assert leads_on.index("app.example.org") < leads_on.index("<form")
    assert "go back to your app" not in leads_on


def test_a_slip_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A layout that fails in any language, or a file that is none, ends with 2 and one line."""
    own = tmp_path / "own"
    own.mkdir()
    (own / "mail.txt").write_text('{{ link }}\n{{ code }}\n{% if language == "ar" %}{{ nobody }}{% endif %}\n')
    assert preview(tmp_path, texts=str(own)) == 2
    assert "mail.txt:3: UndefinedError" in capsys.readouterr().err
    assert main(["preview", "--config", str(tmp_path / "none.json"), "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_file_of_synapse_will_do(tmp_path: Path) -> None:
    """The texts of the module's section are shown, also where Synapse sends the mails."""
    own = tmp_path / "own"
    own.mkdir()
    (own / "en.po").write_text('msgid "Hello,"\nmsgstr "Ahoy,"\n')
    config = {"secret_file": str(tmp_path / "secret"), "endpoints": "client", "email": {}, "texts": str(own)}
    file = written(tmp_path, synapse(config), "homeserver.yaml")
    assert main(["preview", "--config", file, "--out", str(tmp_path / "out")]) == 0
    assert "Ahoy," in (tmp_path / "out" / "en" / "mail-add.txt").read_text("utf-8")
