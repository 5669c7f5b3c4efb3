"""``python -m matrix_threepid check --config homeserver.yaml``: the module's parts, and what Synapse must be told."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from matrix_threepid.__main__ import main

from .running import PASSWORD, PATH, smtp, synapse, twilio, written

ROOT = Path(__file__).parents[2]
SMS = {"countries": ["GB"], "twilio": twilio()}
ALONE: dict[str, Any] = {"delegate_path": PATH, "sms": SMS}
SERVED: dict[str, Any] = {"endpoints": "client", "email": {"smtp": smtp()}, "sms": SMS}
LISTENER = {"port": 8008, "type": "http", "resources": [{"names": ["client", "federation"]}]}


@pytest.fixture
def config(tmp_path: Path) -> dict[str, Any]:
    """What every section needs: a place for its secret."""
    return {"secret_file": str(tmp_path / "threepid.secret")}


def part(shown: str, heading: str) -> str:
    """Return what stands below a heading."""
    return shown.partition(f"\n{heading}:\n")[2].partition("\n\n")[0]


@pytest.mark.parametrize(
    ("settings", "on", "off"),
    [
        (ALONE, ["SMS for Synapse's own endpoints: on"], ["all endpoints: endpoints is not set", "deletes that wait"]),
        (SERVED, ["all endpoints: in front of", "deletes that wait for no identity server: on"], ["SMS for Synapse's"]),
        ({"identity_servers": {}}, ["deletes that wait for no identity server: on"], ["SMS for", "all endpoints"]),
    ],
    ids=["SMS alone", "endpoints", "unbind guard"],
)
def test_parts_are_said_to_be_on_or_off(
    config: dict[str, Any],
    settings: dict[str, Any],
    on: list[str],
    off: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Which parts are on, and why the others are off; nothing is made, and no secret printed."""
    assert main(["check", "--config", written(tmp_path, synapse({**config, **settings}), "homeserver.yaml")]) == 0
    shown = capsys.readouterr().out
    assert all(f"\n{each}" in shown for each in on)
    assert all(each in part(shown, "off") for each in off)
    assert (PASSWORD in shown, PATH in shown, Path(config["secret_file"]).exists()) == (False, False, False)


