"""The examples in the docstrings of the package run and print what they say."""

from __future__ import annotations

import doctest
from importlib import import_module
from io import StringIO
from pkgutil import walk_packages
from types import ModuleType
from typing import Any

import matrix_threepid


def importable() -> list[ModuleType]:
    """Import the modules of the package, except those that need something that is not installed here."""
    names = [found.name for found in walk_packages(matrix_threepid.__path__, "matrix_threepid.")]
    modules = map(module_of, ["matrix_threepid", *(name for name in names if not name.endswith("__main__"))])
    return [module for module in modules if module is not None]


def module_of(name: str) -> ModuleType | None:
    """Return a module, or nothing where a package of an extra is missing."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("matrix_threepid"):
            raise
        return None


def examples_of(module: Any) -> list[doctest.DocTest]:
    return [test for test in doctest.DocTestFinder().find(module) if test.examples]


def test_the_examples_in_docstrings_run() -> None:
    """Every example of a docstring prints what stands below it."""
    report, attempted = StringIO(), 0
    runner = doctest.DocTestRunner(verbose=False)
    for test in (test for module in importable() for test in examples_of(module)):
        attempted += runner.run(test, out=report.write).attempted
    assert attempted > 10
    assert not report.getvalue(), report.getvalue()
