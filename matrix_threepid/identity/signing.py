"""Canonical JSON and signatures over it (specification, appendices "Canonical JSON" and "Signing JSON").

Needs the extra ``signing``, whose libraries are imported when the first key is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import field, frozen
from canonicaljson import encode_canonical_json

from ..protocol.errors import ConfigurationError
from ..protocol.members import redacted
from ..protocol.rules import MAX_INTEGER

ALGORITHM = "ed25519"


def set_of(names: Iterable[str]) -> frozenset[str]:
    """Return names or keys as a set; typed, so that any collection may be passed where a set is kept."""
    return frozenset(names)


def canonical(value: Any) -> bytes:
    """Return canonical JSON. Raises ``ValueError`` for what has none: fractions, integers beyond 2^53-1, surrogates."""
    _check(value)
    return encode_canonical_json(value)


@frozen
class SigningKey:
    """A server's secret key; ``id`` as ``ed25519:a_1``, ``public``: the verify key in unpadded base64."""

    id: str
    public: str
    _native: Any = field(repr=redacted, eq=False)

    def sign(self, content: Mapping[str, Any], name: str) -> dict[str, Any]:
        """Return a signed copy; other signatures and ``unsigned`` are kept. Raises ``ValueError`` as ``canonical``."""
        from signedjson.sign import sign_json

        canonical(content)
        return sign_json(_loose(content), name, self._native)

    def signature(self, content: Mapping[str, Any], name: str) -> str:
        """Return the signature alone, in unpadded base64."""
        return str(self.sign(content, name)["signatures"][name][self.id])

    def text(self) -> str:
        """Return the line a key file holds, secret included."""
        from signedjson.key import encode_signing_key_base64

        algorithm, version = self.id.split(":")
        return f"{algorithm} {version} {encode_signing_key_base64(self._native)}\n"


@frozen
class NamedSigner:
    """An ``ObjectSigner``: signs as this server."""

    server_name: str
    key: SigningKey

    def sign(self, value: Mapping[str, Any]) -> dict[str, Any]:
        return self.key.sign(value, self.server_name)


def read_signing_key(text: str) -> SigningKey:
    """Return the first key of a homeserver's key file: ``ed25519 ID SEED``. Raises ``ConfigurationError``."""
    key = _library()
    try:
        algorithm, version, seed = next(filter(None, text.splitlines())).split()
        return wrapped_key(key.decode_signing_key_base64(algorithm, version, seed))
    except (ValueError, StopIteration):
        raise ConfigurationError("signing key: must be a line 'ed25519 ID SEED' with the seed in base64") from None


def new_signing_key(version: str) -> SigningKey:
    """Return a fresh key; ``version``: its name, such as ``a_1``."""
    return wrapped_key(_library().generate_signing_key(version))


def wrapped_key(native: Any) -> SigningKey:
    """Return a key of ``signedjson``, as homeservers in Python hold theirs."""
    from signedjson.key import encode_verify_key_base64, get_verify_key

    public = encode_verify_key_base64(get_verify_key(native))
    return SigningKey(f"{native.alg}:{native.version}", public, native)


def verifies(content: Mapping[str, Any], name: str, key_id: str, public: str) -> bool:
    """Return whether ``content`` has this server's signature by this key; whatever is odd about either is ``False``."""
    from signedjson.sign import SignatureVerifyException, verify_signed_json

    key = _library()
    algorithm, _, version = key_id.partition(":")
    try:
        canonical(content)
        verify_signed_json(dict(content), name, key.decode_verify_key_base64(algorithm, version, public))
    except (SignatureVerifyException, ValueError, TypeError, AttributeError, RecursionError):
        return False
    return True


def _check(value: Any) -> None:
    """``canonicaljson`` writes fractions and any integer; other servers would read something else, or nothing."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            _check_name(name)
            _check(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            _check(inner)
    elif isinstance(value, str):
        value.encode()
    elif value is not None and not (isinstance(value, int) and abs(value) <= MAX_INTEGER):
        raise ValueError("canonical JSON has integers between -(2^53-1) and 2^53-1, texts, lists and objects only")


def _check_name(name: object) -> None:
    if not isinstance(name, str):
        raise ValueError("the names of members are texts")  # noqa: TRY004  one kind of error for all that is wrong
    name.encode()


def _loose(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy whose signatures can be added to."""
    signatures = {name: dict(by) for name, by in content.get("signatures", {}).items()}
    return {**content, "signatures": signatures}


def _library() -> Any:
    try:
        from signedjson import key
    except ImportError:
        raise ConfigurationError("signing needs the extra: pip install matrix-threepid[signing]") from None
    return key
