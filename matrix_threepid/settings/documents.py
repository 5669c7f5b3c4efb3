"""Configuration files in JSON, YAML and TOML: what they hold, before any rule looks at it.

YAML is read by the core schema of YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema), so that ``NO`` is Norway and
``off`` is a word. A number with a plus sign or a leading zero stays a text, since it is a phone number or a secret.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

from ..protocol.errors import ConfigurationError, MatrixError
from ..protocol.wire import read_object

FORMATS = "JSON, YAML (.yaml, .yml) or TOML (.toml)"
"""What a configuration file may be, for ``--help``."""
MAX_FILE = 1 << 20
_MERGE = "tag:yaml.org,2002:merge"
_CORE = {
    "tag:yaml.org,2002:bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "tag:yaml.org,2002:null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "tag:yaml.org,2002:int": (r"0|-?[1-9][0-9]*", "-0123456789"),
    "tag:yaml.org,2002:float": (r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+(?:[eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)", "-0123456789"),
    _MERGE: (r"<<", "<"),
}
"""The values of YAML that are no texts: a pattern, and the characters that they begin with."""


def read_document(path: Path) -> Mapping[str, Any]:
    """Return the object in a file; the end of its name tells the format, which is JSON by default.

    Raises ``ConfigurationError`` that names the file, and the line where there is one.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None
    if len(raw) > MAX_FILE:
        raise ConfigurationError(f"{path}: is longer than {MAX_FILE} bytes")
    parse = _PARSERS.get(path.suffix.lower(), _json)
    try:
        given = parse(raw)
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path}: must be UTF-8") from None
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from None
    if not isinstance(given, Mapping):
        raise ConfigurationError(f"{path}: must be an object")
    return given


def _json(raw: bytes) -> object:
    try:
        return read_object(raw, MAX_FILE)
    except MatrixError as error:
        raise ConfigurationError(str(error)) from None


def _toml(raw: bytes) -> object:
    toml = _toml_reader()
    try:
        return toml.loads(raw.decode())
    except toml.TOMLDecodeError as error:
        where = re.search(r"at (line \d+)", str(error))  # the rest of the text may quote the file
        raise ConfigurationError(f"is no TOML{f', {where[1]}' if where else ''}") from None


def _toml_reader() -> Any:
    """Return ``tomllib``, which is part of Python from 3.11 on, or ``tomli``, which is the same for others."""
    for name in ("tomllib", "tomli"):
        with suppress(ImportError):
            return import_module(name)
    raise ConfigurationError("TOML needs Python 3.11, or tomli: pip install 'matrix-threepid[serve]'")


def _yaml(raw: bytes) -> object:
    yaml, loader = _yaml_loader()
    try:
        return yaml.load(raw.decode(), Loader=loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise ConfigurationError(f"is no YAML{f', line {mark.line + 1}' if mark else ''}") from None
    except RecursionError:
        raise ConfigurationError("is no YAML: it is nested too deeply") from None


def _yaml_loader() -> tuple[Any, Any]:
    """Return the module ``yaml`` and the loader of the core schema."""
    try:
        import yaml  # type: ignore[import-untyped,unused-ignore]
    except ImportError:
        raise ConfigurationError("YAML needs PyYAML: pip install 'matrix-threepid[serve]'") from None

    class Loader(yaml.SafeLoader):  # type: ignore[misc,unused-ignore]
        yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            """Refuse a key that is there twice, of which YAML would silently take the last, and one that is no text."""
            seen = set()
            for key, _ in node.value:
                if key.tag == _MERGE:
                    continue
                name = getattr(key, "value", None)
                if key.tag != "tag:yaml.org,2002:str" or name in seen:
                    line = key.start_mark.line + 1
                    why = "a key is there twice" if name in seen else "a key must be a text: write it in quotes"
                    raise ConfigurationError(f"line {line}: {why}")
                seen.add(name)
            return super().construct_mapping(node, deep)

    for tag, (pattern, begins) in _CORE.items():
        Loader.add_implicit_resolver(tag, re.compile(rf"^(?:{pattern})$"), list(begins))
    return yaml, Loader


_PARSERS: dict[str, Callable[[bytes], object]] = {".yaml": _yaml, ".yml": _yaml, ".toml": _toml}
