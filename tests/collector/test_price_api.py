"""The price book by its API and command line: added, explained, withdrawn, and what is missing."""

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.support.collector import RunningCollector
from tests.support.otlp import traces


def send(collector: RunningCollector, *, provider: str, model: str, customer: str | None = None) -> None:
    """A call of a million input tokens."""
    attributes = {
        "gen_ai.provider.name": provider,
        "gen_ai.request.model": model,
        "gen_ai.usage.input_tokens": 1_000_000,
        "gen_ai.usage.cache_read.input_tokens": None,
        "gen_ai.usage.output_tokens": 0,
        "costspan.customer": customer,
    }
    answer = collector.post_protobuf("/v1/traces", traces(attributes=attributes))
    assert answer.status == 200, answer.body


def costs(collector: RunningCollector) -> list[tuple[str | None, str]]:
    return [(row["cost_usd"], row["cost_state"]) for row in collector.get("/api/v1/calls")["rows"]]


def test_a_price_that_is_added_prices_the_calls_that_follow(collector: RunningCollector) -> None:
    send(collector, provider="vllm", model="our-llama")
    assert costs(collector) == [(None, "unpriced")]
    work = collector.get("/api/v1/prices/unpriced")["rows"]
    assert [(row["provider"], row["model"], row["unpriced_calls"], row["tokens"]) for row in work] == [
        ("vllm", "our-llama", 1, 1_000_000)
    ]
    assert work[0]["reasons"] == ["no price for model 'our-llama' of provider 'vllm'"]

    form = {"provider": "vllm", "model": "our-*", "rates": {"input": "0.2", "output": "0.4"}, "source": "our own sums"}
    added = collector.post_json("/api/v1/prices", form)
    assert added.status == 201, added.body
    send(collector, provider="vllm", model="our-llama")
    assert sorted(costs(collector), key=str) == [("0.2", "priced"), (None, "unpriced")]

    explained = collector.get("/api/v1/prices/explain?provider=vllm&model=our-llama")["card"]
    assert explained["rates"]["input"] == {"price": "0.2", "per": 1_000_000, "source": "our own sums"}
    listed = collector.get("/api/v1/prices?layer=project")["rows"]
    assert [(row["meter"], row["price"], row["unit_size"]) for row in listed] == [
        ("input", "0.2", "1000000"),
        ("output", "0.4", "1000000"),
    ]

    assert collector.request("DELETE", f"/api/v1/prices/{added.json['id']}").status == 204
    send(collector, provider="vllm", model="our-llama")
    assert [state for _, state in costs(collector)].count("unpriced") == 2
    assert collector.request("DELETE", f"/api/v1/prices/{added.json['id']}").status == 404


def test_a_name_of_one_s_own_is_given_its_model(collector: RunningCollector) -> None:
    form = {"provider": "azure.ai.openai", "name": "our-deployment", "model": "gpt-5-mini", "source": "the portal"}
    assert collector.post_json("/api/v1/prices/aliases", form).status == 201
    send(collector, provider="azure.ai.openai", model="our-deployment")
    assert costs(collector) == [("0.25", "priced")]
    [row] = collector.get("/api/v1/calls")["rows"]
    assert row["price"]["rule"].startswith("our-deployment is gpt-5-mini, says this project")


def test_a_contract_is_for_the_calls_that_its_filter_lets_through(collector: RunningCollector) -> None:
    form = {"name": "frame", "provider": "openai", "filter": "customer:acme", "factor": "0.825", "source": "signed 2026-01"}
    assert collector.post_json("/api/v1/prices/contracts", form).status == 201
    for customer in ("acme", "other"):
        send(collector, provider="openai", model="gpt-5-mini", customer=customer)
    assert sorted(costs(collector)) == [("0.20625", "priced"), ("0.25", "priced")]
    items = [item for row in collector.get("/api/v1/calls")["rows"] for item in row["items"] if item["factors"]]
    assert [(item["list_price_usd"], item["factors"]) for item in items if item["meter"] == "input"] == [
        ("0.25", [["frame", "0.825"]])
    ]


@pytest.mark.parametrize(
    ("path", "form", "error"),
    [
        ("", {"model": "m", "rates": {"input": "1"}, "source": "s"}, "provider: None is no text"),
        ("", {"provider": "openai", "model": "m", "rates": {"tokens": "1"}, "source": "s"}, "'tokens' is no meter"),
        ("", {"provider": "openai", "model": "m", "rates": {"input": 0.1}, "source": "s"}, "0.1 is no decimal text"),
        ("", {"provider": "openai", "model": "m", "rates": {"input": "1"}}, "price: source is missing"),
        ("", {"provider": "litellm", "model": "m", "rates": {"input": "1"}, "source": "s"}, "is a router"),
        (
            "",
            {"provider": "vllm", "model": "m", "rates": {"input": "1"}, "source": "s", "week": {"timezone": "Mars/Base"}},
            "price.week.timezone: 'Mars/Base' is no IANA time zone",
        ),
        (
            "",
            {
                "provider": "vllm",
                "model": "m",
                "rates": {"input": "1"},
                "source": "s",
                "over": [{"above": 9, "rates": {"output": "2"}}],
            },
            "price.over.rates.output: has no rate below the threshold",
        ),
        (
            "",
            {"provider": "openai", "model": "gpt-5-mini", "rates": {"input": "0.00000025"}, "source": "s"},
            "1/1000000 of the list's 0.25",
        ),
        (
            "",
            {"provider": "openai", "model": "gpt-5-mini*", "rates": {"input": "0.00000025"}, "source": "s"},
            "1/1000000 of the list's 0.25",
        ),
        (
            "",
            {
                "provider": "google",
                "model": "gemini-2.5-pro",
                "rates": {"input": "1.25"},
                "over": [{"above": 200000, "rates": {"input": "0.0000025"}}],
                "source": "s",
            },
            "1/1000000 of the list's 2.5",
        ),
        ("/contracts", {"name": "n", "provider": "openai", "factor": "82.5", "source": "s"}, "0.825 for 17.5% off"),
        ("/contracts", {"name": "n", "provider": "openai", "filter": "colour:red", "source": "s"}, "filter: "),
        ("/contracts", {"name": "n", "provider": "openai", "discount": "1", "source": "s"}, "'discount' is no key"),
        ("/aliases", {"provider": "openai", "name": "x", "source": "s"}, "alias: model is missing"),
    ],
)
def test_what_cannot_be_is_refused_by_name(path: str, form: dict[str, Any], error: str, collector: RunningCollector) -> None:
    answer = collector.post_json(f"/api/v1/prices{path}", form)
    assert answer.status == 422
    assert error in answer.json["error"]["message"]
    assert collector.sql("SELECT price_version FROM project_writer WHERE project_id = 1") == [(1,)]


