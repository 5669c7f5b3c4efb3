"""``python -m tests.bench [UNIT ...]``, ``python -m tests.bench http``: JSON lines out, progress on standard error.

Exit status 0; 1 when a goal is missed; 2 on any error.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from . import goals
from .command import names_of, options_of, parse
from .run import Run, listing


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == ["http"]:
        from .http.command import main as over_http

        return over_http(given[1:])
    asked = parse(given)
    options, names = options_of(asked), names_of(asked)
    limits = goals.read_goals(asked.goals, wider=asked.quick) if asked.goals else {}
    with ExitStack() as opened:
        files = [sys.stdout, *([opened.enter_context(asked.json.open("w", encoding="utf-8"))] if asked.json else [])]

        def emit(line: dict[str, Any]) -> None:
            for file in files:
                file.write(f"{json.dumps(line)}\n")
                file.flush()

        if "list" in asked.units:
            for line in listing(names, options, limits or goals.read_goals(goals.BUILT_IN)):
                emit(line)
            return 0
        opened.enter_context(options.shared)
        run = Run(options, emit, limits)
        run.units(names)
    return 2 if run.errors or not names else 1 if run.missed else 0


if __name__ == "__main__":
    sys.exit(main())
