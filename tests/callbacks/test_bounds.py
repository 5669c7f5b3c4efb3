"""What a believed provider may do: how much, how old, how often; and what its requests never do."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from attrs import evolve
from data import load

from matrix_threepid import ConfigurationError, Limits, Peppers
from matrix_threepid.endpoints import (
    METADATA,
    callback_table,
    mailgun_callbacks,
    postmark_callbacks,
    sendgrid_callbacks,
    ses_callbacks,
    twilio_callbacks,
)
from matrix_threepid.errors import Unavailable
from matrix_threepid.memory.messages import MemoryMessages
from matrix_threepid.model.delivery import DeliveryEvent, new_message_id, signed_message_id
from matrix_threepid.model.outbound import OutboundMessage
from matrix_threepid.net.fetch import Failure, HttpFailure, HttpReply
from matrix_threepid.testing import World

from . import providers as by
from .providers import NOW, SENDERS, Amazon, Mounted


def body_of(provider: str, name: str) -> Any:
    return next(case["body"] for case in load(f"callbacks/{provider}") if case["name"] == name)


class Down(MemoryMessages):
    """A store that may be down."""

    down = False

    async def record(self, event: DeliveryEvent) -> OutboundMessage | None:
        if self.down:
            raise Unavailable
        return await super().record(event)


DELIVERED, BOUNCED = body_of("mailgun", "delivered"), body_of("mailgun", "failed for ever")


@pytest.fixture
def mounted() -> Mounted:
    return Mounted()


@pytest.mark.rule("SEC-146")
def test_the_host_header_says_nothing(mounted: Mounted) -> None:
    """A signature is over our own URL: another ``Host`` changes nothing, and one for another host is not believed."""
    request = by.twilio(body_of("twilio", "delivered"))
    elsewhere = evolve(request, headers={**request.headers, "host": "evil.example.org"})
    assert mounted.answer(elsewhere).status == 200
    mounted.world.rewire(policy=evolve(mounted.world.homeserver.policy, public_base_url="https://evil.example.org"))
    assert Mounted(mounted.world).answer(elsewhere).status == 403


@pytest.mark.rule("SEC-146")
@pytest.mark.parametrize("seconds", [-301, -300, 300, 301])
def test_a_signed_time_is_within_five_minutes(mounted: Mounted, seconds: int) -> None:
    """A time that a provider signs is believed up to five minutes before and after ours, and not a second more."""
    at = NOW + seconds * 1000
    expected = 200 if abs(seconds) == 300 else 403
    assert mounted.answer(by.mailgun(DELIVERED, at=at)).status == expected
    assert mounted.answer(by.sendgrid(body_of("sendgrid", "delivered"), at=at)).status == expected


@pytest.mark.rule("SEC-146")
def test_each_provider_has_a_bound_of_its_own(mounted: Mounted) -> None:
    """A body that is longer than its provider's are is answered with 413, also where another provider may send it."""
    request = by.postmark(body_of("postmark", "delivered"))
    assert mounted.answer(evolve(request, body=request.body.ljust(262_144))).status == 200
    assert mounted.answer(evolve(request, body=request.body.ljust(262_145))).status == 413


@pytest.mark.rule("SEC-146")
def test_a_token_of_mailgun_is_believed_once(mounted: Mounted) -> None:
    """Mailgun signs no report, so a token that was used does nothing with another report."""
    assert mounted.answer(by.mailgun(DELIVERED)).status == 200
    assert mounted.answer(by.mailgun(BOUNCED)).status == 200
    assert [event.status.value for event in mounted.recorded] == ["delivered"]


def test_what_could_not_be_recorded_is_believed_again() -> None:
    """A report that met an outage is answered with 503, and recorded when the provider repeats it."""
    messages = Down()
    mounted = Mounted(World(messages=messages))
    answers = []
    for messages.down in (True, False):
        answers.append(mounted.answer(by.mailgun(DELIVERED)).status)
    assert (answers, len(mounted.recorded)) == ([503, 200], 1)


