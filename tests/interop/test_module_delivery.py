"""What becomes of messages in a real Synapse: a provider reports it, and an operator asks."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import datetime, timezone

import pytest

from matrix_threepid.__main__ import main
from matrix_threepid.model.delivery import signed_message_id
from matrix_threepid.settings import stored_peppers
from matrix_threepid.testing.journeys import Parts
from matrix_threepid.testing.parts import fetch

from .moduled import config, visited
from .site import Site

SECRET = "a_secret_of_22_characters"
POSTMARK = {"secret": SECRET, "username": "postmark", "password": "a_long_password"}
BOUNCED = {
    "RecordType": "Bounce",
    "Type": "HardBounce",
    "Details": "smtp;550 5.1.1 no such user",
}


def test_a_report_is_recorded_and_explained(site: Site, parts: Parts, capsys: pytest.CaptureFixture[str]) -> None:
    """Only the provider is believed; ``explain`` says that the message came back, and what that means for others."""
    own = {**config(site, "client"), "delivery": {"postmark": POSTMARK}}
    with visited(parts, site, own) as visit:
        address = visit.address()
        visit.newcomer().ask("add", address)
        ((message_id,),) = site.sql("SELECT id FROM matrix_threepid_messages")
        signed = signed_message_id(stored_peppers(site.folder / "threepid.secret"), message_id)
        now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        report = json.dumps({**BOUNCED, "BouncedAt": now, "Metadata": {"threepid_message": signed}}).encode()
        url = f"{visit.around.base_url}/_threepid/callbacks/postmark/{SECRET}"
        assert fetch("POST", url, report, Authorization="Basic wrong").status == 403
        basic = b64encode(f"{POSTMARK['username']}:{POSTMARK['password']}".encode()).decode()
        assert fetch("POST", url, report, Authorization=f"Basic {basic}").status == 200
        capsys.readouterr()
        assert main(["explain", address, "--config", str(site.folder / "homeserver.yaml")]) == 0
    told = capsys.readouterr().out
    assert "says postmark: 5.1.1" in told
    assert "messages came back for good (5.1.1)" in told
    assert SECRET not in (site.folder / "output.txt").read_text()
