"""Canonical JSON and signatures over it.

Source: https://spec.matrix.org/latest/appendices/#canonical-json and
https://spec.matrix.org/latest/appendices/#signing-json. Signatures need the extra ``signing``, whose libraries are
imported when the first key is read.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import field, frozen

from ..model.canonical_json import canonical, whole_numbers
from ..protocol.errors import ConfigurationError
from ..protocol.members import redacted

ALGORITHM = "ed25519"


def set_of(names: Iterable[str]) -> frozenset[str]:
    """Return names or keys as a set; a converter with a type, so that fields accept any collection."""
    return frozenset(names)


@frozen
class SigningKey:
    """A signing key of a server, secret included; ``repr`` does not show it.

    * ``id``: algorithm and version, such as ``ed25519:a_1``.
    * ``public``: the verify key in unpadded base64.
    """

    id: str
    public: str
    _native: Any = field(repr=redacted, eq=False)

    def sign(self, content: Mapping[str, Any], name: str) -> dict[str, Any]:
        """Return a copy with a signature of this key; ``unsigned`` and other signatures stay as they are.

        * ``content``: the object to sign.
        * ``name``: the name of the server that signs.

        Raises ``ValueError`` as ``canonical`` does.
        """
        from signedjson.sign import sign_json

        # `sign_json` would sign fractions and large integers too, which other servers serialise differently.
        canonical(content)
        return sign_json(_loose(whole_numbers(content)), name, self._native)

    def signature(self, content: Mapping[str, Any], name: str) -> str:
        """Return the signature that ``sign`` adds, in unpadded base64."""
        return str(self.sign(content, name)["signatures"][name][self.id])

    def text(self) -> str:
        """Return the line of a key file, ``ed25519 ID SEED``, secret included."""
        from signedjson.key import encode_signing_key_base64

        algorithm, version = self.id.split(":")
        return f"{algorithm} {version} {encode_signing_key_base64(self._native)}\n"


@frozen
class NamedSigner:
    """An ``ObjectSigner`` with a key in this process.

    * ``server_name``: the name of the server that signs.
    * ``key``: its signing key.
    """

    server_name: str
    key: SigningKey

    @property
    def public_keys(self) -> dict[str, str]:
        """The verify key in unpadded base64, by the id of its key."""
        return {self.key.id: self.key.public}

    def sign(self, value: Mapping[str, Any]) -> dict[str, Any]:
        return self.key.sign(value, self.server_name)


@frozen
class EphemeralKeys:
    """``InvitationKeys`` with ``ed25519``.

    * ``server_name``: the name of the server that signs.

    Raises ``ConfigurationError`` without the extra ``signing``.
    """

    server_name: str

    def __attrs_post_init__(self) -> None:
        _library()

    def public_of(self, seed: bytes) -> str:
        return _key_of(seed).public

    def sign(self, seed: bytes, value: Mapping[str, Any]) -> dict[str, Any]:
        return _key_of(seed).sign(value, self.server_name)


def _key_of(seed: bytes) -> SigningKey:
    # Identity servers have always signed invitations by this id, whatever key it was.
    return wrapped_key(_library().decode_signing_key_base64(ALGORITHM, "0", b64encode(seed).decode()))


def read_signing_key(text: str) -> SigningKey:
    """Return the first key of the text of a key file, whose lines are ``ed25519 ID SEED``.

    Raises ``ConfigurationError`` for a first line of another form, and without the extra ``signing``.
    """
    key = _library()
    try:
        algorithm, version, seed = next(filter(None, text.splitlines())).split()
        return wrapped_key(key.decode_signing_key_base64(algorithm, version, seed))
    except (ValueError, StopIteration):
        raise ConfigurationError("signing key: must be a line 'ed25519 ID SEED' with the seed in base64") from None


def new_signing_key(version: str) -> SigningKey:
    """Return a new random key; ``version`` is the second part of its id, such as ``a_1``.

    Raises ``ConfigurationError`` without the extra ``signing``.
    """
    return wrapped_key(_library().generate_signing_key(version))


def wrapped_key(native: Any) -> SigningKey:
    """Return the ``SigningKey`` of a key object of ``signedjson``, such as Synapse has."""
    from signedjson.key import encode_verify_key_base64, get_verify_key

    public = encode_verify_key_base64(get_verify_key(native))
    return SigningKey(f"{native.alg}:{native.version}", public, native)


def verifies(content: Mapping[str, Any], name: str, key_id: str, public: str) -> bool:
    """Return whether an object has a valid signature.

    * ``content``: the object, with ``signatures``.
    * ``name``: the server whose signature is checked.
    * ``key_id``, ``public``: the id of its key and the verify key in unpadded base64.

    ``False`` also for an object or key of another form: both come from strangers.
    """
    from signedjson.sign import SignatureVerifyException, verify_signed_json

    key = _library()
    algorithm, _, version = key_id.partition(":")
    try:
        canonical(content)
        verify_signed_json(whole_numbers(content), name, key.decode_verify_key_base64(algorithm, version, public))
    # The library checks neither types nor depth, so a wrong object raises almost anything.
    except (SignatureVerifyException, ValueError, TypeError, AttributeError, RecursionError):
        return False
    return True


def _loose(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy whose signatures can be changed; ``sign_json`` adds its own in place."""
    signatures = {name: dict(by) for name, by in content.get("signatures", {}).items()}
    return {**content, "signatures": signatures}


def _library() -> Any:
    try:
        from signedjson import key
    except ImportError:
        raise ConfigurationError("signing needs the extra: pip install matrix-threepid[signing]") from None
    return key
