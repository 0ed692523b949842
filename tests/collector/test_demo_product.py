"""The demo's product and its own books, against the catalogue that prices the same models."""

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from costspan.pricing import Pricer
from costspan_collector.demo.ledger import Difference, Spend, differences, spend_by_feature, spend_of, total
from costspan_collector.demo.models import MODELS, Model
from costspan_collector.demo.product import CUSTOMERS, FEATURES, plan
from costspan_collector.demo.standing import THRESHOLDS, CrossingWatch, budget_for
from costspan_collector.demo.trace import read_trace, sample

ROWS = read_trace()
CALLS = plan(ROWS)
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_percents_are_whole() -> None:
    assert sum(customer.percent for customer in CUSTOMERS) == 100
    for service in ("code", "conversation"):
        assert sum(feature.percent for feature in FEATURES if feature.service == service) == 100
    for feature in FEATURES:
        assert sum(route.percent for route in feature.routes) == 100


def test_the_drawn_shares_are_near_the_stated_ones() -> None:
    for feature in FEATURES:
        calls = [call for call in CALLS if call.feature is feature]
        services = sum(1 for row in ROWS if row.service == feature.service)
        assert abs(100 * len(calls) / services - feature.percent) < 2
        routes = Counter(call.route for call in calls)
        assert all(abs(100 * routes[route] / len(calls) - route.percent) < 3 for route in feature.routes)
        judged = [call for call in calls if call.correct is not None]
        assert abs(100 * len(judged) / len(calls) - feature.judged_percent) < 2
        for route in feature.routes:
            right = [call.correct for call in judged if call.route == route]
            assert abs(100 * sum(map(bool, right)) / len(right) - route.right_percent) < 6
    customers = Counter(call.customer for call in CALLS)
    assert all(abs(100 * customers[customer.name] / len(CALLS) - customer.percent) < 2 for customer in CUSTOMERS)
    assert len({call.user for call in CALLS}) == sum(customer.users for customer in CUSTOMERS)


def test_a_call_does_not_depend_on_the_sample() -> None:
    by_row = {call.row.index: call for call in CALLS}
    assert all(call == by_row[call.row.index] for call in plan(sample(ROWS, 500)))


def test_every_api_is_called_plain_and_streamed() -> None:
    used = {(call.route.api, call.route.streamed) for call in CALLS}
    assert used == {(api, streamed) for api in ("chat", "responses", "messages") for streamed in (False, True)}
    assert {call.route.asks_usage for call in CALLS if call.route.api == "chat" and call.route.streamed} == {False, True}
    assert {call.feature.runtime for call in CALLS} == {"event_loop", "threads"}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_printed_prices_are_those_of_the_catalogue(model: Model) -> None:
    for name in (model.name, model.snapshot):
        card = Pricer().card(model.provider, name, NOW)
        assert card is not None
        assert {meter: (card.rates[meter].price, card.rates[meter].per) for meter in ("input", "output")} == {
            "input": (model.input_usd_per_million, 1_000_000),
            "output": (model.output_usd_per_million, 1_000_000),
        }


def test_the_own_books_equal_the_pricer_call_by_call() -> None:
    pricer = Pricer()
    for call in CALLS:
        model, row = call.route.model, call.row
        cost = pricer.price(model.provider, model.snapshot, {"input": row.input_tokens, "output": row.output_tokens}, NOW)
        assert (cost.state, cost.amount) == ("priced", spend_of(call).cost_usd)


def test_the_whole_trace_costs_this() -> None:
    books = spend_by_feature(CALLS)
    assert books == {
        "code-completion": Spend(8_819, 18_059_974, 245_896, Decimal("18.18325675"), 2_660, 2_164),
        "assistant": Spend(10_696, 12_321_451, 2_257_820, Decimal("34.0908309"), 1_602, 1_371),
        "summarize": Spend(4_747, 5_536_632, 998_445, Decimal("5.0327889"), 946, 838),
        "ticket-triage": Spend(3_923, 4_503_787, 832_400, Decimal("3.51311895"), 2_321, 2_113),
    }
    assert total(books).cost_usd == Decimal("60.8199955")


def test_one_call_by_hand() -> None:
    call = CALLS[0]
    assert (call.route.model.name, call.row.input_tokens, call.row.output_tokens) == ("gpt-4o-mini", 374, 44)
    # 374 x $0.15 + 44 x $0.60 = $82.50, per million.
    assert spend_of(call) == Spend(1, 374, 44, Decimal("0.0000825"))


def test_equal_books_have_no_difference() -> None:
    books = spend_by_feature(CALLS[:1_000])
    assert differences(books, dict(books), total(books)) == ()


def test_the_last_digit_is_a_difference() -> None:
    books = spend_by_feature(CALLS[:1_000])
    nearly = books | {"assistant": books["assistant"] + Spend(cost_usd=Decimal("0.000000000000000001"))}
    wanted, found = books["assistant"].cost_usd, nearly["assistant"].cost_usd
    assert differences(books, nearly, total(books)) == (Difference("assistant", "cost_usd", wanted, found),)


def test_missing_foreign_and_misadded_spend_are_differences() -> None:
    books = {"a": Spend(2, 20, 4, Decimal("0.5"), 1, 1)}
    found = {"b": Spend(calls=1)}
    assert differences(books, found, Spend(2, 20, 4, Decimal("0.5"), 1, 0)) == (
        Difference("a", "calls", 2, 0),
        Difference("a", "input_tokens", 20, 0),
        Difference("a", "output_tokens", 4, 0),
        Difference("a", "cost_usd", Decimal("0.5"), Decimal(0)),
        Difference("a", "labelled_calls", 1, 0),
        Difference("a", "correct_calls", 1, 0),
        Difference("b", "calls", 0, 1),
        Difference("total", "correct_calls", 1, 0),
    )


@pytest.mark.parametrize("count", [100, 5_000, 28_185])
def test_the_budget_breaks_midway(count: int) -> None:
    calls = plan(sample(ROWS, count))
    budget = budget_for(spend_by_feature(calls), NOW)
    watch = CrossingWatch(budget)
    crossed = []
    for number, call in enumerate(calls):
        before = set(watch.crossed_s)
        watch.add(call)
        crossed += [(threshold, number / count) for threshold in set(watch.crossed_s) - before]
    assert [threshold for threshold, _ in crossed] == list(THRESHOLDS)
    assert 0.3 < crossed[-1][1] < 0.8


@pytest.mark.parametrize(
    ("now", "timezone"),
    [
        (datetime(2026, 11, 23, 12, tzinfo=UTC), "UTC"),
        (datetime(2026, 11, 30, 23, 29, tzinfo=UTC), "UTC"),
        (datetime(2026, 11, 30, 23, 31, tzinfo=UTC), "Etc/GMT+12"),
        (datetime(2026, 12, 1, tzinfo=UTC), "UTC"),
    ],
)
def test_no_month_ends_during_the_demo(now: datetime, timezone: str) -> None:
    assert budget_for(spend_by_feature(CALLS[:1_000]), now).timezone == timezone
