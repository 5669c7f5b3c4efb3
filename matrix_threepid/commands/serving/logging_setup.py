"""Where log lines of ``serve`` go: standard error, as text or as JSON."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timezone

from .settings import LogSettings

_TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, the values of an event, and a traceback if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        event = getattr(record, "threepid", None)
        if isinstance(event, dict):
            line["threepid"] = event
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


def set_up(settings: LogSettings) -> None:
    """Send the log lines of the process to standard error, in place of what was set up before."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if settings.json else logging.Formatter(_TEXT))
    logging.basicConfig(level=settings.level.upper(), handlers=[handler], force=True)
    # Below that they tell of every connection.
    for noisy in ("uvicorn", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # It writes a line for every try while a database is away; ``matrix_threepid`` says so once a minute.
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
