"""The configuration file of ``serve``: every setting, its rule, and what it means to the library."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from ...hosts import ClientHeader
from ...model.login import TermsDocument, Translation
from ...policy import Policy
from ...protocol.errors import ConfigurationError
from ...protocol.members import Nested, documented, member
from ...protocol.rules import URL, Flag, Integer, ListOf, OneOf, Text
from ...settings import DeliverySettings, IdentityServerSettings, Limits, PolicySettings, SmsSettings, SmtpSettings
from ...settings.rules import RANGE, TEXT

LISTEN = Text(
    r"(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}", "must be HOST:PORT", lambda at: _port(at) < 65536
)
DATABASE = Text(r"sqlite:///.+|postgres(?:ql)?://.+", "must be sqlite:///FILE or postgresql://…")
SESSIONS = Text(r"(?:valkeys?|rediss?)://.+", "must be valkey://HOST:PORT")
SECRET_PATH = Text(r"/[A-Za-z0-9_-]{22,255}", "must be / and at least 22 letters and digits nobody can guess")
DOCUMENT = Text(r"[a-z0-9_.-]{1,64}", "must be 1 to 64 small letters, digits, _ . or -")
TAG = Text(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*", "must be a language tag, such as en or pt-BR")
_SESSIONS = "in place of `database` for sessions and counts: a Valkey or Redis, or a cluster"
HEADER = Text(r"[A-Za-z0-9-]{1,64}", "must be the name of a header, such as X-Forwarded-For")


def _port(at: str) -> int:
    return int(at.rpartition(":")[2])


def address_of(at: str) -> tuple[str, int]:
    """Return host and port of a setting such as ``127.0.0.1:8090``."""
    return at.rpartition(":")[0].strip("[]"), _port(at)


@documented
@frozen(kw_only=True)
class DelegateSettings:
    """The delegate, which Synapse's ``account_threepid_delegates`` calls."""

    secret_path: str = member(
        SECRET_PATH,
        secret=True,
        doc="the first step of its paths, which serves as its password; `new-secret` makes one",
    )
    database: str = member(DATABASE, secret=True, doc="where sessions and counts are")
    sessions: str | None = member(SESSIONS, None, secret=True, doc=_SESSIONS)


@documented
@frozen(kw_only=True)
class TermsSettings:
    """One document that users of the identity server have to accept."""

    name: str = member(DOCUMENT, doc="what clients know it by, such as `privacy_policy`")
    version: str = member(TEXT, doc="its version; users accept a new one again")
    language: str = member(TAG, "en", doc="its language, such as `en`; a document in several is listed once for each")
    title: str = member(TEXT, doc="its title, as clients show it")
    url: str = member(URL, doc="where this version can be read")


@documented
@frozen(kw_only=True)
class IdentityServerRoleSettings:
    """The identity server."""

    database: str = member(DATABASE, secret=True, doc="where sessions, counts, associations and access tokens are")
    sessions: str | None = member(SESSIONS, None, secret=True, doc=_SESSIONS)
    signing_key_file: str = member(TEXT, doc="file of the key that signs associations; `new-signing-key` makes one")
    signed_once: bool = member(Flag(), False, doc="whether a signed unbind that comes again is refused for 24 hours")
    terms: tuple[TermsSettings, ...] = member(
        ListOf(Nested(TermsSettings)), (), doc="the documents that users have to accept before anything else"
    )

    def documents(self) -> dict[str, TermsDocument]:
        """Return the documents by name. Raises ``ConfigurationError`` for two versions of one."""
        found: dict[str, TermsDocument] = {}
        for each in self.terms:
            languages = {each.language: Translation(each.title, each.url)}
            if (known := found.get(each.name)) is not None:
                if known.version != each.version:
                    raise ConfigurationError(f"identity_server.terms: {each.name} is listed with two versions")
                languages = {**known.languages, **languages}
            found[each.name] = TermsDocument(each.version, languages)
        return found


@documented
@frozen(kw_only=True)
class ClientHeaderSettings:
    """The header in which trusted proxies write the address of the client."""

    name: str = member(HEADER, doc="its name, such as `X-Forwarded-For`")
    hops: int = member(Integer(1, 16), 1, doc="the number of proxies that every request passes")
    trusted: tuple[str, ...] = member(ListOf(RANGE), (), doc="in place of `hops`: the address ranges of the proxies")

    def header(self) -> ClientHeader:
        """Return what hosts are given. Raises ``ConfigurationError``."""
        return ClientHeader(self.name, hops=self.hops, trusted=self.trusted)


