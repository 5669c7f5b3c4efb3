"""Certificates made on the spot. Needs ``trustme``."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

from attrs import field, frozen


@frozen
class Certificates:
    """An authority of one's own, its certificate in a file, and what a server of this machine serves TLS with."""

    file: Path
    context: ssl.SSLContext = field(repr=False)

    @classmethod
    def at(cls, file: Path, *names: str) -> Certificates:
        """Return them for these names (default: ``localhost``).

        The authority is the one of ``file`` and ``file.key``, or a new one that is written there.
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
