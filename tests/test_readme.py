"""README's promises: its code runs, its files and targets are there."""

import re
from pathlib import Path
from typing import Any

import pytest

import costspan
from tests.sdk.doubles.clients import openai_client
from tests.sdk.doubles.provider import Provider, recording
from tests.support.collector import RunningCollector

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_code_runs_and_books_a_call(collector: RunningCollector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COSTSPAN_ENDPOINT", collector.url)
    provider = Provider()
    provider.say(recording("chat_cached").answer())
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) == 2
    try:
        with openai_client(provider) as client:
            names: dict[str, Any] = {"client": client, "messages": [{"role": "user", "content": "hi"}]}
            for block in blocks:
                exec(block, names)
        assert costspan.flush(10), costspan.stats()
    finally:
        costspan.shutdown(10)
        provider.close()
    (row,) = collector.get("/api/v1/spend?group_by=feature,customer")["rows"]
    assert (row["feature"], row["customer"], row["calls"], row["correct_calls"]) == ("search", "acme", 1, 1)


def test_its_links_and_targets_exist() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^    make ([a-z-]+)", README, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
