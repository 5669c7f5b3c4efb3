"""The server's secret: an ed25519 signing key in Synapse's format, and the pepper that is derived from it.

With ``signing_key_file`` it lives there; without, beside the SQLite file, or, for PostgreSQL, in the current folder
under the server's name; without a database it dies with the process. So links and sessions outlive a restart; all
processes on one database must share the file.
"""

from __future__ import annotations

import binascii
import hmac
import os
import secrets
from base64 import b64decode, b64encode
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import field, frozen

from matrix_threepid import ConfigurationError, Peppers

if TYPE_CHECKING:
    from matrix_threepid.identity import SigningKey

_SEED_BYTES = 32


@frozen
class ServerSecret:
    """An ed25519 key: its version (``a_XXXX``) and its seed of 32 bytes."""

    version: str
    seed: bytes = field(repr=False)

    def peppers(self, role: str = "") -> Peppers:
        """Return the library's peppers for a role; knowing them does not tell the key."""
        return Peppers.of(hmac.digest(self.seed, f"matrix_threepid {role}pepper".encode(), "sha256"))

    def signing_key(self) -> SigningKey:
        """Return the key in a form that signs. Raises ``ConfigurationError`` without the extra ``signing``."""
        from matrix_threepid.identity import read_signing_key

        return read_signing_key(self.line())

    def line(self) -> str:
        """Return the key as its file holds it: ``ed25519 ID BASE64SEED``."""
        return f"ed25519 {self.version} {b64encode(self.seed).rstrip(b'=').decode('ascii')}\n"


def fresh_key() -> ServerSecret:
    """Return a new key."""
    return ServerSecret(f"a_{secrets.token_hex(2)}", secrets.token_bytes(_SEED_BYTES))


def stored_key(path: Path) -> ServerSecret:
    """Return the key of a file, which is made if there is none. Raises ``ConfigurationError``."""
    try:
        if not path.exists():
            _store(path, fresh_key())
        return _parsed(path.read_text("ascii"))
    except OSError as error:
        raise ConfigurationError(f"signing_key_file: {error.strerror}") from None
    except ValueError:
        raise ConfigurationError("signing_key_file: is not of the form ed25519 ID BASE64SEED") from None


def _store(path: Path, key: ServerSecret) -> None:
    """Put a key into place whole, and never over another process's."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(key.line())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _parsed(text: str) -> ServerSecret:
    algorithm, version, seed = text.split()
    key = ServerSecret(version, b64decode(seed + "=" * (-len(seed) % 4), validate=True))
    if algorithm != "ed25519" or len(key.seed) != _SEED_BYTES:
        raise binascii.Error
    return key
