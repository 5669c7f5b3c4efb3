"""What stands around a homeserver: mailboxes, phones, a browser, TLS."""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from matrix_threepid.testing.parts import Mailbox, Phone, fetch, press

from ..programs import ROOT, START

sys.path.append(str(ROOT))  # at the end: an installed matrix_threepid comes first

from examples.homeserver.demo.front import free_ports, fronted

__all__ = ["Mailbox", "Phone", "behind_tls", "confirm", "free_ports"]


def confirm(link: str) -> None:
    """Open the link of a mail, and press the button of its page."""
    page = press(fetch("GET", link))
    assert page.status == 200, page


@contextmanager
def behind_tls(name: str, url: str, files: Mapping[str, Path]) -> Iterator[None]:
    """Serve ``url`` with TLS at ``name``, a host and a port of this machine. ``files``: ``chain`` and ``key``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files["chain"], files["key"])
    up, over = Event(), Event()

    async def serve() -> None:
        async with fronted(name, url, context):
            up.set()
            await asyncio.to_thread(over.wait)

    thread = Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        assert up.wait(START), "nobody serves TLS"
        yield
    finally:
        over.set()
        thread.join()
