"""Which of Synapse's own settings the parts that are on need."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from ...model.keys import Peppers
from ...net.loopback import is_loopback
from ...protocol.errors import ConfigurationError
from ...synapse.settings import ModuleSettings
from ..checking.findings import Finding, Kind
from .synapse_around import Around

_DELEGATE = "account_threepid_delegates.msisdn"
_PORTS = {"http": 80, "https": 443}
_RESOURCES = {"client": "client resources", "separate": "resources: []", "shadow": "client resources"}


def of_needs(settings: ModuleSettings, around: Around) -> Iterator[Finding]:
    """Yield what is wrong with Synapse's own settings, or not for production."""
    yield from _secret(Path(settings.secret_file))
    if settings.delegate_path is not None:
        yield from _delegate(settings.delegate_path, around)
    if settings.endpoints is not None:
        yield from _ways(settings, around)
        yield from _listeners(settings.endpoints, around)


def _secret(file: Path) -> Iterator[Finding]:
    try:
        Peppers.of(file.read_bytes())
    except FileNotFoundError:
        made = file.parent.is_dir()
        yield Finding(Kind.FACT, "secret_file", "is made at the first start") if made else _no_folder()
    except OSError as error:
        yield _wrong("secret_file", f"{error.strerror}, for the user who runs this command")
    except ConfigurationError as error:
        yield _wrong("secret_file", str(error))


def _no_folder() -> Finding:
    return _wrong("secret_file", "its folder does not exist")


def _delegate(path: str, around: Around) -> Iterator[Finding]:
    """Check that ``account_threepid_delegates.msisdn`` leads to a listener of Synapse and to the secret path."""
    url = around.text("account_threepid_delegates", "msisdn")
    if not url:
        yield _wrong(_DELEGATE, "must be set to a listener, such as http://127.0.0.1:8008, followed by delegate_path")
        return
    try:
        yield from _pointing(urlsplit(url), path, around)
    except ValueError:
        yield _wrong(_DELEGATE, "is no URL")


def _pointing(url: SplitResult, path: str, around: Around) -> Iterator[Finding]:
    port, ports = url.port or _PORTS.get(url.scheme), [each.get("port") for each in around.listeners]
    if url.path.rstrip("/") != path:
        yield _wrong(_DELEGATE, "its path must be delegate_path")
    if is_loopback(url.hostname or "") and port not in ports:
        yield _wrong(_DELEGATE, f"no HTTP listener has its port, {port}")


def _ways(settings: ModuleSettings, around: Around) -> Iterator[Finding]:
    if settings.email is None and settings.sms is None:
        yield _wrong("endpoints", "without email and sms no address can be validated")
    if settings.email is not None and settings.email.smtp is None and not around.text("email", "notif_from"):
        yield _wrong("email.notif_from", "must be set in Synapse's own email section: it sends the mails")
    if around.accounts_elsewhere:
        yield _wrong("endpoints", "are not for a server whose accounts an authentication service manages")


def _listeners(endpoints: str, around: Around) -> Iterator[Finding]:
    serving = around.serving(endpoints)
    if not serving:
        yield _wrong("listeners", f"none of type http has {_RESOURCES[endpoints]}, so nothing serves the endpoints")
    for each in serving:
        hosts = each.get("bind_addresses")
        local = isinstance(hosts, list) and hosts and all(is_loopback(str(host)) for host in hosts)
        if local and not each.get("x_forwarded"):
            yield Finding(Kind.UNFIT, f"listener {each.get('port')}", "without x_forwarded everybody is one client")


def _wrong(about: str, text: str) -> Finding:
    return Finding(Kind.WRONG, about, text)
