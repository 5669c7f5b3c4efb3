"""Every mail and page of ``preview`` in a real browser: at three widths, light, dark and with forced colours."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from matrix_threepid import Texts
from matrix_threepid.__main__ import main

from .driver import chromium

WIDTHS = (320, 390, 1280)
LOOKS = (("light", "none"), ("dark", "none"), ("light", "active"))
_MODULES = Path(os.environ.get("INTEROP_WORK", ".ci/work/interop")) / "js" / "node_modules"
_AXE = _MODULES / "axe-core" / "axe.min.js"
_RUN = """
const done = arguments[0];
axe.run(document, {resultTypes: ["violations"]}).then(
  (found) => done(found.violations.map((each) => `${each.id}: ${each.nodes[0].html.slice(0, 120)}`)),
  (error) => done([String(error)]),
);
"""
# A label without a blank that has two lines was broken within its word.
_BROKEN = """
const lines = (each) => {
  const range = document.createRange();
  range.selectNodeContents(each);
  return range.getClientRects().length;
};
const labels = [...document.querySelectorAll("th, dt")].filter((each) => !/\\s/.test(each.textContent));
return labels.filter((each) => lines(each) > 1).map((each) => each.textContent);
"""


_ONLY_DARK = "what it changes is dark mode, and without it the mail stays light"
_ONLY_LOOKS = "without it the mail is as readable"
_PREHEADER = "one of several ways to hide the preheader; each program has at least one of them"
_DONE_WITHOUT = {
    "<body> element": "its colour is that of the outer table as well, and its margin is a default",
    "<style> element": _ONLY_DARK,
    "@media": _ONLY_DARK,
    "color-scheme CSS property": _ONLY_DARK,
    "color-scheme meta tag": _ONLY_DARK,
    "border-radius": _ONLY_LOOKS,
    "display:none": _PREHEADER,
    "max-height property": _PREHEADER,
    "overflow": _PREHEADER,
    "role attribute": "it is for screen readers, and the mail can be read without",
    "white-space": "short labels may then break between words",
    "word-break": "that program breaks a long link where it has a sign",
}
"""Features that Outlook, Gmail or Apple Mail do not have, and why mails may use them all the same."""


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a preview, of a host whose mails hold a link and a code."""
    folder: Path = tmp_path_factory.mktemp("preview")
    brand = {"name": "The Example House", "support": "help@example.org"}
    smtp = {"host": "127.0.0.1", "port": 1, "starttls": False, "from": "noreply@example.org"}
    policy = {"mail_proof": "both", "brand": brand}
    base = "https://matrix.example.org"
    config = {"server_name": "example.org", "public_base_url": base, "smtp": smtp, "policy": policy}
    (folder / "host.json").write_text(json.dumps(config))
    assert main(["preview", "--config", str(folder / "host.json"), "--out", str(folder / "out")]) == 0
    return folder / "out"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A fresh Chromium."""
    with chromium(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


def _look(browser: Any, scheme: str, forced: str) -> None:
    features = [{"name": "prefers-color-scheme", "value": scheme}, {"name": "forced-colors", "value": forced}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def _too_wide(browser: Any, width: int) -> bool:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 1000}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    return bool(browser.execute_script("return document.documentElement.scrollWidth > innerWidth"))


@pytest.mark.parametrize("language", ["en", "ar"])
def test_everything_fits_and_is_accessible(browser: Any, out: Path, language: str) -> None:
    """Nothing scrolls sideways at 320, 390 and 1280 pixels, and axe finds no violation, in every look."""
    wrong, axe = [], _AXE.read_text("utf-8")
    for file in sorted((out / language).glob("*.html")):
        browser.get(file.as_uri())
        browser.execute_script(axe)
        for scheme, forced in LOOKS:
            _look(browser, scheme, forced)
            wrong += [f"{file.name}: too wide at {width}" for width in WIDTHS if _too_wide(browser, width)]
            # With forced colours the browser chooses all of them, which axe does not know.
            if forced == "none":
                wrong += [f"{file.name}, {scheme}: {each}" for each in browser.execute_async_script(_RUN)]
    assert wrong == []


def test_every_language_fits_a_small_phone(browser: Any, out: Path) -> None:
    """In each language no mail and no page scrolls sideways at 320 pixels, and no label is broken within a word."""
    wrong = []
    _look(browser, "light", "none")
    for language in Texts().languages:
        for name in ("mail-add", "mail-removed", "page-confirm-password"):
            browser.get((out / language / f"{name}.html").as_uri())
            if _too_wide(browser, WIDTHS[0]):
                wrong.append((language, name))
            wrong += [(language, name, label) for label in browser.execute_script(_BROKEN)]
    assert wrong == []


def test_mails_use_what_mail_programs_have(out: Path) -> None:
    """In every language, mails use nothing that Outlook, Gmail or Apple Mail lack but what they can do without."""
    files = [str(file) for file in sorted(out.glob("*/mail-*.html"))]
    command = ["node", str(Path(__file__).with_name("caniemail.mjs")), str(_MODULES / "caniemail"), *files]
    told = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603  our own program
    missing = json.loads(told.stdout)
    assert set(missing) == set(_DONE_WITHOUT), missing
    hidden = set(missing["display:none"]) & set(missing["max-height property"])
    assert not hidden  # programs that would show the preheader
