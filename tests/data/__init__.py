"""Test data: facts as JSON, one case a line. A long text is a list of pieces: ``["bob@", ["a", 63], ".com"]``."""

import json
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent


def load(name: str) -> Any:
    """Return what ``<name>.json`` holds."""
    return json.loads((_HERE / f"{name}.json").read_text("utf-8"))


def spelled(text: Any) -> Any:
    """Return a text put together from its pieces; anything else as it is."""
    if not isinstance(text, list):
        return text
    return "".join(piece if isinstance(piece, str) else piece[0] * piece[1] for piece in text)


def texts(table: dict[str, Any]) -> dict[str, Any]:
    """Return a table of texts put together from their pieces."""
    return {name: spelled(text) for name, text in table.items()}


def cases(table: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of ``pytest.mark.parametrize`` for a table of cases: their values, their names."""
    return {"argvalues": list(table.values()), "ids": list(table)}