def test_an_implausible_price_may_be_confirmed(collector: RunningCollector) -> None:
    form = {"provider": "openai", "model": "gpt-5-mini", "rates": {"input": "250"}, "source": "s"}
    refused = collector.post_json("/api/v1/prices", form)
    assert refused.status == 422
    assert "250 dollars for 1000000 is 1000 times the list's 0.25 for 1000000" in refused.json["error"]["message"]
    assert collector.post_json("/api/v1/prices?confirm=true", form).status == 201


def costspan(*arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "costspan_collector", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60, check=False)


def test_the_command_line_changes_the_same_book(database_url: str) -> None:
    where = ("--database-url", database_url)
    options = ("--provider", "vllm", "--model", "our-llama", "--rate", "input=0.2", "--source", "our own sums", *where)
    added = costspan("prices", "add", *options)
    assert added.returncode == 0, added.stderr
    priced = costspan("price", "our-llama", "--provider", "vllm", "--input", "1000000", "--json", *where)
    assert json.loads(priced.stdout)["cost_usd"] == "0.2"
    listed = costspan("prices", "list", "--layer", "project", "--json", *where)
    assert [row["price"] for row in json.loads(listed.stdout)] == ["0.2"]
    assert costspan("prices", "withdraw", added.stdout.strip(), *where).returncode == 0
    assert costspan("prices", "withdraw", added.stdout.strip(), *where).returncode == 1
    assert costspan("price", "our-llama", "--provider", "vllm", "--input", "1", *where).returncode == 1
    assert costspan("prices", "unpriced", *where).returncode == 0
    refused = costspan("prices", "add", *options[:5], "input=x", *options[6:])
    assert refused.returncode == 2
    assert "rates.input: 'x' is no decimal text" in " ".join(refused.stderr.replace("│", "").split())


CASES = Path(__file__).parents[1] / "pure" / "data" / "price_cases.jsonl"


def test_every_known_case_is_priced_to_the_last_digit() -> None:
    done = costspan("price", "--jsonl", str(CASES))
    assert done.returncode == 0, done.stderr
    wanted = [json.loads(line) for line in CASES.read_text().splitlines()]
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == len(wanted) == 67
    for case, answer in zip(wanted, found, strict=True):
        assert (answer["id"], answer["state"]) == (case["id"], "priced")
        assert Decimal(answer["cost_usd"]) == Decimal(case["expected_usd"]), case["id"]
        assert sum(Decimal(item["amount_usd"]) for item in answer["items"]) == Decimal(answer["cost_usd"])
        parts = sum((Decimal(quantity) * Decimal(price) / per for quantity, price, per in case["price_parts"]), Decimal(0))
        assert parts == Decimal(case["expected_usd"])


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("not json", "Expecting value"),
        ('["a"]', "is no object"),
        ('{"id": 7, "model": "gpt-4o", "usage": {"input_tokens": 1}}', "when: None is no text"),
        ('{"id": 7, "model": "gpt-4o", "usage": {"tokens": 1}, "when": "2026-01-01T00:00:00Z"}', "usage.tokens: is not known"),
        ('{"id": 7, "model": "gpt-4o", "usage": {"input_tokens": -1}, "when": "2026-01-01T00:00:00Z"}', "usage.input_tokens: -1"),
        (
            '{"id": 7, "model": "gpt-4o", "usage": {"input_tokens": 1, "cache_read_tokens": 2}, "when": "2026-01-01T00:00:00Z"}',
            "less than its parts",
        ),
        ('{"id": 7, "model": "gpt-4o", "usage": {"input_tokens": 1}, "when": "2026-01-01"}', "has no time zone"),
        ('{"id": 7, "model": "gpt-4o", "usage": {}, "when": "2026-01-01T00:00:00Z", "colour": 1}', "colour: is not known"),
    ],
)
def test_a_bad_line_is_told_and_the_others_priced(line: str, error: str) -> None:
    good = '{"id": "good", "provider": "openai", "model": "gpt-4o", "usage": {"input_tokens": 4}, "when": "2026-01-01T00:00:00Z"}'
    done = costspan("price", "--jsonl", "-", stdin=f"{line}\n\n{good}\n")
    assert done.returncode == 1
    told, priced = (json.loads(text) for text in done.stdout.splitlines())
    assert told["error"].startswith("line 1: ")
    assert error in told["error"]
    assert priced["cost_usd"] == "0.00001"
