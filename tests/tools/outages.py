"""The table of ``docs/operations/troubleshooting.md``; ``PYTHONPATH=tests python -m tools.outages`` writes it anew."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from matrix_threepid.testing import Fault, Outages, Part
from matrix_threepid.testing.outages.invariants import BEGINS, ENDS
from matrix_threepid.testing.outages.run import Ran
from matrix_threepid.testing.outages.steps import DONE, INTERACTIVE, Step
from matrix_threepid.testing.outages.town import Answered

PAGE = Path(__file__).parents[2] / "docs" / "operations" / "troubleshooting.md"
_BEGIN, _END = "<!-- outages -->\n", "<!-- end -->"
SHOWN = (Fault.REFUSING, Fault.SILENT)
_LATE = 1.0
Column = Mapping[str, str]
"""What becomes of each step in the outages of a part."""


def column(ran: Sequence[Ran]) -> Column:
    """Return the column of a part; ``ran``: what came of the faults that are shown."""
    return {step.value: " / ".join(dict.fromkeys(_cell(each, step) for each in ran)) for step in Step}


def _cell(ran: Ran, step: Step) -> str:
    met = [each for each in ran.answers if each.step == step and BEGINS <= each.at < ENDS]
    bad = [each for each in met if each.status not in DONE and not (step in INTERACTIVE and each.status == 401)]
    statuses = ", ".join(str(status) for status in sorted({each.status for each in bad}))
    return f"{statuses or 'works'}{_after(bad or met)}"


def _after(answers: Sequence[Answered]) -> str:
    longest = max((each.took for each in answers), default=0.0)
    return f" after {longest:.0f} s" if longest >= _LATE else ""


def documented(part: Part) -> Column:
    """Return the column of a part as the page has it."""
    table = PAGE.read_text("utf-8").partition(_BEGIN)[2].partition(_END)[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.strip().splitlines()]
    at = rows[0].index(part.value)
    return {row[0]: row[at] for row in rows[2:]}


def written() -> str:
    """Return the page with its table made anew."""
    town = Outages()
    columns = [column([town.run({part: fault}) for fault in SHOWN]) for part in Part]
    rows = [["", *(part.value for part in Part)], ["---"] * (1 + len(Part))]
    rows += [[step.value, *(each[step.value] for each in columns)] for step in Step]
    table = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    text = PAGE.read_text("utf-8")
    before, mark, after = text.partition(_BEGIN)
    return f"{before}{mark}\n{table}\n{_END}{after.partition(_END)[2]}"


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    PAGE.write_text(written(), "utf-8")
