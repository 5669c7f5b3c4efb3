"""What Synapse's own settings say to the module."""

from __future__ import annotations

import pytest

from matrix_threepid import ConfigurationError
from matrix_threepid.net.denied_addresses import AddressCheck
from matrix_threepid.settings import read
from matrix_threepid.synapse.own import Own
from matrix_threepid.synapse.settings import ModuleSettings

GUARD = {"secret_file": "secret", "identity_servers": {}}


def test_address_ranges_of_synapse_are_refused() -> None:
    """No identity server within Synapse's refused ranges is called; the module's own setting lets addresses through."""
    own = Own(refused=["198.41.0.0/24"], allowed=["198.41.0.1/32"])
    config = {**GUARD, "identity_servers": {"allow_addresses": ["198.41.0.1/32", "198.41.0.9/32"]}}
    assert _blocked(own.completed(GUARD), "198.41.0.4")
    assert not _blocked(own.completed(GUARD), "198.41.0.1")
    assert not _blocked(own.completed(config), "198.41.0.9")
    assert not _blocked(Own().completed(GUARD), "198.41.0.4")


def _blocked(config: object, host: str) -> bool:
    servers = read(ModuleSettings, config).identity_servers
    assert servers is not None
    fetch = servers.fetch()
    return AddressCheck.of(fetch.allow_addresses, fetch.refuse_addresses).denies(host)


@pytest.mark.parametrize("section", ["policy", "identity_servers", "limits"])
def test_what_is_no_object_is_refused_by_its_name(section: str) -> None:
    """Synapse's settings do not cover a section of the wrong type."""
    own = Own(rate=(9, 9), refused=["198.41.0.0/24"])
    with pytest.raises(ConfigurationError, match=f"^{section}: must be an object"):
        read(ModuleSettings, own.completed({**GUARD, section: 3}))


def test_parts_that_need_nothing_private_are_left_alone() -> None:
    """With the delegate alone, Synapse's endpoints follow Synapse's settings, and the module its own."""
    config = {"secret_file": "secret", "delegate_path": "/_synapse/client/x"}
    assert Own(rate=(9, 9), changes_enabled=False).completed(config) == config


def test_off_is_understood_as_yaml_reads_it() -> None:
    """A choice that may be ``off`` takes ``false``, which is how Synapse's YAML reads it; ``true`` stays wrong."""
    smtp = {"host": "mail.example.org", "from": "a@example.org"}
    sections = {"endpoints": "client", "policy": {"legacy_add": False}, "email": {"smtp": {**smtp, "tls": False}}}
    made = read(ModuleSettings, {**GUARD, **sections})
    assert made.email is not None
    assert made.email.smtp is not None
    assert (made.policy.legacy_add, made.email.smtp.tls) == ("off", "off")
    with pytest.raises(ConfigurationError, match=r"^email\.smtp\.tls: must be one of: starttls, implicit, off"):
        read(ModuleSettings, {**GUARD, "endpoints": "client", "email": {"smtp": {**smtp, "tls": True}}})


def test_a_country_that_yaml_takes_for_a_switch_is_explained() -> None:
    """``NO`` without quotes is refused, and the message says to write it in quotes."""
    sms = {"countries": ["SE", False], "twilio": {"account_sid": "AC0", "auth_token": "x", "from": "Example"}}
    with pytest.raises(ConfigurationError, match='such as "NO"'):
        read(ModuleSettings, {**GUARD, "sms": sms})
