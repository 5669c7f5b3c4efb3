"""Synapse's ``homeserver.yaml`` with the module: which parts are on, and which of Synapse's settings they need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from ...model.message import Outcome, TokenMessage
from ...model.threepid import Medium
from ...ports import TokenSender
from ...protocol.errors import ConfigurationError
from ...settings import read
from ...synapse.settings import ModuleSettings
from ...texts.catalogue import Texts
from ..checking.findings import Finding, Kind
from .configured import Configured, of_identity_servers, sending_role
from .synapse_around import Around
from .synapse_needs import of_needs

MODULE = "matrix_threepid.synapse.Threepids"
_SERVED = {
    "client": "in front of Synapse's own, on every listener with client resources",
    "separate": "on listeners without resources",
    "shadow": "compared with Synapse's own, which answer",
}


@frozen
class SynapseMails:
    """Stands for mails that Synapse sends itself, which only a running Synapse can send."""

    async def send(self, message: TokenMessage) -> Outcome:
        """Raise ``ConfigurationError``."""
        raise ConfigurationError(
            "email: Synapse sends the mails by its own email section; only email.smtp can be tried"
        )


def of_synapse(given: Mapping[str, Any]) -> Configured:
    """Return what the module's section and Synapse's settings configure. Raises ``ConfigurationError``."""
    around = Around(given)
    section = _section(given)
    settings = _settings(section, around)
    policy, senders = settings.library_policy(around.base_url), _senders(settings, around.server_name)
    role = sending_role(around.server_name, policy, senders)
    servers = of_identity_servers(settings.identity_servers, policy)
    findings = (*_parts(settings, section), *servers, *of_needs(settings, around), *_left_aside(section, around))
    return Configured(role, findings, Texts(settings.texts))


def module_of(given: Mapping[str, Any]) -> tuple[ModuleSettings, Around]:
    """Return the module's settings and those around it. Raises ``ConfigurationError``."""
    around = Around(given)
    return _settings(_section(given), around), around


def unbinding_of(given: Mapping[str, Any]) -> tuple[ModuleSettings, Around]:
    """Return what ``module_of`` does; without the module's section, as if it had ``identity_servers: {}`` alone."""
    if not _sections(given):
        around = Around(given)
        return _settings({"secret_file": "-", "identity_servers": {}}, around), around
    return module_of(given)


def _sections(given: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    modules = given.get("modules")
    listed = modules if isinstance(modules, list) else []
    return [each for each in listed if isinstance(each, Mapping) and each.get("module") == MODULE]


def _section(given: Mapping[str, Any]) -> Mapping[str, Any]:
    ours = _sections(given)
    if len(ours) != 1:
        raise ConfigurationError(f"modules: must name {MODULE} once")
    section: Mapping[str, Any] = ours[0].get("config") or {}
    return section


def _settings(section: Mapping[str, Any], around: Around) -> ModuleSettings:
    """Return the module's settings. As in the module, its ``policy`` overrides Synapse's own choices."""
    return read(ModuleSettings, around.own.completed(section), "config.")


def _senders(settings: ModuleSettings, server_name: str) -> dict[Medium, TokenSender]:
    senders: dict[Medium, TokenSender] = {}
    texts = Texts(settings.texts)
    if settings.email is not None:
        smtp = settings.email.smtp
        senders[Medium.EMAIL] = smtp.sender(server_name, texts=texts) if smtp else SynapseMails()
    if settings.sms is not None:
        senders[Medium.MSISDN] = settings.sms.sender(texts=texts)
    return senders


def _parts(settings: ModuleSettings, section: Mapping[str, Any]) -> Iterator[Finding]:
    own = "on" if settings.delegate_path else None
    guard = (
        "on" if settings.endpoints in ("client", "separate") or section.get("identity_servers") is not None else None
    )
    yield _part("SMS for Synapse's own endpoints", own, "delegate_path is not set")
    yield _part("all endpoints", _SERVED.get(settings.endpoints or ""), "endpoints is not set")
    yield _part("deletes that wait for no identity server", guard, "identity_servers is not set")
    yield _part("what becomes of messages", _reported(settings), "delivery is not set")
    yield _part("endpoints of administrators", settings.administration_path, "administration_path is not set")
    yield from _media(settings)


def _reported(settings: ModuleSettings) -> str | None:
    """Return who reports what becomes of messages; ``None`` without ``delivery``. Raises ``ConfigurationError``."""
    names = ", ".join(each.name for each in settings.callback_providers())
    return None if settings.delivery is None else f"recorded; reported by {names or 'nobody but mail servers'}"


def _media(settings: ModuleSettings) -> Iterator[Finding]:
    """Yield the media without a section, which the endpoints refuse since they replace Synapse's for both."""
    missing = [name for name in ("email", "sms") if getattr(settings, name) is None]
    for name in missing if settings.endpoints is not None else ():
        yield Finding(Kind.OFF, name, "is not set, so its addresses are answered M_THREEPID_MEDIUM_NOT_SUPPORTED")


def _left_aside(section: Mapping[str, Any], around: Around) -> Iterator[Finding]:
    """Yield those of Synapse's own settings that the module does not follow."""
    for name, why in around.not_followed(section):
        yield Finding(Kind.OFF, name, why)
    if section.get("endpoints") and not around.sets_passwords:
        yield Finding(Kind.OFF, "password reset", "password_config lets no account have a password")


def _part(name: str, on: str | None, why: str) -> Finding:
    return Finding(Kind.FACT, name, on) if on else Finding(Kind.OFF, name, why)
