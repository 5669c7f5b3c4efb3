"""The tables of ``docs/rehearsal.md``; ``PYTHONPATH=tests python -m tools.rehearsal`` writes them anew."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from matrix_threepid.policy import Policy, SmsRules
from matrix_threepid.rehearsal.report import HEAD, as_table, rehearse

PAGE = Path(__file__).parents[2] / "docs" / "rehearsal.md"
SEED, PRICE = 1, 0.05
_SMS = SmsRules(countries=("GB", "DE"))
POLICIES: Mapping[str, Policy] = {"defaults": Policy(sms=_SMS), "hardened": Policy.hardened(sms=_SMS)}
"""The policies by the name of their table."""
_END = "<!-- end -->"


def documented(name: str) -> dict[str, tuple[str, ...]]:
    """Return the rows of a table by the name of the attack."""
    table = PAGE.read_text("utf-8").partition(f"<!-- {name} -->\n")[2].partition(_END)[0]
    rows = [tuple(cell.strip() for cell in line.split("|")[1:-1]) for line in table.strip().splitlines()]
    assert rows[0] == HEAD
    return {row[0]: row for row in rows[2:]}


def written() -> str:
    """Return the page with its tables made anew."""
    text = PAGE.read_text("utf-8")
    for name, policy in POLICIES.items():
        before, mark, after = text.partition(f"<!-- {name} -->\n")
        table = as_table(rehearse(policy, SEED, PRICE, at_once=2))
        text = f"{before}{mark}\n{table}\n{_END}{after.partition(_END)[2]}"
    return text


if __name__ == "__main__":
    PAGE.write_text(written(), "utf-8")
