"""The price book in Postgres: what is loaded is what was shipped, and nothing is ever changed in place."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from costspan.pricing import PriceBook, Pricer
from costspan.pricing.catalogue import FOLDER, Catalogue, bundled
from costspan.pricing.forms import multiplier, price_line
from costspan_collector.book import price_rows
from costspan_collector.book.contracts import Contract
from costspan_collector.call import Call, Dimensions
from costspan_collector.filters import parse
from costspan_collector.prices.current import stored_prices
from costspan_collector.store import price_write
from costspan_collector.store.database import Connection, connect
from costspan_collector.store.price_book import read_prices

WHEN = datetime(2026, 11, 15, 12, tzinfo=UTC)
PROJECT = 1


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with connect(database_url) as opened:
        opened.autocommit = True
        yield opened


def add_line(connection: Connection, layer: str, provider: str, model: str, **form: Any) -> Any:
    line = price_line({"source": "test", **form}, "line")
    rows = price_rows.rate_rows(layer, provider, model, ["equals", model], 0, line)
    price_write.add(connection, PROJECT, "price_rate", rows)
    return rows[0]["line_id"]


def amount(connection: Connection, provider: str, model: str, usage: dict[str, int], **more: Any) -> Decimal | None:
    return Pricer(read_prices(connection, PROJECT).book).price(provider, model, usage, WHEN, **more).amount


def test_what_is_read_is_what_was_shipped(connection: Connection) -> None:
    book = read_prices(connection, PROJECT).book
    shipped = PriceBook.of_catalogue()
    assert set(book.layers["catalogue"]) == set(shipped.layers["catalogue"])
    assert book.model_matches == shipped.model_matches
    for provider, prices in shipped.layers["catalogue"].items():
        stored = book.layers["catalogue"][provider]
        assert [model.id for model in stored.models] == [model.id for model in prices.models]
        for ours, theirs in zip(stored.models, prices.models, strict=True):
            assert ours.match == theirs.match
            assert set(map(repr, ours.lines)) == set(map(repr, theirs.lines)), (provider, theirs.id)
        assert set(map(repr, stored.multipliers)) == set(map(repr, prices.multipliers))
        assert set(map(repr, stored.aliases)) == set(map(repr, prices.aliases))


def test_loading_again_changes_nothing(connection: Connection) -> None:
    before = connection.execute("SELECT count(*), max(recorded_at) FROM price_rate").fetchone()
    assert not price_write.load_catalogue(connection)
    assert connection.execute("SELECT count(*), max(recorded_at) FROM price_rate").fetchone() == before
    assert read_prices(connection, PROJECT).version == 1


def test_an_upgrade_supersedes_what_changed_and_keeps_it_on_record(connection: Connection, tmp_path: Path) -> None:
    for file in FOLDER.glob("*.json"):
        (tmp_path / file.name).write_text(file.read_text())
    form = json.loads((FOLDER / "voyageai.json").read_text())
    model = next(m for m in form["models"] if m["prices"] and "input" in m["prices"][0]["rates"])
    old = model["prices"][0]["rates"]["input"]
    model["prices"][0]["rates"]["input"] = "77"
    (tmp_path / "voyageai.json").write_text(json.dumps(form))
    index = json.loads((FOLDER / "index.json").read_text())
    (tmp_path / "index.json").write_text(json.dumps({**index, "version": "next"}))
    rows = connection.execute("SELECT count(*) FROM price_rate").fetchone()

    assert price_write.load_catalogue(connection, Catalogue(tmp_path))

    assert amount(connection, "voyageai", model["id"], {"input": 10**6}) == 77
    assert read_prices(connection, PROJECT).version == 2
    superseded = connection.execute("SELECT model, meter, price FROM price_rate WHERE superseded_at IS NOT NULL").fetchall()
    assert (model["id"], "input", Decimal(old)) in superseded
    assert {row[0] for row in superseded} == {model["id"]}
    added = connection.execute("SELECT count(*) FROM price_rate").fetchone()
    assert added is not None
    assert rows is not None
    assert added[0] - rows[0] == len(superseded)

    assert price_write.load_catalogue(connection, bundled())
    assert amount(connection, "voyageai", model["id"], {"input": 10**6}) == Decimal(old)


def test_a_project_s_price_goes_before_the_list_s_for_the_meters_that_it_names(connection: Connection) -> None:
    usage = {"input": 10**6, "output": 10**6}
    listed = amount(connection, "openai", "gpt-5-mini", usage)
    assert listed == Decimal("2.25")
    line = add_line(connection, "project", "openai", "gpt-5-mini", rates={"input": "1"})
    assert amount(connection, "openai", "gpt-5-mini", usage) == Decimal(3)
    assert price_write.supersede(connection, PROJECT, line)
    assert amount(connection, "openai", "gpt-5-mini", usage) == listed
    assert not price_write.supersede(connection, PROJECT, line)
    assert read_prices(connection, PROJECT).version == 3


def test_a_model_of_one_s_own_is_priced(connection: Connection) -> None:
    assert amount(connection, "vllm", "our-llama", {"input": 10**6}) is None
    add_line(connection, "project", "vllm", "our-llama", rates={"input": "0.2", "output": "0.4"})
    assert amount(connection, "vllm", "our-llama", {"input": 10**6, "output": 10**6}) == Decimal("0.6")


CONTRACT_ID = uuid4()
LONG = {"input": 300_000, "output": 1000}


def sign(connection: Connection, filter_text: str = "", **dates: Any) -> None:
    contract = Contract(CONTRACT_ID, "frame", "openai", parse(filter_text), filter_text, "signed 2026-01", **dates)
    price_write.add_contract(connection, PROJECT, contract)
    factor = multiplier(
        {
            "name": "frame contract",
            "match": ["contains", ""],
            "factor": "0.825",
            "conditions": {"contract": str(CONTRACT_ID)},
            "source": "signed 2026-01",
        },
        "multiplier",
    )
    price_write.add(connection, PROJECT, "price_multiplier", [price_rows.multiplier_row("contract", "openai", factor)])


def call(customer: str = "acme", **more: Any) -> Call:
    start = int(WHEN.timestamp()) * 10**9
    fields = {"usage": LONG, "response_model": "gpt-5.4", **more}
    return Call(b"t" * 16, b"s" * 8, start, start, Dimensions(provider="openai", customer=customer), **fields)


@pytest.mark.parametrize(("tier", "listed"), [(None, "1.5225"), ("batch", "0.76125"), ("priority", None)])
def test_a_factor_on_list_follows_the_list_in_every_tier(
    database_url: str, connection: Connection, tier: str | None, listed: str | None
) -> None:
    before = stored_prices(database_url)(PROJECT).price(call(tier=tier)).cost
    assert before is not None
    assert before.amount is not None
    if listed is not None:
        assert before.amount == Decimal(listed)
    sign(connection, "customer:acme")
    prices = stored_prices(database_url)(PROJECT)
    after = prices.price(call(tier=tier)).cost
    assert after is not None
    assert after.amount == before.amount * Decimal("0.825")
    assert [factor for item in after.items for factor in item.factors] == [("frame contract", Decimal("0.825"))] * 2
    other = prices.price(call(customer="other", tier=tier)).cost
    assert other is not None
    assert other.amount == before.amount


def test_a_contract_begins_and_ends(database_url: str, connection: Connection) -> None:
    sign(connection, valid_from=datetime(2026, 11, 16, tzinfo=UTC))
    cost = stored_prices(database_url)(PROJECT).price(call()).cost
    assert cost is not None
    assert cost.amount == Decimal("1.5225")


def test_a_contract_s_fixed_price_goes_before_the_project_s_and_has_no_factor(database_url: str, connection: Connection) -> None:
    sign(connection)
    add_line(connection, "project", "openai", "gpt-5.4", rates={"input": "9"})
    add_line(
        connection, "contract", "openai", "gpt-5.4", rates={"input": "1"}, conditions={"contract": str(CONTRACT_ID)}
    )  # fmt: skip
    cost = stored_prices(database_url)(PROJECT).price(call()).cost
    assert cost is not None
    assert [(item.unit_price, len(item.factors)) for item in cost.items] == [
        (Decimal(1), 0),
        (Decimal("22.5") * Decimal("0.825"), 1),
    ]


def test_only_the_end_of_a_line_is_ever_written(connection: Connection) -> None:
    line = add_line(connection, "project", "openai", "gpt-5-mini", rates={"input": "1"}, quote="one dollar")
    names = ", ".join(column for column in ("recorded_at", *price_rows.RATE_COLUMNS) if column != "superseded_at")
    query = f"SELECT {names} FROM price_rate WHERE line_id = %s"
    before = connection.execute(query, (line,)).fetchall()
    price_write.supersede(connection, PROJECT, line)
    assert connection.execute(query, (line,)).fetchall() == before
    with pytest.raises(psycopg.errors.CheckViolation):
        connection.execute("UPDATE price_rate SET currency = 'EUR' WHERE line_id = %s", (line,))
