"""The overview page in Chromium: what it shows is what the API says, to the last digit."""

import time
from decimal import Decimal
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from playwright.sync_api import Page, expect

from tests.support.collector import RunningCollector
from tests.support.otlp import CHAT, add_span, labels

pytestmark = pytest.mark.browser
SCREENSHOTS = Path(__file__).parents[2] / ".screenshots"
FEATURES = {"code-completion": 60, "assistant": 40, "summarize": 25, "ticket-triage": 12}
MODELS = ["gpt-5-mini", "gpt-4.1", "gpt-4o-mini"]


@pytest.fixture
def filled(collector: RunningCollector) -> RunningCollector:
    """A collector with an hour of calls, labels, an unpriced call, a failed one and a budget that breaks."""
    budget = {"name": "code completion", "filter": "feature:code-completion", "amount_usd": "0.02", "period": "month"}
    assert collector.post_json("/api/v1/budgets", budget).status == 201
    calm = {"name": "everything", "amount_usd": "1000", "period": "month"}
    assert collector.post_json("/api/v1/budgets", calm).status == 201
    request, now, number = ExportTraceServiceRequest(), time.time_ns(), 0
    for feature, count in FEATURES.items():
        for index in range(count):
            number += 1
            attributes = {
                **CHAT, "costspan.feature": feature, "costspan.customer": f"customer-{index % 5}",
                "gen_ai.response.id": f"resp_{number}",
                "gen_ai.request.model": MODELS[number % 3], "gen_ai.usage.input_tokens": 1000 + 37 * number,
            }  # fmt: skip
            add_span(request, attributes, start_ns=now - (number * 26) * 10**9)
    add_span(request, {**CHAT, "gen_ai.request.model": "house-model", "costspan.feature": "assistant"})
    add_span(request, {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-5-mini",
                       "costspan.feature": "assistant", "error.type": "RateLimitError"}, failed=True)  # fmt: skip
    assert collector.post_protobuf("/v1/traces", request).status == 200
    correct = {"gen_ai.evaluation.name": "correct"}
    verdicts = [
        {**correct, "gen_ai.evaluation.score.value": float(n % 4 > 0), "gen_ai.response.id": f"resp_{n}"} for n in range(1, 61)
    ]
    assert collector.post_protobuf("/v1/logs", labels(*verdicts)).status == 200
    return collector


def _amount(page: Page, selector: str) -> Decimal:
    value = page.locator(f"{selector} data").first.get_attribute("value")
    assert value is not None
    return Decimal(value)


def _screenshot(page: Page, name: str) -> None:
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


def test_the_page_shows_what_the_api_says(page: Page, filled: RunningCollector) -> None:
    page.goto(filled.url)
    expect(page.get_by_test_id("feature-row")).to_have_count(len(FEATURES))
    month = filled.get("/api/v1/forecast?period=month&tz=Europe/Berlin")
    assert _amount(page, "[data-testid=figure-month]") == Decimal(month["spent_usd"])
    spend = {row["feature"]: row for row in filled.get("/api/v1/spend?group_by=feature")["rows"]}
    for feature, row in spend.items():
        assert _amount(page, f'[data-testid=feature-row][data-feature="{feature}"]') == Decimal(row["cost_usd"])
    expect(page.get_by_test_id("figure-unpriced")).to_contain_text("1")
    broken = page.locator('[data-testid=budget-row][data-budget-name="code completion"]')
    expect(broken).to_have_attribute("data-state", "breached")
    expect(page.locator('[data-testid=budget-row][data-budget-name="everything"]')).to_have_attribute("data-state", "ok")
    expect(page.get_by_test_id("alert-row")).to_have_count(3)
    _screenshot(page, "overview")


def test_a_call_opens_to_its_arithmetic(page: Page, filled: RunningCollector) -> None:
    page.goto(filled.url)
    (call, *_) = [row for row in filled.get("/api/v1/calls")["rows"] if row["cost_state"] == "priced"]
    page.locator(f'[data-testid=call-row][data-span="{call["span_id"]}"]').click()
    lines = page.get_by_test_id("arithmetic-line")
    expect(lines).to_have_count(len(call["items"]))
    shown = [Decimal(str(lines.nth(index).get_attribute("data-amount"))) for index in range(lines.count())]
    assert shown == [Decimal(item["amount_usd"]) for item in call["items"]]
    assert sum(shown) == Decimal(call["cost_usd"])
    expect(page.get_by_test_id("price-source")).to_contain_text("genai-prices")
    _screenshot(page, "call")


def test_new_spend_appears_without_a_reload(page: Page, filled: RunningCollector) -> None:
    page.goto(filled.url)
    expect(page.get_by_test_id("feature-row")).to_have_count(len(FEATURES))
    request = ExportTraceServiceRequest()
    add_span(request, {**CHAT, "costspan.feature": "brand-new"})
    filled.post_protobuf("/v1/traces", request)
    expect(page.locator('[data-testid=feature-row][data-feature="brand-new"]')).to_be_visible(timeout=5000)


def test_an_empty_database_says_what_to_do_next(page: Page, collector: RunningCollector) -> None:
    page.goto(collector.url)
    expect(page.get_by_test_id("empty-state")).to_contain_text(f'costspan.init(endpoint="{collector.url}")')
    _screenshot(page, "empty")


@pytest.mark.parametrize(("name", "scheme", "width"), [("dark", "dark", 1280), ("narrow", "light", 380)])
def test_it_is_usable_dark_and_narrow(page: Page, filled: RunningCollector, name: str, scheme: str, width: int) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(filled.url)
    expect(page.get_by_test_id("feature-row")).to_have_count(len(FEATURES))
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    _screenshot(page, name)


def test_the_api_page_works_from_local_files(page: Page, collector: RunningCollector) -> None:
    page.goto(f"{collector.url}/docs")
    expect(page.get_by_text("/api/v1/spend")).to_be_visible()
