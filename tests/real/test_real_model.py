"""End to end against a real model: real tokens, real latency, real accuracy, a self-hosted price."""

from collections import Counter
from decimal import Decimal

import pytest

import costspan
from costspan import money
from tests.real.conftest import Run
from tests.real.questions import QUESTIONS
from tests.real.scenario import Seen
from tests.real.self_hosted import SelfHosted, cost_of, one_at_a_time
from tests.real.server import MODEL
from tests.support.collector import assert_books_balance

# The whole scenario runs in the set-up of the first test.
pytestmark = pytest.mark.timeout(900)

CLOCK_MS = Decimal("0.002")  # what is cut off where nanoseconds become microseconds


def _plain(run: Run) -> list[Seen]:
    return [seen for seen in run.seen if not seen.is_stream]


def _streamed(run: Run) -> list[Seen]:
    return [seen for seen in run.seen if seen.is_stream]


def test_every_call_is_booked_exactly_once(run: Run) -> None:
    questions = sum(map(len, QUESTIONS.values()))
    assert len(_plain(run)) == len(_streamed(run)) == 2 * questions
    assert Counter(row["response_id"] for row in run.rows) == Counter(seen.response_id for seen in run.seen)
    assert assert_books_balance(run.collector.database_url) == len(run.seen)
    stats = costspan.stats()
    assert (stats["calls"], stats["spans_sent"], stats["labels_sent"]) == (len(run.seen),) * 3
    assert (stats["dropped"], stats["internal_errors"]) == ({}, 0)


def test_each_call_is_booked_for_whom_it_was_made(run: Run) -> None:
    for seen in run.seen:
        row, asked = run.row_of[seen.response_id], seen.asked
        assert (row["feature"], row["customer"], row["user"]) == (asked.feature, asked.customer, asked.user)
        assert row["tags"] == {"question": asked.key, "client": seen.client}
        assert (row["service"], row["environment"], row["response_model"]) == ("quiz", "test", MODEL)
        assert (row["streamed"], row["error_type"]) == (seen.is_stream, None)


def test_the_tokens_of_plain_calls_are_those_that_the_server_reported(run: Run) -> None:
    for seen in _plain(run):
        row = run.row_of[seen.response_id]
        assert seen.usage is not None
        assert min(seen.usage) > 0
        assert (row["input_tokens"], row["output_tokens"]) == seen.usage
        # a model that no catalogue prices
        assert (row["cost_state"], row["cost_usd"]) == ("unpriced", None)
        assert row["cost_reason"].startswith("no price for model")


def test_a_stream_without_usage_is_booked_and_says_so(run: Run) -> None:
    for seen in _streamed(run):
        row = run.row_of[seen.response_id]
        assert seen.usage is None, "the server has learnt to report the usage of streams: expect its figures here"
        assert seen.text
        assert (row["usage"], row["input_tokens"], row["output_tokens"]) == (None, None, None)
        assert (row["cost_state"], row["cost_usd"]) == ("unpriced", None)
        assert row["cost_reason"].startswith("no_usage")


def test_the_latency_is_what_the_application_measured(run: Run) -> None:
    for seen in run.seen:
        row = run.row_of[seen.response_id]
        duration_ms = Decimal(row["duration_ms"])
        measured_ms = Decimal(seen.duration_ms)
        assert measured_ms / 2 < duration_ms <= measured_ms + CLOCK_MS
        if seen.first_chunk_ms is None:
            assert row["ttft_ms"] is None
        else:
            first_ms = Decimal(seen.first_chunk_ms)
            assert first_ms / 2 < Decimal(row["ttft_ms"]) <= first_ms + CLOCK_MS
            assert Decimal(row["ttft_ms"]) < duration_ms


def test_the_accuracy_is_what_the_answers_deserve(run: Run) -> None:
    assert {seen.response_id: seen.is_right for seen in run.seen} == {row["response_id"]: row["correct"] for row in run.rows}
    spend = run.collector.get("/api/v1/spend?group_by=feature")
    counted = {
        feature: (len(own), sum(seen.is_right for seen in own))
        for feature in QUESTIONS
        if (own := [seen for seen in run.seen if seen.asked.feature == feature])
    }
    assert {row["feature"]: (row["labelled_calls"], row["correct_calls"]) for row in spend["rows"]} == counted
    # a model of this size answers some questions rightly and not all
    assert 0 < spend["totals"]["correct_calls"] < len(run.seen)


@pytest.mark.parametrize("dimension", ["feature", "customer"])
def test_spend_adds_up_to_the_calls(run: Run, dimension: str) -> None:
    spend = run.collector.get(f"/api/v1/spend?group_by={dimension}")
    expected: dict[str, list[int]] = {}
    for seen in run.seen:
        sums = expected.setdefault(getattr(seen.asked, dimension), [0, 0, 0])
        for index, number in enumerate((1, *(seen.usage or (0, 0)))):
            sums[index] += number
    found = {row[dimension]: [row["calls"], row["input_tokens"], row["output_tokens"]] for row in spend["rows"]}
    assert found == expected
    totals = spend["totals"]
    assert (totals["calls"], totals["unpriced_calls"], totals["errors"]) == (len(run.seen), len(run.seen), 0)
    assert Decimal(totals["cost_usd"]) == 0


def test_the_self_hosted_price_makes_the_tokens_carry_the_machine_s_time(
    run: Run, price: SelfHosted, pytestconfig: pytest.Config
) -> None:
    alone = one_at_a_time(run.rows)
    assert len(alone) == len(run.seen) // 4
    seconds = sum(Decimal(row["duration_ms"]) for row in alone) / 1000
    of_the_hour = pytestconfig.getoption("--usd-per-hour") * seconds / 3600
    cost = cost_of(alone, price.card)
    assert cost.state == "priced"
    assert cost.amount is not None
    # the speed is stated to two decimals
    assert abs(cost.amount / of_the_hour - 1) < Decimal("0.001")


def test_features_cost_together_what_all_calls_cost(run: Run, price: SelfHosted) -> None:
    amounts = []
    for feature in QUESTIONS:
        cost = cost_of([row for row in run.rows if row["feature"] == feature], price.card)
        assert cost.amount is not None
        amounts.append(cost.amount)
    assert money.total(amounts) == cost_of(run.rows, price.card).amount
