"""Two programs share the prefix of their variables: each knows the other's, and refuses what neither knows."""

import pytest

from costspan import _settings as sdk
from costspan_collector import settings as collector


def test_each_side_lists_the_other_s_variables() -> None:
    assert {f"COSTSPAN_{name.upper()}" for name in collector.Settings.model_fields} == sdk.COLLECTOR_VARIABLES
    assert set(sdk.VARIABLES) == collector.SDK_VARIABLES


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"COSTSPAN_PROT": "1"}, "unknown setting COSTSPAN_PROT; did you mean COSTSPAN_PORT?"),
        ({"COSTSPAN_ZZZ": "1"}, "unknown setting COSTSPAN_ZZZ; known: COSTSPAN_BODY_LIMIT_BYTES"),
    ],
)
def test_an_unknown_variable_is_an_error(environment: dict[str, str], words: str) -> None:
    with pytest.raises(collector.SettingsError, match=words.replace("?", r"\?")):
        collector.load({}, environment)


@pytest.mark.parametrize(("name", "value"), [("port", 70000), ("log_level", "loud"), ("queue_calls", 1), ("colour", "red")])
def test_a_bad_value_is_named(name: str, value: object) -> None:
    with pytest.raises(collector.SettingsError, match=f"{name}.*got {value!r}"):
        collector.load({name: value}, {})


def test_what_is_good_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COSTSPAN_PORT", "5000")
    monkeypatch.setenv("COSTSPAN_ENDPOINT", "http://127.0.0.1:5000")
    assert collector.load({"host": None}).port == 5000
    assert collector.load({"port": 6000}).port == 6000
