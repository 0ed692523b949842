"""``costspan price``: what a call costs, with the arithmetic; for people, and line by line for scripts."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from costspan import money
from costspan.pricing import Cost, Pricer
from costspan.usage.inclusive import read_inclusive
from costspan_collector.cli.output import console

_KEYS = ("id", "provider", "model", "usage", "when", "tier")
# Facts that a line may carry for its reader, which no price depends on.
_REMARKS = frozenset({"expected_usd", "basis", "evidence", "sources_agree", "price_parts", "note", "category", "doubtful"})


def price(
    model: Annotated[str | None, typer.Argument(help="the model, as a request or an answer names it")] = None,
    jsonl: Annotated[Path | None, typer.Option(help="price each line of this file, - for standard input")] = None,
    provider: Annotated[str | None, typer.Option(help="as OpenTelemetry names it, such as openai or aws.bedrock")] = None,
    input_tokens: Annotated[int | None, typer.Option("--input", min=0, help="all input tokens, cached ones included")] = None,
    cached: Annotated[int | None, typer.Option(min=0, help="of these, read from a cache")] = None,
    cache_write: Annotated[int | None, typer.Option(min=0, help="of these, written to a cache for 5 minutes")] = None,
    cache_write_1h: Annotated[int | None, typer.Option(min=0, help="of these, written to a cache for an hour")] = None,
    output_tokens: Annotated[int | None, typer.Option("--output", min=0, help="all output tokens, reasoning included")] = None,
    more: Annotated[
        list[str] | None, typer.Option("--usage", help="further usage, such as web_searches=5 or size=1024x1024")
    ] = None,
    tier: Annotated[str | None, typer.Option(help="batch, flex, priority, ... as the answer says")] = None,
    region: Annotated[str | None, typer.Option(help="where it ran, where that has a price")] = None,
    at: Annotated[str | None, typer.Option(help="when the call began, ISO 8601 [now]")] = None,
    database_url: Annotated[str | None, typer.Option(help="price by the book in this database [the shipped catalogue]")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Price a call, or a file of calls. Exit code 1: something has no price, or a line could not be read."""
    pricer = _pricer(database_url)
    if jsonl is not None:
        raise typer.Exit(_price_lines(pricer, _lines(jsonl)))
    if model is None:
        raise typer.BadParameter("name a model, or a file with --jsonl")
    tokens = {
        "input_tokens": input_tokens,
        "cache_read_tokens": cached,
        "cache_write_5m_tokens": cache_write,
        "cache_write_1h_tokens": cache_write_1h,
        "output_tokens": output_tokens,
    }
    stated: dict[str, Any] = {**tokens, "tier": tier, "region": region, **_pairs(more or ())}
    usage = {name: value for name, value in stated.items() if value is not None}
    when = at or datetime.now(UTC).isoformat()
    raise typer.Exit(_price_one(pricer, {"provider": provider, "model": model, "usage": usage, "when": when}, as_json))


def _price_one(pricer: Pricer, line: Mapping[str, Any], as_json: bool) -> int:
    try:
        cost = _cost(pricer, line)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if as_json:
        print(json.dumps(_answer(cost)))
    else:
        _show(cost)
    return 0 if cost.amount is not None else 1


def _pricer(database_url: str | None) -> Pricer:
    if database_url is None:
        return Pricer()
    from costspan_collector.prices.current import stored_prices
    from costspan_collector.services import DEFAULT_PROJECT_ID

    return stored_prices(database_url)(DEFAULT_PROJECT_ID).pricer


def _lines(path: Path) -> Iterator[str]:
    if str(path) == "-":
        yield from sys.stdin
        return
    try:
        with path.open(encoding="utf-8") as file:
            yield from file
    except OSError as error:
        raise typer.BadParameter(f"--jsonl: {path}: {error.strerror}") from None


def _price_lines(pricer: Pricer, lines: Iterable[str]) -> int:
    status = 0
    for number, text in enumerate(lines, start=1):
        if not text.strip():
            continue
        name: Any = None
        try:
            line = json.loads(text, parse_float=Decimal)
            if not isinstance(line, dict):
                raise TypeError(f"{text[:40]!r} is no object")
            name = line.get("id")
            cost = _cost(pricer, line)
        except (ValueError, TypeError) as error:
            status = 1
            print(json.dumps({"id": name, "error": f"line {number}: {error}"}))
            continue
        if cost.amount is None:
            status = 1
        print(json.dumps({"id": name, **_answer(cost)}))
    return status


def _cost(pricer: Pricer, line: Mapping[str, Any]) -> Cost:
    if unknown := [key for key in line if key not in _KEYS and key not in _REMARKS]:
        raise ValueError(f"{unknown[0]}: is not known; known are {', '.join(_KEYS)}")
    for name in ("model", "when"):
        if not isinstance(line.get(name), str):
            raise ValueError(f"{name}: {line.get(name)!r} is no text; it is needed")
    if not isinstance(line.get("usage"), dict):
        raise ValueError(f"usage: {line.get('usage')!r} is no object; give counts such as input_tokens")
    usage, conditions = read_inclusive(line["usage"])
    tier = conditions.pop("tier", None)
    return pricer.price(
        line.get("provider"), line["model"], usage, _instant(line["when"]), tier=line.get("tier") or tier, conditions=conditions
    )


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"when: {text!r} is no instant such as 2026-11-15T12:00:00Z") from None
    if at.tzinfo is None:
        raise ValueError(f"when: {text!r} has no time zone; write it as 2026-11-15T12:00:00Z")
    return at


def _answer(cost: Cost) -> dict[str, Any]:
    items = [
        {
            "meter": item.meter,
            "quantity": str(item.quantity),
            "unit_price_usd": money.text(item.unit_price),
            "per": str(item.per),
            "amount_usd": money.text(item.amount),
            "factors": [[factor.name, str(factor.factor)] for factor in item.factors],
            "source": item.source,
        }
        for item in cost.items
    ]
    return {
        "cost_usd": None if cost.amount is None else money.text(cost.amount),
        "state": cost.state,
        "reason": cost.reason,
        "items": items,
        "rule": cost.card.rule if cost.card else None,
    }


def _pairs(pairs: Iterable[str]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name or not value:
            raise typer.BadParameter(f"--usage: {pair!r} is no pair such as web_searches=5")
        found[name] = value
    return found


def _show(cost: Cost) -> None:
    to = console()
    table = Table("meter", "quantity", "price", "amount", box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for item in cost.items:
        factors = "".join(f" × {factor.factor} {factor.name}" for factor in item.factors)
        priced = f"${money.text(item.list_price)} for {item.per:,}"
        table.add_row(item.meter, f"{item.quantity:,}", priced + factors, f"${money.text(item.amount)}")
    if cost.items:
        to.print(table)
    total = "unknown" if cost.amount is None else f"${money.text(cost.amount)}"
    to.print(Text(total, "bold"), f" {cost.state}" + (f": {cost.reason}" if cost.reason else ""))
    if cost.card is not None:
        since = f", since {cost.card.valid_from}" if cost.card.valid_from else ""
        where = "".join(f", {name} {value}" for name, value in cost.card.conditions.items())
        told = f"{cost.card.provider} {cost.card.model}{where}{since}; {cost.card.rule}; "
        told += "; ".join(dict.fromkeys(item.source for item in cost.items if item.source))
        to.print(told, style="dim")
