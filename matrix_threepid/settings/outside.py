"""Secrets outside of a configuration file: in files of their own, in the environment, in credentials of systemd."""

from __future__ import annotations

import json
import logging
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

from attrs import field, frozen

from ..protocol.errors import ConfigurationError
from ..protocol.members import Member
from ..protocol.rules import Free

PREFIX = "MATRIX_THREEPID_"
"""What the names of environment variables begin with."""
_FILE = "_file"
_MAX_SECRET = 65_536
_log = logging.getLogger("matrix_threepid.settings")


@frozen
class Outside:
    """Where secrets are looked for.

    * ``environment``: environment variables, by name.
    * ``credentials``: the folder with the credentials that systemd passes to a service.
    * ``strict``: whether a file that every user can read is refused, in place of a warning.
    """

    environment: Mapping[str, str] = field(factory=dict, repr=False)
    credentials: Path | None = None
    strict: bool = False

    @classmethod
    def of_process(cls, *, strict: bool = False) -> Outside:
        """Return what this process was given."""
        folder = os.environ.get("CREDENTIALS_DIRECTORY")
        return cls(os.environ, Path(folder) if folder else None, strict)

    @staticmethod
    def files_of(declared: Mapping[str, Member]) -> list[str]:
        """Return the names of the settings that name a file with a secret."""
        return [f"{key}{_FILE}" for key, each in declared.items() if each.secret and f"{key}{_FILE}" not in declared]

    def completed(self, declared: Mapping[str, Member], given: Mapping[str, object], at: str) -> dict[str, object]:
        """Return a section with its secrets. Raises ``ConfigurationError`` for one that is given twice.

        * ``declared``: the settings of the section, by name.
        * ``at``: where it stands in its file, with a final dot.
        """
        names = self.files_of(declared)
        whole = {key: value for key, value in given.items() if key not in names}
        for key in (name.removesuffix(_FILE) for name in names):
            path = f"{at}{key}"
            ways = list(self._ways(path, given.get(f"{key}{_FILE}")))
            if len(ways) + (given.get(key) is not None) > 1:
                given_by = [path] * (given.get(key) is not None) + [name for name, _ in ways]
                raise ConfigurationError(f"{path}: is given by {' and by '.join(given_by)}; give it once")
            for where, value_of in ways:
                text = value_of()
                whole[key] = _decoded(text, where) if isinstance(declared[key].rule, Free) else text
        return whole

    def _ways(self, path: str, file: object) -> Iterator[tuple[str, Callable[[], str]]]:
        """Yield how a secret is given from outside: what to call that, and what returns it."""
        if file is not None:
            if not isinstance(file, str) or not file or "\0" in file:
                raise ConfigurationError(f"{path}{_FILE}: must be the name of a file")
            yield f"{path}{_FILE}", partial(self._content, Path(file), f"{path}{_FILE}")
        if (variable := variable_of(path)) in self.environment:
            yield f"the environment variable {variable}", partial(self.environment.__getitem__, variable)
        if self.credentials is not None and (credential := self.credentials / path).is_file():
            yield f"the credential {path}", partial(_text, credential, path)

    def _content(self, file: Path, name: str) -> str:
        text = _text(file, name)
        note_readable(file, strict=self.strict)
        return text


def variable_of(path: str) -> str:
    """Return the environment variable of a secret.

    >>> variable_of("sms.twilio.auth_token")
    'MATRIX_THREEPID_SMS_TWILIO_AUTH_TOKEN'
    """
    return PREFIX + re.sub(r"[^A-Z0-9]", "_", path.upper())


def note_readable(file: Path, *, strict: bool) -> None:
    """Log that every user of the machine can read a file with secrets. Raises ``ConfigurationError`` if ``strict``."""
    if _is_readable(file):
        remedy = f"{file}: holds secrets, and every user of this machine can read it: chmod o-rwx"
        if strict:
            raise ConfigurationError(remedy)
        _log.warning("%s", remedy)


def _is_readable(file: Path) -> bool:
    """Return whether every user can read a file: the folders that it is in count as well."""
    try:
        real = file.resolve(strict=True)
        open_folders = all(folder.stat().st_mode & stat.S_IXOTH for folder in real.parents)
        return open_folders and bool(real.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False


def _text(file: Path, name: str) -> str:
    """Return the text of a file without its last line break. Raises ``ConfigurationError``."""
    try:
        with file.open("rb") as opened:
            raw = opened.read(_MAX_SECRET + 1)
        text = raw.decode().removesuffix("\n").removesuffix("\r")
    except OSError as error:
        raise ConfigurationError(f"{name}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{name}: the file must be UTF-8") from None
    if not text or len(raw) > _MAX_SECRET:
        raise ConfigurationError(f"{name}: the file must hold 1 to {_MAX_SECRET} bytes")
    return text


def _decoded(text: str, where: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        raise ConfigurationError(f"{where}: must hold an object of JSON") from None


def described(paths: Iterable[str]) -> list[tuple[str, str, str, str]]:
    """Return, for each secret, its path, the setting of its file, its environment variable and its credential."""
    return [(path, f"{path}{_FILE}", variable_of(path), path) for path in paths]