@pytest.mark.rule("SEC-146")
def test_a_body_has_at_most_1000_reports(mounted: Mounted) -> None:
    """Of a body with more reports than a thousand the first thousand are read."""
    event = body_of("sendgrid", "delivered")[0]
    other = signed_message_id(Peppers.of(by.PEPPER), new_message_id(bytes(16)))
    assert mounted.answer(by.sendgrid([{**event, METADATA: other}] * 1000 + [event])).status == 200
    assert mounted.recorded == []


@pytest.mark.rule("SEC-146")
def test_an_old_report_is_not_recorded(mounted: Mounted) -> None:
    """A report of something that happened more than 30 days ago does nothing; one from the future counts as of now."""
    event = body_of("sendgrid", "delivered")[0]
    assert mounted.answer(by.sendgrid([{**event, "timestamp": NOW // 1000 - 31 * 86_400}])).status == 200
    assert mounted.recorded == []
    assert mounted.answer(by.sendgrid([{**event, "timestamp": NOW // 1000 + 86_400}])).status == 200
    assert [each.at for each in mounted.recorded] == [NOW]


@pytest.mark.rule("SEC-146")
def test_a_provider_has_a_rate(mounted: Mounted) -> None:
    """Of one provider 2,000 requests are believed at once, then 50 a second; the others are answered with 429."""
    request = by.postmark(body_of("postmark", "delivered"))
    answers = [mounted.answer(request).status for _ in range(2001)]
    assert (answers.count(200), answers[-1]) == (2000, 429)
    assert mounted.answer(by.twilio(body_of("twilio", "delivered"))).status == 200
    mounted.world.clock.advance(1000)
    assert mounted.answer(request).status == 200


def test_a_believed_body_without_meaning_is_refused(mounted: Mounted) -> None:
    """A body that its provider signed and that is no report is answered with 400."""
    assert mounted.answer(by.sendgrid(None, raw=b"[[")).status == 400
    assert mounted.answer(by.sendgrid(None, raw=b"{}")).status == 400
    odd = [None, 1, "x", [], {"event": []}, {"event": "bounce", METADATA: {}}, {"event": "bounce", METADATA: by.SIGNED,
            "timestamp": 1e300, "status": 5, "reason": ["\ud800"]}]  # fmt: skip
    assert mounted.answer(by.sendgrid(None, raw=json.dumps(odd).encode())).status == 200
    assert [(event.status.value, event.reason, event.at) for event in mounted.recorded] == [("bounced", "", NOW)]


# -- SNS ------------------------------------------------------------------------------------------

CONFIRMATION = {
    "Type": "SubscriptionConfirmation",
    "MessageId": "00000000-0000-0000-0000-000000000002",
    "Token": "2" * 64,
    "TopicArn": by.TOPIC,
    "Message": "You have chosen to subscribe to the topic.",
    "SubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=2",
    "Timestamp": "2026-01-01T00:04:59.123Z",
    "SignatureVersion": "1",
    "SigningCertURL": by.CERTIFICATE,
}


@pytest.mark.rule("SEC-146")
def test_a_subscription_is_never_confirmed_by_itself(mounted: Mounted, caplog: pytest.LogCaptureFixture) -> None:
    """The URL that would confirm a subscription is logged for the operator and not opened."""
    assert mounted.answer(by.sns(CONFIRMATION)).status == 200
    assert mounted.amazon.asked == [by.CERTIFICATE]
    said = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert CONFIRMATION["SubscribeURL"] in said[-1].getMessage()
    assert mounted.answer(by.sns({**CONFIRMATION, "TopicArn": f"{by.TOPIC}2"})).status == 403


@pytest.mark.rule("SEC-146")
@pytest.mark.parametrize(
    "url",
    [
        by.CERTIFICATE.replace("https", "http"),
        by.CERTIFICATE.replace("sns.", "sns.evil.example.org/"),
        by.CERTIFICATE.replace(".com/", ".com.evil.example.org/"),
        by.CERTIFICATE.replace("eu-west-1", "us-east-1"),
        by.CERTIFICATE.replace("//", "//user@"),
        by.CERTIFICATE.replace(".com/", ".com:8443/"),
        by.CERTIFICATE + "?a=b",
        by.CERTIFICATE.replace("/Simple", "/../Simple"),
        "",
    ],
)
def test_a_certificate_comes_from_the_signer_alone(mounted: Mounted, url: str) -> None:
    """Nothing is fetched but certificates of SNS in the region of the topic, by their exact shape."""
    message = by.notification(body_of("ses", "delivery"), SigningCertURL=url)
    assert mounted.answer(by.sns(message)).status == 403
    assert mounted.amazon.asked == []


@pytest.mark.rule("SEC-146")
def test_strangers_cannot_keep_the_certificate_of_the_signer() -> None:
    """Certificates that a forged report names are charged to its network; that of the signer is fetched, and once."""
    world = by.with_messages()
    world.rewire(policy=evolve(world.homeserver.policy, limits=Limits()))
    mounted = Mounted(world=world)
    for number in range(61):
        made_up = by.CERTIFICATE.replace("0123", f"{number:04x}", 1)
        forged = by.notification(body_of("ses", "delivery"), SigningCertURL=made_up)
        status = mounted.answer(evolve(by.sns(forged, key="somebody else"), client="203.0.113.66")).status
        assert status == (403 if number < 60 else 429)
    mounted.amazon.asked.clear()
    report = by.ses(body_of("ses", "delivery"))
    assert [mounted.answer(report).status for _ in range(3)] == [200] * 3
    assert mounted.amazon.asked == [by.CERTIFICATE]


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (HttpFailure(Failure.TLS), 503),
        (HttpReply(500), 503),
        (HttpReply(404, by.certificate()), 403),
        (HttpReply(200, b"no certificate"), 403),
        (HttpReply(200, by.certificate(days=20)), 403),
    ],
    ids=["no TLS", "out of order", "not found", "no certificate", "expired"],
)
def test_a_certificate_that_is_none_proves_nothing(answer: HttpReply | HttpFailure, status: int) -> None:
    """Without a valid certificate nothing is believed; where it may be had later, SNS is asked to try again."""
    mounted = Mounted(amazon=Amazon(answer))
    assert mounted.answer(by.ses(body_of("ses", "delivery"))).status == status
    assert mounted.recorded == []


# -- wiring ---------------------------------------------------------------------------------------


@pytest.mark.rule("SEC-136")
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: twilio_callbacks(""), "auth_token"),
        (lambda: sendgrid_callbacks("no key"), "public_key"),
        (lambda: mailgun_callbacks(None), "signing_key"),  # type: ignore[arg-type]
        (lambda: postmark_callbacks("short", "user", "a long password"), "secret"),
        (lambda: postmark_callbacks(by.SECRET, "us:er", "a_long_password"), "username"),
        (lambda: postmark_callbacks(by.SECRET, "user", "short"), "password"),
        (lambda: ses_callbacks("arn:aws:sqs:eu-west-1:123456789012:bounces"), "topic_arn"),
        (lambda: ses_callbacks(by.TOPIC, object()), "fetch"),  # type: ignore[arg-type]
        (callback_table, "at least one"),
        (lambda: callback_table(by.twilio), "providers"),  # type: ignore[arg-type]
        (lambda: callback_table(*[twilio_callbacks("a")] * 2), "two endpoints"),
    ],
)
def test_what_could_never_work_is_refused(wrong: Any, said: str) -> None:
    """A provider that is declared wrongly is refused by the name of what is wrong, when it is declared."""
    with pytest.raises(ConfigurationError, match=said):
        wrong()


@pytest.mark.rule("SEC-146")
def test_callbacks_are_off_unless_mounted(mounted: Mounted) -> None:
    """No role serves the paths by itself; without a store of messages or a base URL they are off."""
    request = by.twilio(body_of("twilio", "delivered"))
    assert not mounted.world.service.serves(request.path)
    assert mounted.answer(evolve(request, method="OPTIONS")).status == 405
    mounted.world.rewire(policy=evolve(mounted.world.homeserver.policy, public_base_url=None))
    for world in (mounted.world, World()):
        off = Mounted(world)
        assert off.answer(request).status == 404
        assert set(off.service.off) == {f"callback_{name}" for name in SENDERS}
