"""Certificates made for a test. Needs ``trustme``."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

from attrs import field, frozen


@frozen
class Certificates:
    """A certificate authority, its certificate in a file, and the TLS context of a server on this machine."""

    file: Path
    context: ssl.SSLContext = field(repr=False)

    @classmethod
    def at(cls, file: Path, *names: str) -> Certificates:
        """Return certificates for these names (default: ``localhost``).

        * ``file``: the file of the authority's certificate, with its key in ``file.key``; both are made if missing.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        _authority(file).issue_cert(*(names or ("localhost",))).configure_cert(context)
        return cls(file, context)


def _authority(file: Path) -> Any:
    import trustme

    key = file.with_name(f"{file.name}.key")
    if file.exists() and key.exists():
        return trustme.CA.from_pem(file.read_bytes(), key.read_bytes())
    authority = trustme.CA()
    authority.cert_pem.write_to_path(file)
    key.touch(0o600)
    authority.private_key_pem.write_to_path(key)
    return authority
