"""The demo: servers, a mail server and a person who uses them, all in this process, talking over real sockets."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from matrix_threepid.settings import read
from matrix_threepid.testing import Failed, Mailbox, Phone

from ..config import Config
from ..server import running, told_to_stop
from . import admin
from .page import Page
from .scene import Story
from .story import tell
from .town import Town, twilio_at

NAME = "hs.example.org"


def run(*, stay: bool) -> int:
    """Tell the story, or stay up with a page to click through; return the exit status."""
    try:
        asyncio.run(_stay() if stay else _tell())
    except Failed as failed:
        print(f"\nThe demo failed: {failed}", file=sys.stderr)
        return 1
    return 0


async def _tell() -> None:
    mailbox, phone = Mailbox(), Phone()
    with TemporaryDirectory(prefix="homeserver-demo-") as folder, phone.receiving() as url, mailbox.receiving() as port:
        planned = Town.planned(Path(folder), port, *admin.ENDPOINTS, twilio=twilio_at(url))
        async with planned.opened() as town:
            await asyncio.to_thread(tell, Story.of(town, mailbox, phone))


async def _stay() -> None:
    mailbox = Mailbox()
    page = Page(mailbox)
    with TemporaryDirectory(prefix="homeserver-demo-") as folder, mailbox.receiving() as port:
        async with running(_config(folder, port), page.endpoints) as url:
            await asyncio.to_thread(page.open, url)
            print(f"The page is at {url}{page.path} (Ctrl-C ends the demo)", flush=True)
            await told_to_stop()


def _config(folder: str, smtp_port: int) -> Config:
    """Return the configuration, as a file would give it."""
    return read(
        Config,
        {
            "listen": "127.0.0.1:0",
            "server_name": NAME,
            "database": f"sqlite:///{Path(folder, 'demo.db')}",
            "smtp": {"host": "127.0.0.1", "port": smtp_port, "starttls": False, "from": f"Example <noreply@{NAME}>"},
        },
    )
