"""Packages whose public names load their modules when they are first used.

So ``from matrix_threepid.senders import SmtpSender`` loads no client of Twilio, and importing the library costs little.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazily(
    package: str, homes: Mapping[str, tuple[str, ...]], *more: str
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return ``__getattr__``, ``__dir__`` and ``__all__`` for a package.

    * ``package``: its ``__name__``.
    * ``homes``: the modules, relative to the package, and the public names that each has.
    * ``more``: public names that the package has already.
    """
    home_of = {name: module for module, names in homes.items() for name in names}
    public = sorted((*home_of, *more))

    def load(name: str) -> Any:
        if name not in home_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(home_of[name], package), name)

    return load, lambda: public, public
