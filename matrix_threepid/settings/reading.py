"""Make settings classes out of what a file held, refusing everything else by its name.

Settings are declared as the members of requests are, with ``member``; unlike there, unknown names are refused. What is
declared as a secret may also be in a file of its own, named by the setting's name and ``_file``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

from attrs import frozen

from ..protocol.errors import ConfigurationError, MatrixError
from ..protocol.members import Nested, members, refuse_unknown
from ..protocol.message import values_of
from ..protocol.rules import Flag, Integer, ListOf, Number, OneOf, Rule, Text
from .documents import read_document
from .outside import Outside, note_readable

T = TypeVar("T")

_OFF = "off"
_SWITCHES = frozenset({"yes", "no", "on", "off", "y", "n", "true", "false"})


def read(cls: type[T], given: object, at: str = "") -> T:
    """Return ``given`` as a ``cls``; ``null`` counts as absent, unless it is a choice.

    Raises ``ConfigurationError`` naming the setting.

    * ``at``: where ``given`` stands in its file, with a final dot.

    >>> from matrix_threepid.settings import PolicySettings
    >>> read(PolicySettings, {"legacy_add": "uia"}).legacy_add
    'uia'
    """
    return _read(cls, given, at, Outside())


def read_file(cls: type[T], path: Path, *, strict: bool = False) -> T:
    """Return the ``cls`` in a file: JSON, or by the end of its name YAML (``.yaml``, ``.yml``) or TOML (``.toml``).

    A secret that the file leaves out is taken from its ``…_file``, from the environment variable or from the systemd
    credential that is named after it (https://systemd.io/CREDENTIALS/): for ``sms.twilio.auth_token`` from
    ``MATRIX_THREEPID_SMS_TWILIO_AUTH_TOKEN`` or ``sms.twilio.auth_token``.

    * ``path``: the file.
    * ``strict``: refuse a file with secrets that every user of the machine can read; by default it is logged, as a
      warning of the logger ``matrix_threepid.settings``.

    Raises ``ConfigurationError`` naming the file or the setting.
    """
    return read_given(cls, read_document(path), path, strict=strict)


def read_given(cls: type[T], given: Mapping[str, Any], path: Path, *, strict: bool = False) -> T:
    """Return the ``cls`` in what a file holds; as ``read_file``."""
    made = _read(cls, given, "", Outside.of_process(strict=strict))
    if _has_secret(cls, given):
        note_readable(path, strict=strict)
    return made


def _read(cls: type[T], given: object, at: str, outside: Outside) -> T:
    if not isinstance(given, Mapping):
        raise ConfigurationError(f"{at.removesuffix('.')}: must be an object")
    try:
        return cast(T, _Reader(outside).made(Nested(cls), given, at.removesuffix(".")))
    except MatrixError as error:
        raise ConfigurationError(str(error)) from None


@frozen
class _Reader:
    """Makes sections; ``outside``: where secrets are that the file leaves out."""

    outside: Outside

    def made(self, rule: Nested, given: Mapping[str, object], at: str) -> object:
        """Return a section; where its settings do not go together, say in which one."""
        within = f"{at}." if at else ""
        declared = members(rule.cls)
        refuse_unknown(given, (*declared, *self.outside.files_of(declared)), within, "setting")
        given = self.outside.completed(declared, given, within)
        kept = {key: value for key, value in given.items() if value is not None or declared[key].null}
        present = {key: _meant(declared[key].rule, value) for key, value in kept.items()}
        for key, value in present.items():
            if (hint := _hint(declared[key].rule, value)) is not None:
                raise ConfigurationError(f"{within}{key}: {declared[key].rule.words}; {hint}")
        values = values_of(rule.cls, present, within, self.made)
        try:
            return rule.builds(**values)
        except ConfigurationError as error:
            raise ConfigurationError(f"{at}: {error}" if at else str(error)) from None


def _meant(rule: Rule, value: object) -> object:
    """Return the choice ``off`` for ``false``, since YAML 1.1 reads ``off`` so; every other value as it is."""
    return _OFF if value is False and isinstance(rule, OneOf) and _OFF in rule.values else value


def _hint(rule: Rule, value: object) -> str | None:
    """Return what was probably meant by a value of the wrong type; ``None`` where there is nothing to say.

    YAML 1.1, by which Synapse reads its files, takes ``NO`` and ``off`` for ``false``, and all digits for a number.
    """
    if isinstance(rule, ListOf) and isinstance(value, list):
        return next(filter(None, (_hint(rule.each, each) for each in value)), None)
    if isinstance(rule, Text | OneOf) and not isinstance(value, str | list | Mapping | None):
        if isinstance(value, bool):
            return 'YAML takes NO, no, off and the like for a switch: write it in quotes, such as "NO"'
        return "what looks like a number or a date is none here: write it in quotes"
    if isinstance(rule, Flag) and isinstance(value, str) and value.lower() in _SWITCHES:
        return "write true or false, without quotes"
    if isinstance(rule, Integer | Number) and isinstance(value, str) and _is_number(value):
        return "write it without quotes"
    return None


def _is_number(text: str) -> bool:
    try:
        return bool(float(text)) or True
    except ValueError:
        return False


def _has_secret(cls: type, given: Mapping[str, Any]) -> bool:
    """Return whether a section, or one within it, holds a secret itself."""
    declared = members(cls)
    return any(
        declared[key].secret
        or (isinstance(rule, Nested) and isinstance(value, Mapping) and _has_secret(rule.cls, value))
        for key, value in given.items()
        if key in declared and value is not None
        for rule in (declared[key].rule,)
    )


def secrets_of(cls: type, at: str = "") -> Collection[str]:
    """Return the paths of all secrets that a class of settings declares, such as ``sms.twilio.auth_token``."""
    found = list[str]()
    for key, each in members(cls).items():
        if each.secret:
            found.append(f"{at}{key}")
        elif isinstance(each.rule, Nested):
            found += secrets_of(each.rule.cls, f"{at}{key}.")
    return found
