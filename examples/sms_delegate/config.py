"""The configuration file: every setting, its rule, and what it means to the library."""

from __future__ import annotations

from functools import partial

from attrs import frozen

from matrix_threepid import Policy
from matrix_threepid.settings import LANGUAGE, TEXT, URL, ListOf, SmsSettings, Text, member, read_file

FILE = Text(r"[^\x00]{1,1024}", "must be the name of a file")
LISTEN = Text(r"([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]+\]):\d{1,5}", "must be HOST:PORT")
SECRET_PATH = Text(r"/[A-Za-z0-9_-]{22,255}", "must be / and at least 22 letters and digits nobody can guess")


@frozen(kw_only=True)
class Config(SmsSettings):
    """The whole file: SMS, and whom they are sent for."""

    listen: str = member(LISTEN)
    secret_path: str = member(SECRET_PATH, secret=True)
    server_name: str = member(TEXT)
    public_base_url: str = member(URL)
    database: str = member(FILE)
    languages: tuple[str, ...] = member(ListOf(LANGUAGE, least=1), ("en",))

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to listen at."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)

    def policy(self) -> Policy:
        """Return the library's policy. Raises ``ConfigurationError``."""
        return Policy(public_base_url=self.public_base_url, languages=self.languages, sms=self.rules())


read_config = partial(read_file, Config)
"""Returns the configuration in a file (a ``Path``). Raises ``ConfigurationError`` naming the file or the key."""
