"""Adapters are small data."""

import ast
from collections.abc import Sequence
from pathlib import Path

import pytest

from costspan import adapters
from costspan.adapters import ADAPTERS
from costspan.adapters._adapter import Adapter


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.name)
def test_adapters_are_small_data(adapter: Adapter) -> None:
    """The rule: a file of at most 45 lines of data for one provider, 60 for a client that speaks the protocols of many; beside
    it functions of at most 40 lines in all that read a call's arguments and name its answer, without a loop or a handler.
    What several clients share (protocols and shapes of calls) lies in files of its own, whose names begin with ``_``.
    """
    tree = ast.parse((Path(adapters.__file__).parent / f"{adapter.name}.py").read_text(encoding="utf-8"))
    data = [node for node in tree.body if isinstance(node, (ast.Assign, ast.AnnAssign))]
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    others = [node for node in tree.body if node not in (*data, *functions)]
    assert all(isinstance(node, (ast.Import, ast.ImportFrom, ast.Expr)) for node in others)
    assert _lines(data) <= (60 if adapter.is_protocol else 45)
    assert _lines(functions) <= 40
    inner = [node for function in functions for node in ast.walk(function)]
    assert not [node for node in inner if isinstance(node, (ast.For, ast.While, ast.Try, ast.With, ast.ClassDef))]


def _lines(nodes: Sequence[ast.stmt]) -> int:
    return sum((node.end_lineno or 0) - node.lineno + 1 for node in nodes)


def test_no_two_adapters_or_endpoints_have_one_name() -> None:
    assert len({adapter.name for adapter in ADAPTERS}) == len(ADAPTERS) >= 14
    for adapter in ADAPTERS:
        assert len({(endpoint.method, endpoint.path) for endpoint in adapter.endpoints}) == len(adapter.endpoints)
