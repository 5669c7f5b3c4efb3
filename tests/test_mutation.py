"""The runner of mutants changes what it says it changes, and nothing else."""

from __future__ import annotations

import ast
from pathlib import Path

from mutation.mutants import code_of, mutants_of

MODULE = '''
"""Text."""

LIMIT = 3


def allowed(count: int, strict: bool = False) -> bool:
    """Return whether so many are allowed."""
    if strict and count > LIMIT:
        raise ValueError("too many")
    return count <= LIMIT + 1
'''


def _called(root: Path, number: int, *arguments: object) -> object:
    """Return what the function of a mutant returns, or the class of what it raises."""
    [code] = code_of(root, mutants_of(root, "module.py")[number]).values()
    names: dict[str, object] = {"LIMIT": 3}
    exec(compile(ast.parse(MODULE), "module.py", "exec"), names)  # noqa: S102  our own words
    function = names["allowed"]
    function.__code__ = code  # type: ignore[attr-defined]
    try:
        return function(*arguments)  # type: ignore[operator]
    except ValueError as error:
        return type(error)


def test_every_place_in_a_function_is_changed_once(tmp_path: Path) -> None:
    """Conditions, comparisons, numbers, raises and returns are places; texts for people and module level are none."""
    (tmp_path / "module.py").write_text(MODULE)
    found = [each.name.partition("allowed: ")[2] for each in mutants_of(tmp_path, "module.py")]
    assert found == [
        "strict and count > LIMIT -> if True",
        "strict and count > LIMIT -> if False",
        "strict and count > LIMIT -> Or",
        "count > LIMIT -> GtE",
        "raise ValueError('too many') -> pass",
        "return count <= LIMIT + 1 -> return None",
        "count <= LIMIT + 1 -> Lt",
        "LIMIT + 1 -> Sub",
        "1 -> 2",
    ]


def test_a_mutant_does_what_it_says(tmp_path: Path) -> None:
    """The code of a mutant differs from the original in the one place."""
    (tmp_path / "module.py").write_text(MODULE)
    assert [_called(tmp_path, number, 4, True) for number in (0, 1, 3, 4)] == [ValueError, True, ValueError, True]
    assert [_called(tmp_path, number, 5) for number in (5, 8)] == [None, True]
    assert _called(tmp_path, 6, 4) is False