@documented
@frozen(kw_only=True)
class LogSettings:
    """What is logged, to standard error."""

    level: Literal["debug", "info", "warning", "error"] = member(
        OneOf("debug", "info", "warning", "error"), "info", doc="the least level that is logged"
    )
    json: bool = member(Flag(), False, doc="a JSON object a line, in place of text")


@documented
@frozen(kw_only=True)
class ServeSettings:
    """The whole file. ``delegate``, ``identity_server`` or both are there."""

    listen: str = member(LISTEN, "127.0.0.1:8090", doc="where requests are answered; port 0 takes a free one")
    observe: str | None = member(
        LISTEN, None, doc="where `/metrics`, `/live`, `/ready` and `/health` are answered; nowhere if left out"
    )
    workers: int = member(Integer(1, 64), 1, doc="processes that answer requests; more than one needs PostgreSQL")
    stop_s: int = member(Integer(1, 300), 10, doc="seconds that requests may take to end when the program is stopped")
    server_name: str = member(TEXT, doc="the name of the server, as messages show it")
    public_base_url: str = member(URL, doc="where links lead; of a delegate, the web client that codes are typed into")
    secret_file: str = member(TEXT, doc="file of 32 secret bytes, made if missing; it must outlive the databases")
    texts: str | None = member(TEXT, None, doc="folder of your own wordings, layouts and pages; built-in if left out")
    client_header: ClientHeaderSettings | None = member(
        Nested(ClientHeaderSettings), None, doc="the header that a trusted proxy writes; none is believed if left out"
    )
    log: LogSettings = member(Nested(LogSettings), LogSettings(), doc="what is logged")
    delegate: DelegateSettings | None = member(Nested(DelegateSettings), None, doc="SMS for Synapse")
    identity_server: IdentityServerRoleSettings | None = member(
        Nested(IdentityServerRoleSettings), None, doc="the identity server"
    )
    smtp: SmtpSettings | None = member(Nested(SmtpSettings), None, doc="the mail server; without it no mails are sent")
    sms: SmsSettings | None = member(Nested(SmsSettings), None, doc="where SMS may go, and who sends them")
    homeservers: IdentityServerSettings = member(
        Nested(IdentityServerSettings),
        IdentityServerSettings(),
        doc="how the identity server reaches homeservers, for their keys and users",
    )
    delivery: DeliverySettings | None = member(
        Nested(DeliverySettings), None, doc="records what becomes of messages, and who reports it; off if left out"
    )
    policy: PolicySettings = member(Nested(PolicySettings), PolicySettings(), doc="every choice of `Policy`")
    limits: Limits | None = member(Nested(Limits), None, doc="how often what may be done")

    def __attrs_post_init__(self) -> None:
        roles = [role for role in (self.delegate, self.identity_server) if role is not None]
        if not roles:
            raise ConfigurationError("give delegate, identity_server or both: nothing is on")
        if self.delegate is not None and self.sms is None:
            raise ConfigurationError("delegate: needs sms")
        if self.smtp is None and self.sms is None:
            raise ConfigurationError("give smtp, sms or both: no message could be sent")
        if len({role.database for role in roles}) < len(roles):
            raise ConfigurationError("identity_server.database: must not be that of the delegate")
        shared = [role.sessions for role in roles if role.sessions is not None]
        if len(set(shared)) < len(shared):
            raise ConfigurationError(
                "identity_server.sessions: must not be that of the delegate; add ?prefix=NAME to it"
            )
        if self.workers > 1 and any(role.database.startswith("sqlite:") for role in roles):
            raise ConfigurationError("workers: more than one needs PostgreSQL in every database")
        if self.homeservers.proxy is not None:
            raise ConfigurationError("homeservers.proxy: homeservers are named by strangers, and reached directly only")
        if self.observe == self.listen:
            raise ConfigurationError("observe: must be another address than listen")
        if self.identity_server is not None:
            self.identity_server.documents()
        if self.client_header is not None:
            self.client_header.header()
        self.library_policy()

    def library_policy(self) -> Policy:
        """Return the library's policy. Raises ``ConfigurationError``."""
        sms = None if self.sms is None else self.sms.rules(self.policy.sms)
        return self.policy.policy(self.public_base_url, self.limits, None, sms)
