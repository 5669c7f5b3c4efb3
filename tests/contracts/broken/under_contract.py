"""Every broken part under its contract; ``test_broken.py`` runs this file and expects failures."""

from __future__ import annotations

from typing import Any

import pytest

from contracts import test_host_ports, test_senders
from contracts.sms_providers import SmsProvider
from contracts.test_identity_clients import TestHttpIdentityClient, TestHttpInvitations, our_client
from matrix_threepid.identity.signed_requests import XMatrixVerifier
from matrix_threepid.memory.limits import MemoryLimits
from matrix_threepid.testing import FakeCallers, FakeRooms, FakeUia, RateLimiterContract
from matrix_threepid.texts.pages import BuiltInPages

from . import CAUGHT_BY
from .clients import Broken, Inviting
from .hosts import Forgetful, Worded
from .senders import KEY, Gateway, Verifier


def _sender(broken: Any) -> dict[str, Any]:
    def sender(self: object, provider: SmsProvider) -> Any:
        return broken(provider.url)

    return {"sender": pytest.fixture(sender), "secrets": (KEY,), "patience": 2}


def _client(broken: Any) -> dict[str, Any]:
    def make_client(self: object) -> Any:
        def make(setting: Any) -> Any:
            good = our_client(setting)
            return broken(good.fetch, good.signer)

        return make

    return {"make_client": pytest.fixture(make_client), "patience": 2}


def _verifier(broken: Any) -> dict[str, Any]:
    def make_verifier(self: object) -> Any:
        return lambda name, keys: broken([name], keys)

    return {"make_verifier": pytest.fixture(make_verifier)}


def _host(broken: Any) -> dict[str, Any]:
    def make_host(self: object) -> Any:
        return broken

    return {"make_host": pytest.fixture(make_host)}


def _rooms(broken: Any) -> dict[str, Any]:
    def rooms(self: Any) -> Any:
        return broken(users={self.alice, self.inviter})

    return {"rooms": pytest.fixture(rooms)}


def _given(name: str) -> Any:
    """Return what makes a part without arguments the fixture of this name."""

    def members(broken: Any) -> dict[str, Any]:
        def given(self: object) -> Any:
            return broken()

        return {name: pytest.fixture(given)}

    return members


_UNDER: dict[type, tuple[type, Any]] = {
    Gateway: (test_senders.TestHttpSender, _sender),
    Verifier: (test_senders.TestTwilioVerifySender, _sender),
    Broken: (TestHttpIdentityClient, _client),
    Inviting: (TestHttpInvitations, _client),
    MemoryLimits: (RateLimiterContract, _given("limiter")),
    FakeCallers: (test_host_ports.TestFakeCallers, _given("callers")),
    FakeRooms: (test_host_ports.TestFakeRooms, _rooms),
    FakeUia: (test_host_ports.TestFakeUia, _given("uia")),
    Forgetful: (test_host_ports.TestStagedHost, _host),
    Worded: (test_host_ports.TestFakeGate, _given("gate")),
    BuiltInPages: (test_host_ports.TestBuiltInPages, _given("pages")),
    XMatrixVerifier: (test_host_ports.TestXMatrixVerifier, _verifier),
}
"""By what a broken part is made from: the contract it is under, and how it is given."""


def _case(part: type) -> type:
    contract, members = _UNDER[part if part in _UNDER else part.__bases__[0]]
    return type(f"Test{part.__name__}", (contract,), members(part))


RIGHT = (Gateway, Verifier, Broken, Inviting)
"""What the broken ones are made from."""
globals().update({case.__name__: case for case in map(_case, (*RIGHT, *CAUGHT_BY))})
