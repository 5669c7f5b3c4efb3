"""The command ``rehearse``: attacks on a configuration in virtual time, and what the docs say of them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from tools.rehearsal import POLICIES, PRICE, SEED, documented

from matrix_threepid.__main__ import main
from matrix_threepid.policy import Policy
from matrix_threepid.rehearsal.attacks import CATALOGUE
from matrix_threepid.rehearsal.report import rehearse

QUICK = ("nobody attacks", "the database is down", "the identity server is silent", "DNS refuses")
"""The rows that take half a second; the gate rehearses all of them."""
ATTACKS = [row for row in CATALOGUE if row.name in QUICK or "MATRIX_THREEPID_REHEARSAL" in os.environ]


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("row", ATTACKS, ids=lambda row: row.name)
def test_the_docs_show_what_is_rehearsed(policy: str, row: object) -> None:
    """Each line of the tables in the docs is what the rehearsal of that attack with that policy prints."""
    (figures,) = rehearse(POLICIES[policy], SEED, PRICE, [row])  # type: ignore[list-item]
    assert tuple(map(str.strip, figures.cells())) == documented(policy)[figures.attack]


def test_every_attack_is_in_the_docs() -> None:
    """Both tables have a line for each attack of the catalogue, whose names are unique and at least twelve."""
    names = [row.name for row in CATALOGUE]
    assert len(set(names)) == len(names) >= 12
    for policy in POLICIES:
        assert list(documented(policy)) == names


def test_without_countries_no_sms_are_rehearsed() -> None:
    """A policy that sends no SMS is only attacked by mail."""
    rows = [row for row in CATALOGUE if row.name in QUICK]
    assert [each.attack for each in rehearse(Policy(), 1, PRICE, rows)] == list(QUICK[1:])


def test_a_seed_decides_everything() -> None:
    """Equal seeds give equal figures, and other seeds others."""
    row = next(row for row in CATALOGUE if row.name == "the SMS provider refuses")
    first, again, other = (list(rehearse(POLICIES["defaults"], seed, PRICE, [row])) for seed in (1, 1, 2))
    assert first == again != other


def test_the_command_reads_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It prints a table, or a JSON object for each attack; a file that cannot be read is named, with exit code 2."""
    one = [row for row in CATALOGUE if row.name == "the database is down"]
    monkeypatch.setattr("matrix_threepid.commands.rehearse.CATALOGUE", one)
    file = tmp_path / "config.json"
    file.write_text('{"server_name": "hs.example.org", "public_base_url": "https://hs.example.org"}')
    assert main(["rehearse", "--config", str(file)]) == 0
    table = capsys.readouterr().out.splitlines()
    assert (len(table), table[2].split("|")[1].strip()) == (3, "the database is down")
    assert main(["rehearse", "--config", str(file), "--json", "--price", "1"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["attack"], figures["logged_in"], figures["money"]) == ("the database is down", [50, 50], 0)
    assert main(["rehearse", "--config", str(tmp_path / "none.json")]) == 2
    assert "none.json" in capsys.readouterr().err
