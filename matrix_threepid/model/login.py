"""Logins at an identity server: access tokens, and the terms that users have accepted.

See https://spec.matrix.org/latest/identity-service-api/#authentication.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from attrs import frozen

from ..protocol.errors import ConfigurationError

LIFETIME = 365 * 86_400_000
"""The ms after which an access token ends, so that those of users who never log out do not stay for ever."""
MOST = 50
"""The access tokens of one user; one more ends the oldest."""


@frozen
class Login:
    """An access token and its user.

    * ``token_mac``: the MAC of the token under a pepper; the token itself is not stored.
    * ``user_id``: the user, as the homeserver of the user confirmed.
    * ``created_at``: ms of the wall clock.
    """

    token_mac: str
    user_id: str
    created_at: int


@frozen
class Translation:
    """A document in one language.

    * ``name``: its title, as clients show it.
    * ``url``: where it can be read; it must lead to this version for as long as the version is in force.
    """

    name: str
    url: str


@frozen
class TermsDocument:
    """A document that users have to accept, such as a privacy policy.

    * ``version``: its version; users accept a new one again.
    * ``languages``: the document by language tag, such as ``en``; at least one.

    Raises ``ConfigurationError`` without a version or a language.
    See https://spec.matrix.org/latest/identity-service-api/#terms-of-service.

    >>> privacy = TermsDocument("1.2", {"en": Translation("Privacy", "https://example.org/privacy-1.2.html")})
    >>> privacy.accepted_by(["https://example.org/privacy-1.2.html"])
    True
    """

    version: str
    languages: Mapping[str, Translation]

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.version, str) or not self.version:
            raise ConfigurationError("terms: a document needs a version")
        if not self.languages or not all(isinstance(each, Translation) for each in self.languages.values()):
            raise ConfigurationError("terms: a document needs a Translation for at least one language")

    def accepted_by(self, urls: Collection[str]) -> bool:
        """Return whether the document is accepted with one of these URLs, in whatever language."""
        return any(each.url in urls for each in self.languages.values())

    def public(self) -> dict[str, object]:
        """Return the document as the identity API shows it."""
        shown = {tag: {"name": each.name, "url": each.url} for tag, each in self.languages.items()}
        return {"version": self.version, **shown}


def missing(terms: Mapping[str, TermsDocument], accepted: Collection[str]) -> bool:
    """Return whether a document is not accepted; ``accepted``: what ``acceptance`` returned when it was."""
    return any(acceptance(name, document) not in accepted for name, document in terms.items())


def acceptance(name: str, document: TermsDocument) -> str:
    """Return what is stored of a document that was accepted: its name and version."""
    return f"{name} {document.version}"
