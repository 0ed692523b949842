"""The catalogue's making: what the sources say, what is chosen, and that an upgrade never loses the past."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from costspan.pricing import PriceBook, Pricer
from costspan.pricing.catalogue import Catalogue, provider_prices
from costspan.pricing.lines import ProviderPrices
from costspan_collector.prices.corrections import Correction, corrections_folder, read_corrections
from costspan_collector.prices.files import write_catalogue
from costspan_collector.prices.genai import FirstSource, read_genai_prices
from costspan_collector.prices.history import upgraded
from costspan_collector.prices.litellm_table import read_litellm
from costspan_collector.prices.merge import merged

NOW = datetime(2026, 11, 24, tzinfo=UTC)
EARLIER, LATER = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
MILLION = {"input": 1_000_000}


def prices(*lines: dict[str, Any], model: str = "m") -> dict[str, ProviderPrices]:
    form = {"provider": "p", "models": [{"id": model, "match": ["equals", model], "prices": list(lines)}]}
    return {"p": provider_prices(form)}


def line(price: str, **more: Any) -> dict[str, Any]:
    return {"rates": {"input": price}, "source": "test", **more}


def amount(book: dict[str, ProviderPrices], when: datetime, tier: str | None = None, model: str = "m") -> Decimal | None:
    return Pricer(PriceBook({"catalogue": book}, {})).price("p", model, MILLION, when, tier=tier).amount


def first_source(book: dict[str, ProviderPrices]) -> FirstSource:
    return FirstSource("first", book, {"p": None})


def table(tmp_path: Path, **models: dict[str, Any]) -> Path:
    path = tmp_path / "table.json"
    path.write_text(json.dumps({"sample_spec": {}, **models}))
    return path


def test_the_shipped_catalogue_is_what_its_writer_writes(tmp_path: Path) -> None:
    shipped = Catalogue()
    matches = {name: shipped.model_matches.get(name) for name in shipped}
    write_catalogue(tmp_path, shipped.sources, dict(shipped), matches)
    written = Catalogue(tmp_path)
    assert written.version == shipped.version
    assert dict(written) == dict(shipped)


def test_every_correction_applies_and_names_its_source() -> None:
    first = read_genai_prices().providers
    corrections = read_corrections(corrections_folder())
    assert {"openai", "anthropic", "google", "aws", "deepseek", "mistral"} <= {c.provider for c in corrections}
    for correction in corrections:
        applied = Catalogue()[correction.provider]
        assert all(line.source for model in applied.models for line in model.lines)
        assert correction.provider in first


def test_a_correction_goes_before_the_import_in_its_own_time_only() -> None:
    correction = Correction("p", {"model": [{"id": "m", "price": [line("9", to="2026-06-01T00:00:00Z")]}]})
    book, _ = merged(first_source(prices(line("3"))), None, [correction], NOW)
    assert [amount(book, when) for when in (EARLIER, LATER)] == [Decimal(9), Decimal(3)]


def test_a_correction_may_replace_what_was_imported() -> None:
    correction = Correction("p", {"model": [{"id": "m", "replace": True, "price": [line("9")]}]})
    book, _ = merged(first_source(prices(line("3", **{"from": "2026-06-01T00:00:00Z"}))), None, [correction], NOW)
    assert [amount(book, when) for when in (EARLIER, LATER)] == [Decimal(9), Decimal(9)]


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"model": [{"id": "new", "price": []}]}, "p.model[0] new: a new model wants a match clause"),
        ({"model": [{"id": "m", "price": [{"rates": {"input": "1"}}]}]}, "p.model[0] m.price[0]: source is missing"),
        ({"model": [{"id": "m", "price": [line(3.5)]}]}, "p.model[0] m.price[0].rates.input: 3.5 is no decimal text"),  # type: ignore[arg-type]
        ({"model": [{"id": "m", "price": [line("0.1000000000000000055")]}]}, "a float's noise does"),
        ({"model": [{"id": "m", "colour": "red"}]}, "p.model[0]: 'colour' is no key"),
        ({"model": [{"id": "m", "price": [{"rates": {"inputs": "1"}, "source": "s"}]}]}, "'inputs' is no meter"),
        ({"model": [{"id": "m", "price": [line("1", **{"from": "2026-01-01"})]}]}, "is no instant with a time zone"),
        ({"alias": [{"name": "x", "model": "none", "source": "s"}]}, "p.alias x: 'none' is no model of the catalogue"),
    ],
)
def test_a_correction_that_cannot_be_is_refused_by_name(form: dict[str, Any], error: str) -> None:
    with pytest.raises(ValueError, match="p") as raised:
        merged(first_source(prices(line("3"))), None, [Correction("p", form)], NOW)
    assert error in str(raised.value)


def test_the_second_source_fills_gaps_and_its_disagreements_are_told(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        **{
            "claude-x": {
                "litellm_provider": "anthropic",
                "input_cost_per_token": 4e-6,
                "output_cost_per_token": 1.5e-5,
                "cache_read_input_token_cost": 2.5e-7,
                "cache_read_input_token_cost_batches": 1.3e-7,
                "input_cost_per_token_batches": 2e-6,
            },
            "claude-y": {"litellm_provider": "anthropic", "input_cost_per_token": 1e-6},
        },
    )
    form = {"rates": {"input": "3", "output": "15"}, "source": "first"}
    first = {
        "anthropic": provider_prices(
            {"provider": "anthropic", "models": [{"id": "claude-x", "match": ["equals", "claude-x"], "prices": [form]}]}
        )
    }
    book, differences = merged(FirstSource("first", first, {}), read_litellm(path, "second"), [], NOW)
    pricer = Pricer(PriceBook({"catalogue": book}, {}))
    plain = pricer.price("anthropic", "claude-x", {"input": 10**6, "cache_read": 10**6}, NOW)
    assert [item.unit_price for item in plain.items] == [Decimal(3), Decimal("0.25")]
    # 0.13 is the rounded half of 0.25
    batch = pricer.price("anthropic", "claude-x", {"cache_read": 10**6}, NOW, tier="batch")
    assert batch.amount == Decimal("0.125")
    assert pricer.price("anthropic", "claude-y", MILLION, NOW).amount == Decimal(1)
    told = {(row.model, row.tier, row.meter): (row.first, row.second, row.chosen, row.why) for row in differences}
    assert told["claude-x", "", "input"] == ("3", "4", "3", "the first source goes before the second")
    assert told["claude-x", "", "cache_read"] == (None, "0.25", "0.25", "only the second source has it")
    assert ("claude-x", "", "output") not in told


def test_an_undated_new_price_holds_from_the_day_of_its_import() -> None:
    book, changes = upgraded(prices(line("3")), prices(line("4")), NOW)
    assert [amount(book, when) for when in (EARLIER, NOW, LATER)] == [Decimal(3), Decimal(4), Decimal(4)]
    assert [(change.kind, change.detail) for change in changes] == [("dated", "input 3 -> 4: holds from 2026-11-24 on")]
    again, unchanged = upgraded(book, prices(line("4")), LATER)
    assert again == book
    assert unchanged == []


def test_a_model_and_a_tier_that_the_source_forgot_are_kept() -> None:
    old = prices(line("3"), line("1.5", conditions={"tier": "batch"}))
    book, changes = upgraded(old, prices(line("7"), model="other"), NOW)
    assert amount(book, LATER, tier="batch") == Decimal("1.5")
    assert {(change.kind, change.model) for change in changes} == {("kept", "m"), ("new model", "other")}
    still, _ = upgraded(old, prices(line("3")), NOW)
    assert amount(still, LATER, tier="batch") == Decimal("1.5")


def test_a_new_meter_of_an_old_price_holds_for_all_time() -> None:
    richer = prices({"rates": {"input": "3", "output": "15"}, "source": "test"})
    book, changes = upgraded(prices(line("3")), richer, NOW)
    assert book == richer
    assert [change.kind for change in changes] == ["new meter"]


def test_dated_prices_of_the_source_are_taken_as_they_are() -> None:
    dated = prices(line("3", to="2026-06-01T00:00:00Z"), line("2", **{"from": "2026-06-01T00:00:00Z"}))
    book, changes = upgraded(prices(line("3")), dated, NOW)
    assert book == dated
    assert [change.kind for change in changes] == ["changed"]


def test_a_tier_is_carried_back_at_the_same_multiple_of_its_time() -> None:
    pricer = Pricer()
    usage = {"input": 1_000_000}
    # gpt-5.6-sol cost 5 until 2026-08-21 and 4 since; its fast mode is first recorded in October
    for day, standard, fast in ((datetime(2026, 8, 10, tzinfo=UTC), 5, 10), (datetime(2026, 9, 10, tzinfo=UTC), 4, 8)):
        long = {"input": 100_000}
        assert pricer.price("openai", "gpt-5.6-sol", long, day).amount == Decimal(standard) / 10
        assert pricer.price("openai", "gpt-5.6-sol", long, day, tier="fast").amount == Decimal(fast) / 10
    assert pricer.price("openai", "gpt-4o", usage, datetime(2025, 12, 1, tzinfo=UTC), tier="priority").amount == Decimal("4.25")