@pytest.mark.parametrize(
    ("settings", "own", "said"),
    [
        (ALONE, {"account_threepid_delegates": None}, "account_threepid_delegates.msisdn: must be set"),
        (
            ALONE,
            {"account_threepid_delegates": {"msisdn": f"http://127.0.0.1:8008{PATH}0"}},
            "account_threepid_delegates.msisdn: its path must be delegate_path",
        ),
        (
            ALONE,
            {"account_threepid_delegates": {"msisdn": f"http://localhost:9{PATH}"}},
            "account_threepid_delegates.msisdn: no HTTP listener has its port, 9",
        ),
        (
            ALONE,
            {"account_threepid_delegates": {"msisdn": f"http://[::1{PATH}"}},
            "account_threepid_delegates.msisdn: is no URL",
        ),
        ({**SERVED, "email": {}}, {}, "email.notif_from: must be set"),
        ({**SERVED, "endpoints": "separate"}, {}, "listeners: none of type http has resources: []"),
        (SERVED, {"listeners": [{**LISTENER, "resources": [{"names": ["federation"]}]}]}, "listeners: none of type"),
        (SERVED, {"listeners": [{**LISTENER, "type": "metrics"}]}, "listeners: none of type http has client resources"),
        (
            SERVED,
            {"matrix_authentication_service": {"enabled": True}},
            "endpoints: are not for a server whose accounts",
        ),
        (SERVED, {"experimental_features": {"msc3861": {"enabled": True}}}, "endpoints: are not for a server whose"),
        ({"endpoints": "client"}, {}, "endpoints: without email and sms no address can be validated"),
        ({"secret_file": "/nowhere/at/all", **SERVED}, {}, "secret_file: its folder does not exist"),
        ({"secret_file": str(ROOT), **SERVED}, {}, "secret_file: Is a directory"),
    ],
)
def test_what_synapse_must_be_told_is_looked_at(
    config: dict[str, Any],
    settings: dict[str, Any],
    own: dict[str, Any],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Settings of Synapse's own that keep a part from working are wrong, each by its name."""
    file = written(tmp_path, synapse({**config, **settings}, **own), "homeserver.yaml")
    assert main(["check", "--config", file]) == 1
    shown = capsys.readouterr().out
    assert part(shown, "wrong").strip().startswith(said)
    assert PATH not in shown


def test_everything_in_order_is_found_in_order(
    config: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All parts at once, on a listener of their own, with a secret that is there already."""
    Path(config["secret_file"]).write_bytes(bytes(32))
    separate = {"port": 8009, "type": "http", "x_forwarded": True, "bind_addresses": ["127.0.0.1"], "resources": []}
    settings = {
        **config,
        **ALONE,
        **SERVED,
        "endpoints": "separate",
        "email": {},
        "identity_servers": {"ports": [8448]},
    }
    own = {"listeners": [LISTENER, separate], "email": {"notif_from": "Example <a@example.org>"}}
    file = written(tmp_path, synapse(settings, **own), "homeserver.yaml")
    assert main(["check", "--config", file, "--strict"]) == 0
    shown = capsys.readouterr().out
    assert "\nidentity servers: at port 443, 8448; one request waits 10 s at most\n" in shown
    assert "wrong:" not in shown


def test_a_secret_that_is_too_short_is_wrong(
    config: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The secret is looked at and not shown."""
    Path(config["secret_file"]).write_text(PASSWORD)
    assert main(["check", "--config", written(tmp_path, synapse({**config, **SERVED}), "homeserver.yaml")]) == 1
    shown = capsys.readouterr().out
    assert "secret_file: a pepper is a bytes value of at least 32 bytes" in shown
    assert PASSWORD not in shown


def test_a_proxy_that_nobody_believes_is_named(
    config: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On loopback without ``x_forwarded`` all clients are one to the limits: nothing for production."""
    own = {"listeners": [{**LISTENER, "bind_addresses": ["127.0.0.1", "::1"]}]}
    file = written(tmp_path, synapse({**config, **SERVED}, **own), "homeserver.yaml")
    assert (main(["check", "--config", file]), main(["check", "--config", file, "--strict"])) == (0, 1)
    assert "listener 8008: without x_forwarded everybody is one client" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("own", "policy", "said"),
    [
        ({"request_token_inhibit_3pid_errors": True}, {}, "hide_known_addresses: True, in place of False"),
        ({"enable_3pid_changes": False}, {}, "changes_enabled: False, in place of True"),
        (
            {"next_link_domain_whitelist": ["b.org", "a.org"]},
            {},
            "next_link_hosts: ['a.org', 'b.org'], in place of None",
        ),
        ({"enable_registration": False}, {}, "registration_enabled: False, in place of True"),
        ({"enable_3pid_changes": False}, {"changes_enabled": True}, ""),
        (
            {"email": {"validation_token_lifetime": "30m"}},
            {},
            "lifetimes.token: 1800000, in place of 3600000",
        ),
        ({"email": {"validation_token_lifetime": "30m"}}, {"lifetimes": {"token": 3_600_000}}, ""),
        (
            {"email": {"enable_notifs": True, "client_base_url": "https://app.example.org/"}},
            {},
            "code_host: 'app.example.org', in place of ''",
        ),
        ({"email": {"client_base_url": "https://app.example.org/"}}, {}, ""),
        ({"rc_3pid_validation": {"per_second": 0.003, "burst_count": 5}}, {}, ""),
        (
            {"rc_3pid_validation": {"per_second": 0.05, "burst_count": 20}},
            {"limits": {"per_client": {"burst": 20, "per_second": 0.005555555555555556}}},
            "limits.per_address: 20 at once, then one every 20 s, in place of 5 at once, then one every 333.333 s",
        ),
    ],
)
def test_what_synapse_has_chosen_counts(
    config: dict[str, Any],
    own: dict[str, Any],
    policy: dict[str, Any],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The policy is the one the module will have: Synapse's own choices, unless the section has others."""
    around = {"enable_registration": True, **own}
    file = written(tmp_path, synapse({**config, **SERVED, "policy": policy}, **around), "homeserver.yaml")
    assert main(["check", "--config", file]) == 0
    assert part(capsys.readouterr().out, "chosen other than the default").strip() == said


def test_the_mailbox_is_synapses_unless_the_module_has_one(
    config: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """``email.smtp`` without ``from`` takes ``notif_from`` with the name of the app; without both it is refused."""
    server = {name: value for name, value in smtp().items() if name != "from"}
    settings = {**config, **SERVED, "email": {"smtp": server}}
    own = {"email": {"notif_from": "%(app)s <a@example.org>", "app_name": "Example"}}
    assert main(["check", "--config", written(tmp_path, synapse(settings, **own), "homeserver.yaml")]) == 0
    assert main(["check", "--config", written(tmp_path, synapse(settings), "homeserver.yaml")]) == 2
    assert "email.smtp.from: is required" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("settings", "code"),
    [(ALONE, 0), ({"identity_servers": {}}, 0), (SERVED, 2), ({**ALONE, **SERVED}, 2)],
    ids=["SMS alone", "unbind guard", "endpoints", "everything"],
)
def test_the_base_url_is_judged_where_links_are_made(
    config: dict[str, Any], settings: dict[str, Any], code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A ``public_baseurl`` that is not https is refused, by this name, where tokens go below it, and nowhere else."""
    own = {"public_baseurl": "http://matrix.example.org/"}
    file = written(tmp_path, synapse({**config, **settings}, **own), "homeserver.yaml")
    assert main(["check", "--config", file]) == code
    assert capsys.readouterr().err.startswith("check: public_baseurl: must be https" if code else "")


LOST = [
    ({"email": {"add_threepid_template_html": "x"}}, "email.add_threepid_template_html: is not used"),
    ({"email": {"template_dir": "x"}}, "email.template_dir: is not used"),
    ({"email": {"subjects": {"password_reset": "x"}}}, "email.subjects.password_reset: is not used"),
    ({"email": {"validation_token_lifetime": "2w"}}, "email.validation_token_lifetime: is followed up to a day"),
    ({"rc_3pid_validation": {"per_second": 0, "burst_count": 3}}, "rc_3pid_validation: is not followed"),
    ({"account_threepid_delegates": {"msisdn": "http://127.0.0.1"}}, "account_threepid_delegates.msisdn: is not asked"),
    ({"federation_ip_range_blacklist": []}, "federation_ip_range_blacklist: lets private addresses through"),
    ({"password_config": {"enabled": "only_for_reauth"}}, "password reset: password_config lets no account"),
]


@pytest.mark.parametrize(("own", "said"), LOST, ids=[said for _, said in LOST])
def test_what_loses_its_effect_is_named(
    config: dict[str, Any], own: dict[str, Any], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A setting of Synapse's own that has no effect with ``endpoints`` is named, and with the delegate alone not."""
    for settings, named in ((SERVED, True), (ALONE, False)):
        around = {"account_threepid_delegates": {"msisdn": f"http://127.0.0.1:8008{PATH}"}} if not named else {}
        file = written(tmp_path, synapse({**config, **settings}, **{**own, **around}), "homeserver.yaml")
        assert main(["check", "--config", file]) == 0
        assert (said in part(capsys.readouterr().out, "off")) is named


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"server_name": None}, "server_name: is required"),
        ({"modules": []}, "modules: must name matrix_threepid.synapse.Threepids once"),
        ({"modules": None}, "modules: must name matrix_threepid.synapse.Threepids once"),
    ],
)
def test_a_file_without_the_module_is_refused(
    config: dict[str, Any], settings: dict[str, Any], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Code 2, and what is missing."""
    assert (
        main(["check", "--config", written(tmp_path, synapse({**config, **SERVED}, **settings), "homeserver.yaml")])
        == 2
    )
    assert capsys.readouterr().err == f"check: {said}\n"


@pytest.mark.parametrize(("left_out", "kept"), [("sms", "email"), ("email", "sms")])
def test_a_medium_the_endpoints_refuse_is_off(
    config: dict[str, Any], left_out: str, kept: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The endpoints take over mail and phone together; a medium without a section is named, and the other is not."""
    settings = {name: value for name, value in {**config, **SERVED}.items() if name != left_out}
    assert main(["check", "--config", written(tmp_path, synapse(settings), "homeserver.yaml")]) == 0
    off = part(capsys.readouterr().out, "off")
    assert f"{left_out}: is not set, so its addresses are answered M_THREEPID_MEDIUM_NOT_SUPPORTED" in off
    assert f"{kept}: is not set" not in off


def test_a_file_without_any_module_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Synapse's file is not taken for a host's: what it lacks is our module, not a sender."""
    own = {name: value for name, value in synapse({}).items() if name != "modules"}
    assert main(["check", "--config", written(tmp_path, own, "homeserver.yaml")]) == 2
    assert capsys.readouterr().err == "check: modules: must name matrix_threepid.synapse.Threepids once\n"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"secret_file": None}, "config.secret_file: is required"),
        ({"delegate_path": "/short"}, "config.delegate_path: must be"),
        ({"sms": {"countries": []}}, "config.sms: give either twilio or gateway"),
        ({"policy": {"legacy_add": "never"}}, "config.policy.legacy_add: must be one of"),
        ({"policy": 3}, "config.policy: must be an object"),
    ],
)
def test_a_setting_of_the_module_that_cannot_be_is_named(
    config: dict[str, Any],
    changes: dict[str, Any],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The module's own rules hold, and whoever breaks one hears which, in one line."""
    settings = {**config, **SERVED, **changes}
    assert main(["check", "--config", written(tmp_path, synapse(settings), "homeserver.yaml")]) == 2
    told = capsys.readouterr().err
    assert (told.count("\n"), told.startswith(f"check: {said}")) == (1, True)


def test_what_the_docs_tell_people_to_write_is_right(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both snippets of the page about Synapse, in a ``homeserver.yaml``, are found in order."""
    page = (ROOT / "docs" / "hosts" / "synapse.md").read_text("utf-8")
    snippets = [
        text for text in re.findall(r"^```yaml\n(.*?)^```", page, re.DOTALL | re.MULTILINE) if "modules:" in text
    ]
    around = "server_name: example.org\nlisteners: [{port: 8008, type: http, resources: [{names: [client]}]}]\n"
    for snippet in snippets:
        filled = snippet.replace("/data/", f"{tmp_path}/").replace("…", "X0")
        (tmp_path / "homeserver.yaml").write_text(around + filled, "utf-8")
        code = main(["check", "--config", str(tmp_path / "homeserver.yaml")])
        assert (code, capsys.readouterr().err) == (0, "")
    assert len(snippets) == 2


def test_reports_of_providers_are_named(
    config: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With ``delivery`` it is said who reports what becomes of messages; what is wrong there is named."""
    settings = {**config, **SERVED, "delivery": {"mailgun_signing_key": PASSWORD}}
    file = written(tmp_path, synapse(settings), "homeserver.yaml")
    assert main(["check", "--config", file]) == 0
    assert "\nwhat becomes of messages: recorded; reported by mailgun\n" in (shown := capsys.readouterr().out)
    assert PASSWORD not in shown
    written(tmp_path, synapse({**settings, "delivery": {"ses_topic_arn": "no topic"}}), "homeserver.yaml")
    assert main(["check", "--config", file]) != 0
    assert "delivery: " in "".join(capsys.readouterr())
    written(tmp_path, synapse({**settings, "endpoints": "shadow"}), "homeserver.yaml")
    assert main(["check", "--config", file]) != 0
    assert "delivery: needs delegate_path, or endpoints, client or separate" in "".join(capsys.readouterr())
