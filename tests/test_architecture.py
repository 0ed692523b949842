"""The shape of the tree: sizes, who may swallow exceptions, who reads the environment, no float near money."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "sdk").rglob("*.py")) + sorted((ROOT / "collector").rglob("*.py"))
LONGEST_FILE, LONGEST_FUNCTION = 300, 40

# Broad handlers, each with its reason. What the SDK swallows, it swallows in Guard.__exit__ alone (see the test below).
BROAD_HANDLERS = {
    "collector/costspan_collector/writer.py": "a thread that must answer every waiting request",
    "collector/costspan_collector/notify/deliver.py": "a thread that must outlive one bad delivery",
    "collector/costspan_collector/prices/rerate_runner.py": "a thread that must put the fault of one re-rating on its record",
    "sdk/costspan/_context.py": "hands what is thrown into a generator on to the generator that it wraps",
    "sdk/costspan/_stream.py": "hands what is thrown into a generator on to the one that it stands for",
    "sdk/costspan/_patch.py": "raises, unless the fault was an option that the SDK had added to the request",
}
READERS_OF_THE_ENVIRONMENT = {"sdk/costspan/_settings.py", "collector/costspan_collector/settings.py"}
MONEY = ("money", "pricing", "book", "budgets", "price", "ingest")
# A courtesy double for others' eyes (gen_ai.usage.cost), never read back.
FLOATS_OF_MONEY = {"sdk/costspan/_attributes.py"}


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _nodes(kind: type[ast.AST]) -> Iterator[tuple[str, ast.AST]]:
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, kind):
                yield _name(path), node


def test_there_is_something_to_look_at() -> None:
    assert len(SOURCES) > 60


def test_files_are_rooms() -> None:
    long = {_name(path): lines for path in SOURCES if (lines := len(path.read_text().splitlines())) > LONGEST_FILE}
    assert long == {}


def test_functions_are_short() -> None:
    long = {
        f"{name}:{node.name}": length
        for kind in (ast.FunctionDef, ast.AsyncFunctionDef)
        for name, node in _nodes(kind)
        if isinstance(node, kind) and (length := (node.end_lineno or 0) - node.lineno + 1) > LONGEST_FUNCTION
    }
    assert long == {}


def test_only_the_listed_places_catch_everything() -> None:
    found = set()
    for name, node in _nodes(ast.ExceptHandler):
        assert isinstance(node, ast.ExceptHandler)
        caught = ast.unparse(node.type) if node.type is not None else "BaseException"
        ends_in_raise = isinstance(node.body[-1], ast.Raise)
        if caught in ("Exception", "BaseException") and not ends_in_raise:
            found.add(name)
    assert found == set(BROAD_HANDLERS)


def test_one_place_in_the_sdk_swallows_exceptions() -> None:
    found = set()
    for name, node in _nodes(ast.FunctionDef):
        assert isinstance(node, ast.FunctionDef)
        swallows = node.name == "__exit__" and node.returns is not None and ast.unparse(node.returns) == "bool"
        if name.startswith("sdk/") and swallows:
            found.add(name)
    assert found == {"sdk/costspan/_guard.py"}


def test_only_the_settings_read_the_environment() -> None:
    found = {
        name for name, node in _nodes(ast.Attribute) if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")
    }
    assert found <= READERS_OF_THE_ENVIRONMENT | {
        "collector/costspan_collector/demo/processes.py",
        "collector/costspan_collector/store/embedded_binaries.py",
    }


def test_no_float_touches_money() -> None:
    found = set()
    for name, node in _nodes(ast.Call):
        assert isinstance(node, ast.Call)
        if ast.unparse(node.func) != "float" or name in FLOATS_OF_MONEY:
            continue
        stem = name.split("/", 2)[2]
        if any(stem.startswith(part) for part in MONEY) or re.search(r"cost|usd|price|amount", ast.unparse(node)):
            found.add(f"{name}:{node.lineno}")
    assert found == set()


@pytest.mark.parametrize("word", ["TODO", "FIXME", "XXX", "NotImplementedError"])
def test_nothing_is_left_for_later(word: str) -> None:
    assert [_name(path) for path in SOURCES if word in path.read_text()] == []


def test_no_committed_file_names_a_registry() -> None:
    hosts = re.compile(r"pypi" + r"\.org|pythonhosted" + r"\.org|registry\.npmjs|[\"']resolved[\"']: *[\"']http|index" + r"-url")
    texts = [
        p
        for pattern in ("requirements/*", "*.toml", "Makefile", ".ci/*", "*.md", "docs/**/*.md", "dashboards/**/*.md")
        for p in ROOT.glob(pattern)
    ]
    found = [_name(path) for path in texts if path.is_file() and hosts.search(path.read_text())]
    assert found == []
