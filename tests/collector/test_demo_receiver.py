"""The demo's webhook, sent to as the collector sends: signed as the Standard Webhooks specification says."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import urllib3
from standardwebhooks import Webhook

from costspan_collector.demo.receiver import WebhookReceiver
from costspan_collector.notify.channels import send_webhook

ALERT = {"id": "a1", "threshold": "0.8", "state": "warned", "reason": "80% reached"}
BODY = {"type": "budget.threshold_crossed", "timestamp": "2026-11-23T12:00:00Z", "data": ALERT}


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver() as running:
        yield running


def send(receiver: WebhookReceiver, body: bytes, *, secret: str | None = None, sent: timedelta = timedelta()) -> int:
    now = datetime.now(UTC) + sent
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret or receiver.secret).sign("msg_1", now, body.decode()),
    }
    return post(receiver.url, body, headers)


def post(url: str, body: bytes, headers: dict[str, str]) -> int:
    with urllib3.PoolManager(retries=False) as pool:
        return int(pool.request("POST", url, body=body, headers=headers).status)


def test_the_collectors_own_sender_is_accepted(receiver: WebhookReceiver) -> None:
    channel: dict[str, Any] = {"type": "webhook", "url": receiver.url, "secret": receiver.secret}
    before_s = time.monotonic()
    outcome = send_webhook(channel, "1", BODY, datetime.now(UTC))
    assert (outcome.delivered, outcome.text) == (True, "HTTP 204")
    assert receiver.wait_for(1, 5)
    (delivery,) = receiver.deliveries
    assert delivery.alert == ALERT
    assert delivery.threshold == Decimal("0.8")
    assert before_s <= delivery.received_s <= time.monotonic()
    assert receiver.refusals == ()


def test_a_repeated_message_is_one_alert(receiver: WebhookReceiver) -> None:
    assert [send(receiver, json.dumps(BODY).encode()) for _ in range(3)] == [204, 204, 204]
    assert len(receiver.deliveries) == 1


def test_a_foreign_signature_is_refused(receiver: WebhookReceiver) -> None:
    foreign = "whsec_" + "A" * 32
    assert send(receiver, json.dumps(BODY).encode(), secret=foreign) == 401
    assert receiver.refusals == ("not rightly signed: No matching signature found",)
    assert receiver.deliveries == ()


def test_an_old_message_is_refused(receiver: WebhookReceiver) -> None:
    assert send(receiver, json.dumps(BODY).encode(), sent=timedelta(minutes=-6)) == 401
    assert receiver.refusals == ("not rightly signed: Message timestamp too old",)


def test_an_unsigned_message_is_refused(receiver: WebhookReceiver) -> None:
    assert post(receiver.url, json.dumps(BODY).encode(), {}) == 401
    assert receiver.refusals == ("not rightly signed: Missing required headers",)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "not rightly signed"),
        (b"[]", "not a message of type budget.threshold_crossed"),
        (b'{"type": "other", "data": {"threshold": "1"}}', "not a message of type budget.threshold_crossed"),
        (b'{"type": "budget.threshold_crossed", "data": {}}', "data: an alert with a threshold is missing"),
        (b'{"type": "budget.threshold_crossed"}', "data: an alert with a threshold is missing"),
    ],
)
def test_a_signed_message_that_is_no_alert_is_refused(receiver: WebhookReceiver, body: bytes, reason: str) -> None:
    assert send(receiver, body) == 401
    (refusal,) = receiver.refusals
    assert refusal.startswith(reason)


def test_other_paths_are_refused(receiver: WebhookReceiver) -> None:
    assert post(receiver.url + "/else", b"{}", {}) == 400
    assert receiver.deliveries == ()


def test_waiting_is_bounded(receiver: WebhookReceiver) -> None:
    assert not receiver.wait_for(1, 0.1)
