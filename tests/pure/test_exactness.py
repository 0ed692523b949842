"""No float reaches money: by what is written, and by what runs."""

import ast
import decimal
import json
import re
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from costspan.pricing import Cost, Pricer
from costspan.usage.inclusive import read_inclusive

ROOT = Path(__file__).parents[2]
SOURCES = [
    path
    for folder in ("sdk/costspan/pricing", "collector/costspan_collector/prices", "collector/costspan_collector/budgets",
                   "collector/costspan_collector/book")
    for path in sorted((ROOT / folder).rglob("*.py"))
] + [ROOT / "sdk/costspan/money.py", ROOT / "collector/costspan_collector/price.py"]  # fmt: skip
CASES = [json.loads(line) for line in (Path(__file__).parent / "data/price_cases.jsonl").read_text().splitlines()]
MONEY = re.compile(r"cost|usd|price|amount|rate|factor|spent", re.IGNORECASE)


def _annotated(tree: ast.AST) -> list[tuple[str, str]]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign):
            found.append((ast.unparse(node.target), ast.unparse(node.annotation)))
        elif isinstance(node, ast.arg) and node.annotation is not None:
            found.append((node.arg, ast.unparse(node.annotation)))
        elif isinstance(node, ast.FunctionDef) and node.returns is not None:
            found.append((node.name, ast.unparse(node.returns)))
    return found


def test_nothing_of_money_is_annotated_a_float() -> None:
    found = [(path.name, *named) for path in SOURCES for named in _annotated(ast.parse(path.read_text()))]
    assert len(found) > 300
    assert [each for each in found if MONEY.search(each[1]) and re.search(r"\bfloat\b", each[2])] == []


def test_no_float_is_written_beside_money() -> None:
    floats = [
        f"{path.name}:{node.lineno}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, float)
    ]
    assert [
        place for place in floats if place.startswith(("money", "card", "compiling", "lines", "book", "pricer", "price."))
    ] == []


def _price(pricer: Pricer, case: dict[str, Any]) -> Cost:
    usage, conditions = read_inclusive(case["usage"])
    tier = conditions.pop("tier", None)
    when = datetime.fromisoformat(case["when"])
    return pricer.price(case["provider"], case["model"], usage, when, tier=tier, conditions=conditions)


def test_rating_every_case_mixes_no_float_with_a_decimal() -> None:
    with decimal.localcontext() as context:
        context.traps[decimal.FloatOperation] = True
        pricer = Pricer()
        for case in CASES:
            cost = _price(pricer, case)
            assert (str(cost.state), cost.amount) == ("priced", Decimal(case["expected_usd"])), case["id"]
            for item in cost.items:
                values = (item.quantity, item.unit_price, item.per, item.amount, *(factor.factor for factor in item.factors))
                assert all(type(value) in (int, Decimal) for value in values), item
        with pytest.raises(decimal.FloatOperation):
            Decimal(0.1)  # noqa: RUF032 - the trap is shown to be set
