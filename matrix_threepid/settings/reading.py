"""Make settings classes out of what a file held, refusing everything else by its name.

Settings are declared as the members of requests are, with ``member``; unlike there, unknown names are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar, cast

from ..protocol.errors import ConfigurationError, MatrixError
from ..protocol.members import Nested, members, refuse_unknown
from ..protocol.message import values_of
from ..protocol.wire import read_object

T = TypeVar("T")

_MAX_FILE = 1 << 20


def read(cls: type[T], given: object, at: str = "") -> T:
    """Return ``given`` as a ``cls``; ``null`` counts as absent, unless it is a choice.

    Raises ``ConfigurationError`` naming the setting.

    * ``at``: where ``given`` stands in its file, with a final dot.

    >>> from matrix_threepid.settings import PolicySettings
    >>> read(PolicySettings, {"legacy_add": "uia"}).legacy_add
    'uia'
    """
    if not isinstance(given, Mapping):
        raise ConfigurationError(f"{at.removesuffix('.')}: must be an object")
    try:
        return cast(T, _made(Nested(cls), given, at.removesuffix(".")))
    except MatrixError as error:
        raise ConfigurationError(str(error)) from None


def _made(rule: Nested, given: Mapping[str, object], at: str) -> object:
    """Return a section; where its settings do not go together, say in which one."""
    within = f"{at}." if at else ""
    declared = members(rule.cls)
    refuse_unknown(given, declared, within, "setting")
    present = {key: value for key, value in given.items() if value is not None or declared[key].null}
    values = values_of(rule.cls, present, within, _made)
    try:
        return rule.builds(**values)
    except ConfigurationError as error:
        raise ConfigurationError(f"{at}: {error}" if at else str(error)) from None


def read_file(cls: type[T], path: Path) -> T:
    """Return the ``cls`` in a file of JSON. Raises ``ConfigurationError`` naming the file or the setting."""
    try:
        given = read_object(path.read_bytes(), _MAX_FILE)
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None
    except MatrixError as error:
        raise ConfigurationError(f"{path}: {error}") from None
    return read(cls, given)
