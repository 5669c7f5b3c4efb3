"""The configuration file: every setting, its rule, and what it means to the library."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from attrs import frozen

from examples.homeserver.settings import TEXT, Rule, Section, many, matching, one_of, read, setting, whole
from matrix_threepid import ConfigurationError, MatrixError, Policy
from matrix_threepid.policy import SmsRules
from matrix_threepid.protocol.body import read_object
from matrix_threepid.texts import BUILT_IN

_MAX_FILE = 1 << 20
COUNTRY = matching(r"[A-Z]{2}", "must be two capital letters of ISO 3166-1")
COUNT = whole(1, 1_000_000)
FILE = matching(r"[^\x00]{1,1024}", "must be the name of a file")
LANGUAGE = one_of(*sorted(path.stem for path in BUILT_IN.glob("*.json")))
LISTEN = matching(r"([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]+\]):\d{1,5}", "must be HOST:PORT")
OBJECT = Rule("must be an object", lambda value: isinstance(value, dict))
SECRET_PATH = matching(r"/[A-Za-z0-9_-]{22,255}", "must be / and at least 22 letters and digits nobody can guess")
URL = matching(r"https?://[^\s/?#]+[^\s#]*", "must be an http or https URL")


@frozen(kw_only=True)
class TwilioSettings:
    """A Twilio account, and the number, name or messaging service its SMS come from."""

    account_sid: str = setting(TEXT)
    auth_token: str = setting(TEXT, secret=True)
    sender: str | None = setting(TEXT, None, key="from")
    messaging_service_sid: str | None = setting(TEXT, None)
    base_url: str | None = setting(URL, None)


@frozen(kw_only=True)
class GatewaySettings:
    """Any other gateway; the members are those of ``HttpSender``."""

    url: str = setting(URL, secret=True)
    template: Any = setting(OBJECT, secret=True)
    headers: Any = setting(OBJECT, {}, secret=True)
    body: Any = setting(one_of("json", "form"), "json")


@frozen(kw_only=True)
class Config:
    """The whole file; it has one of ``twilio`` and ``gateway``."""

    listen: str = setting(LISTEN)
    secret_path: str = setting(SECRET_PATH, secret=True)
    server_name: str = setting(TEXT)
    public_base_url: str = setting(URL)
    database: str = setting(FILE)
    countries: tuple[str, ...] = setting(many(COUNTRY))
    twilio: TwilioSettings | None = setting(Section(TwilioSettings), None)
    gateway: GatewaySettings | None = setting(Section(GatewaySettings), None)
    languages: tuple[str, ...] = setting(many(LANGUAGE), ("en",))
    budget_per_hour: int = setting(COUNT, SmsRules().budget_per_hour)
    budget_per_day: int = setting(COUNT, SmsRules().budget_per_day)

    def __attrs_post_init__(self) -> None:
        if (self.twilio is None) is (self.gateway is None):
            raise ConfigurationError("give either twilio or gateway")
        if not self.countries or not self.languages:
            raise ConfigurationError("countries, languages: must name at least one each")

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to listen at."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)

    def policy(self) -> Policy:
        """Return the library's policy. Raises ``ConfigurationError``."""
        rules = SmsRules(
            countries=self.countries, budget_per_hour=self.budget_per_hour, budget_per_day=self.budget_per_day
        )
        return Policy(public_base_url=self.public_base_url, languages=self.languages, sms=rules)


def read_config(path: Path) -> Config:
    """Return the configuration in a file. Raises ``ConfigurationError`` naming the file or the key."""
    try:
        return read(Config, read_object(path.read_bytes(), _MAX_FILE))
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None
    except MatrixError as error:
        raise ConfigurationError(f"{path}: {error}") from None
