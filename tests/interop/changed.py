"""A module of Synapse's that makes it one of another version, for the modules behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Changed:
    """Has one method of one handler take another parameter. ``config``: their names, ``handler`` and ``method``."""

    def __init__(self, config: Mapping[str, str], api: Any) -> None:
        async def method(another: object) -> None:
            """Do nothing."""

        setattr(getattr(api._hs, config["handler"])(), config["method"], method)

    @staticmethod
    def parse_config(config: Mapping[str, str]) -> Mapping[str, str]:
        """Return the configuration as it is."""
        return config
