"""The example's configuration for the parts of the journeys."""

from __future__ import annotations

from typing import Any

from example.serving import smtp_settings

from examples.homeserver.demo.town import twilio_at
from matrix_threepid.testing.journeys import Parts

_PLENTY = {"burst": 10_000, "per_second": 10_000}


def settings_for(parts: Parts) -> dict[str, Any]:
    """Return the settings of a server in memory that uses the parts."""
    assert parts.mail
    assert parts.sms
    assert parts.identity
    here = {"allow_addresses": ["127.0.0.0/8", "::1/128"], "ports": [parts.identity.port]}
    return {
        "listen": "127.0.0.1:0",
        "server_name": "hs.example.org",
        "smtp": smtp_settings(parts.mail.port),
        "twilio": twilio_at(parts.sms.url),
        "identity_servers": {"ca_file": str(parts.authority), **here},
        "limits": {"per_address": _PLENTY, "per_client": _PLENTY},
    }
