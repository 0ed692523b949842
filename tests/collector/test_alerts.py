"""Budgets over HTTP, their alerts, and their delivery to real webhook servers that fail and come back."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from tests.support.collector import Answer, RunningCollector, assert_books_balance, running_collector
from tests.support.otlp import CHAT_COST, traces


@dataclass
class Receiver:
    """A webhook server: answers with the ``answers`` in turn, then 204."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    messages: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def wait_for(self, count: int, within_s: float = 10) -> None:
        deadline = time.monotonic() + within_s
        while len(self.messages) < count and time.monotonic() < deadline:
            time.sleep(0.02)
        assert len(self.messages) >= count, f"{len(self.messages)} of {count} messages arrived"


@contextmanager
def _receiver(*answers: int) -> Iterator[Receiver]:
    receiver = Receiver(answers=list(answers))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.messages.append(({k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(receiver.answers.pop(0) if receiver.answers else 204)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield receiver
    server.shutdown()
    server.server_close()


def _create(collector: RunningCollector, **fields: Any) -> Answer:
    return collector.post_json("/api/v1/budgets", {"name": "search", "filter": "feature:search", "amount_usd": "0.001", **fields})


def _send(collector: RunningCollector, count: int, feature: str = "search") -> None:
    assert collector.post_protobuf("/v1/traces", traces(count, {"costspan.feature": feature})).status == 200


def test_each_threshold_alerts_once_and_is_delivered_signed(collector: RunningCollector) -> None:
    with _receiver() as receiver:
        created = _create(collector, channels=[{"type": "webhook", "url": receiver.url}])
        assert created.status == 201
        secret = created.json["channels"][0]["secret"]
        _send(collector, 50, feature="other")
        _send(collector, 2)  # 0.00047
        assert collector.get("/api/v1/alerts")["rows"] == []
        _send(collector, 1)  # 0.000705: half is crossed
        receiver.wait_for(1)
        for _ in range(3):
            _send(collector, 1)  # up to 0.00141: 80% and 100% are crossed
        receiver.wait_for(3)
        time.sleep(1.5)
        assert len(receiver.messages) == 3
    facts = []
    for headers, body in receiver.messages:
        Webhook(secret).verify(body, headers)
        message = json.loads(body)
        assert message["type"] == "budget.threshold_crossed"
        facts.append((message["data"]["threshold"], message["data"]["state"], message["data"]["spent_usd"]))
    assert facts == [("0.5", "warned", "0.000705"), ("0.8", "warned", "0.00094"), ("1", "breached", "0.001175")]
    last = json.loads(receiver.messages[-1][1])["data"]
    assert last["reason"].startswith("search: $0.001175 spent of $0.001 in the month from ")
    # drivers are counted when the message is made: the spend that broke the budget, or with what followed at once
    assert [(driver["dimension"], driver["value"]) for driver in last["drivers"]] == [
        ("feature", "search"),
        ("model", "gpt-5-mini"),
        ("customer", None),
    ]
    assert {driver["cost_usd"] for driver in last["drivers"]} <= {"0.001175", "0.00141"}
    alerts = collector.get("/api/v1/alerts")["rows"]
    assert [alert["threshold"] for alert in alerts] == ["1", "0.8", "0.5"]
    assert all(alert["deliveries"][0]["state"] == "delivered" for alert in alerts)
    standing = collector.get(f"/api/v1/budgets/{created.json['id']}/standings")["rows"][0]
    assert (standing["spent_usd"], standing["ratio"], standing["state"]) == ("0.00141", "1.41", "breached")


def test_a_failing_receiver_is_tried_again_with_the_same_id(collector: RunningCollector) -> None:
    with _receiver(500, 302) as receiver:
        _create(collector, thresholds=["1"], channels=[{"type": "webhook", "url": receiver.url}])
        _send(collector, 10)
        receiver.wait_for(3, within_s=15)
    assert len({headers["webhook-id"] for headers, _ in receiver.messages}) == 1
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        delivery = collector.get("/api/v1/alerts")["rows"][0]["deliveries"][0]
        if delivery["state"] == "delivered":
            break
        time.sleep(0.05)
    assert (delivery["state"], delivery["attempts"], delivery["last_outcome"]) == ("delivered", 3, "HTTP 204")
    outcomes = collector.sql("SELECT outcome FROM delivery_attempt ORDER BY attempt")
    assert outcomes == [("HTTP 500",), ("HTTP 302",), ("HTTP 204",)]


def test_two_collectors_on_one_database_alert_once(database_url: str) -> None:
    with _receiver() as receiver, running_collector(database_url) as one, running_collector(database_url) as two:
        _create(one, channels=[{"type": "webhook", "url": receiver.url}], thresholds=["1"])
        threads = [threading.Thread(target=_send, args=(c, 2)) for c in (one, two) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        receiver.wait_for(1)
        time.sleep(1.5)
        assert len(receiver.messages) == 1
        assert one.get("/api/v1/spend")["totals"]["cost_usd"] == str(Decimal(CHAT_COST) * 40).rstrip("0")
        standing = two.sql("SELECT spent_usd FROM budget_standing")
        assert standing == [(Decimal(CHAT_COST) * 40,)]
    assert assert_books_balance(database_url) == 40


def test_a_budget_made_late_counts_and_alerts_what_was_spent_before(collector: RunningCollector) -> None:
    _send(collector, 10)
    _create(collector, period="day", thresholds=["0.5", "2", "3"])
    assert [a["threshold"] for a in collector.get("/api/v1/alerts")["rows"]] == ["2", "0.5"]
    _send(collector, 3)  # 0.003055
    assert [a["threshold"] for a in collector.get("/api/v1/alerts")["rows"]] == ["3", "2", "0.5"]


def test_fan_out_keeps_a_standing_for_each_value(collector: RunningCollector) -> None:
    created = _create(collector, filter="", fan_out=["feature"], thresholds=["1"])
    _send(collector, 2)
    _send(collector, 5, feature="chat")
    _send(collector, 1)
    rows = collector.get(f"/api/v1/budgets/{created.json['id']}/standings")["rows"]
    assert [(row["scope"], row["spent_usd"], row["state"]) for row in rows] == [
        ('feature:"chat"', "0.001175", "breached"),
        ('feature:"search"', "0.000705", "ok"),
    ]
    (alert,) = collector.get("/api/v1/alerts")["rows"]
    assert alert["scope"] == 'feature:"chat"'


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"amount_usd": 0.1}, "write amounts as decimal strings"),
        ({"amount_usd": "-1"}, "amount_usd"),
        ({"amount_usd": "NaN"}, "amount_usd"),
        ({"amount_usd": "1e30"}, "amount_usd"),
        ({"thresholds": ["0.8", "0.5"]}, "ascending order"),
        ({"thresholds": []}, "thresholds"),
        ({"period": "fortnight"}, "'hour', 'day', 'week' or 'month'"),
        ({"timezone": "Mars/Olympus"}, "must be an IANA time zone"),
        ({"filter": "colour:red"}, "unknown dimension 'colour'"),
        ({"fan_out": ["user"]}, "must be different dimensions out of environment"),
        ({"channels": [{"type": "webhook", "url": "ftp://x"}]}, "must be an http or https address"),
        ({"channels": [{"type": "webhook", "url": "http://x", "secret": "s"}]}, "must be whsec_ followed by"),
        ({"treshold": 1}, "treshold"),
    ],
)
def test_bad_budgets_are_refused_in_words(collector: RunningCollector, fields: dict[str, Any], words: str) -> None:
    answer = _create(collector, **fields)
    assert answer.status == 422
    assert words in answer.json["error"]["message"]


def test_budgets_are_listed_without_secrets_and_deleted(collector: RunningCollector) -> None:
    created = _create(collector, channels=[{"type": "webhook", "url": "http://127.0.0.1:1/x"}]).json
    assert _create(collector).status == 409
    (listed,) = collector.get("/api/v1/budgets")["rows"]
    assert "secret" not in listed["channels"][0]
    path = f"/api/v1/budgets/{created['id']}"
    assert collector.get(path) == listed
    assert collector.request("DELETE", path).status == 204
    assert collector.request("DELETE", path).status == 404
    _send(collector, 100)
    assert collector.get("/api/v1/alerts")["rows"] == []
