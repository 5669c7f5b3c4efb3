"""The ways a Synapse gets SMS from us."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import frozen

from matrix_threepid.testing.parts import Mailbox, Phone

from .http import Client
from .programs import free_port
from .roles import SECRET_PATH, Delegated
from .site import Site
from .synapse import Synapse, synapse_at
from .workers import with_workers

BESIDE, INSIDE, WORKERS = "beside", "inside", "workers"
"""The names of the fixtures."""
DELEGATE_PATH = "/_synapse/client/0123456789abcdef0123456789abcdef"


@frozen
class Way:
    """A Synapse, the door it asks for SMS at, and (number, code) of all SMS that went out."""

    synapse: Synapse
    door: Client
    _messages: Callable[[], Sequence[tuple[str, str]]]

    @property
    def sent(self) -> list[str]:
        """The numbers SMS went to, in order."""
        return [number for number, _ in self._messages()]

    def code(self, number: str) -> str:
        """Return the code of the last SMS to a number."""
        return next(code for to, code in reversed(self._messages()) if to == number)


def beside(synapse: Synapse, delegate: Delegated) -> Way:
    """Return the way over a delegate of its own."""
    sent = delegate.sms.messages
    return Way(synapse, Client(delegate.port, SECRET_PATH), lambda: [(each.recipient, str(each.code)) for each in sent])


@contextmanager
def inside(folder: Path, files: dict[str, Path]) -> Iterator[Way]:
    """Run a Synapse that asks itself, with the configuration of the docs and a stand-in for Twilio."""
    phone, port = Phone(), free_port()
    with phone.receiving() as url:
        delegates = {"msisdn": f"http://127.0.0.1:{port}{DELEGATE_PATH}"}
        modules = [{"module": "matrix_threepid.synapse.Threepids", "config": _config(folder, url)}]
        more = {"account_threepid_delegates": delegates, "modules": modules}
        with synapse_at(free_port(), folder, files, port, **more) as synapse:
            yield _way(synapse, port, phone)


@contextmanager
def workers(folder: Path, files: dict[str, Path]) -> Iterator[Way]:
    """Run a Synapse with workers that asks itself through its reverse proxy."""
    phone, tls_port = Phone(), free_port()
    with phone.receiving() as url:
        site = Site(folder=folder, port=tls_port, files=files, mailbox=Mailbox(), phone=phone, peers=())
        with with_workers(site, endpoints=None, config=_config(folder, url)) as front:
            port = int(front.rpartition(":")[2])
            yield _way(Synapse(Client(port), tls_port), port, phone)


def _config(folder: Path, twilio_url: str) -> dict[str, Any]:
    twilio = {"account_sid": "AC0", "auth_token": "token", "from": "+15005550006", "base_url": twilio_url}
    return {
        "secret_file": str(folder / "threepid.secret"),
        "delegate_path": DELEGATE_PATH,
        "sms": {"countries": ["GB"], "twilio": twilio},
        "limits": {"per_client": {"burst": 1000, "per_second": 1000}, "apart": 0},
    }


def _way(synapse: Synapse, port: int, phone: Phone) -> Way:
    door = Client(port, DELEGATE_PATH)
    return Way(synapse, door, lambda: [(each.recipient.lstrip("+"), each.code) for each in phone.messages])
