"""The page of prices in Chromium: what has no price is given one there, booked calls follow, and the way back."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from costspan_collector.invoices.mapping import load_mapping
from costspan_collector.prices.reconciling import import_file
from costspan_collector.store.database import connect
from tests.support.collector import RunningCollector, assert_books_balance
from tests.support.otlp import traces

pytestmark = pytest.mark.browser
SCREENSHOTS = Path(__file__).parents[2] / ".screenshots"


@pytest.fixture
def filled(collector: RunningCollector, tmp_path: Path) -> RunningCollector:
    own = {"gen_ai.request.model": "house-model", "gen_ai.provider.name": "vllm", "costspan.feature": "assistant"}
    collector.post_protobuf("/v1/traces", traces(3, own))
    collector.post_protobuf("/v1/traces", traces(5, {"costspan.feature": "search"}))
    collector.post_protobuf("/v1/traces", traces(2, {"costspan.cost.reported_usd": "0.00047"}))
    day = datetime.now(UTC).date()
    path = tmp_path / "costs.csv"
    path.write_text(f'start_time_iso,amount_value,amount_currency,line_item\n{day}T00:00:00+00:00,1.5,usd,"gpt-5-mini, input"\n')
    with connect(collector.database_url) as connection:
        import_file(connection, 1, path, load_mapping("openai"))
    return collector


def _screenshot(page: Page, name: str) -> None:
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


def test_a_model_without_a_price_is_given_one_and_its_calls_follow(page: Page, filled: RunningCollector) -> None:
    page.goto(f"{filled.url}/prices")
    row = page.locator('[data-testid=unpriced-row][data-model="house-model"]')
    expect(row).to_contain_text("3 unpriced")
    row.get_by_role("button", name="Give it a price").click()
    row.get_by_test_id("price-input").fill("0.5")
    row.get_by_test_id("price-output").fill("2")
    row.get_by_test_id("price-source").fill("our own sums")
    _screenshot(page, "prices")
    row.get_by_test_id("price-submit").click()
    expect(page.locator('[data-testid=rerate-row][data-state="applied"]')).to_have_count(1, timeout=10_000)
    # 200 and, cached without a rate of its own, 1,000 tokens in: partial; 80 out
    states = {call["cost_state"] for call in filled.get("/api/v1/calls")["rows"] if call["provider"] == "vllm"}
    assert states == {"partial"}
    assert_books_balance(filled.database_url)
    page.get_by_test_id("rerate-undo").click()
    expect(page.locator('[data-testid=rerate-row][data-state="undone"]')).to_have_count(1, timeout=10_000)
    states = {call["cost_state"] for call in filled.get("/api/v1/calls")["rows"] if call["provider"] == "vllm"}
    assert states == {"unpriced"}


def test_a_price_that_is_far_from_the_list_s_wants_a_second_word(
    page: Page, collector: RunningCollector, refused: list[str]
) -> None:
    refused.append("422 (Unprocessable Entity)")
    collector.post_protobuf("/v1/traces", traces(1, {"costspan.usage.cache_write_1h": 5}))
    page.goto(f"{collector.url}/prices")
    row = page.locator('[data-testid=unpriced-row][data-model="gpt-5-mini"]')
    row.get_by_role("button", name="Give it a price").click()
    row.get_by_test_id("price-input").fill("250")
    row.get_by_test_id("price-source").fill("typed for a thousand tokens")
    row.get_by_test_id("price-submit").click()
    expect(row.get_by_test_id("notice")).to_contain_text("1000 times the list's")
    expect(row.get_by_test_id("price-submit")).to_contain_text("all the same")


def test_bills_and_differences_are_those_of_the_api(page: Page, filled: RunningCollector) -> None:
    page.goto(f"{filled.url}/prices")
    bill = page.locator('[data-testid=bill-row][data-model="gpt-5-mini"]')
    expect(bill).to_have_count(1)
    [row] = [row for row in filled.get("/api/v1/reconciliation?provider=openai")["rows"] if row["model"] == "gpt-5-mini"]
    values = [bill.locator("data").nth(place).get_attribute("value") for place in range(3)]
    assert values == [row["booked_usd"], row["billed_usd"], row["difference_usd"]]
    assert Decimal(row["booked_usd"]) + Decimal(row["difference_usd"]) == Decimal("1.5")
    expect(page.get_by_test_id("difference-row")).to_contain_text("always 2 × ours")


@pytest.mark.parametrize(("name", "scheme", "width"), [("prices-dark", "dark", 1280), ("prices-narrow", "light", 380)])
def test_it_is_usable_dark_and_narrow(page: Page, filled: RunningCollector, name: str, scheme: str, width: int) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{filled.url}/prices")
    expect(page.get_by_test_id("unpriced-row")).to_have_count(1)
    expect(page.get_by_test_id("bill-row")).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    _screenshot(page, name)


def test_without_calls_every_panel_says_what_it_is_for(page: Page, collector: RunningCollector) -> None:
    page.goto(f"{collector.url}/prices")
    for name in ("nothing-unpriced", "no-rerates", "no-bills", "no-differences"):
        expect(page.get_by_test_id(name)).to_be_visible()
