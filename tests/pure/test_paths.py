"""Paths into response bodies: what they find, and that nothing they meet makes them fail."""

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costspan.usage.paths import getter, step

BODY: dict[str, Any] = {
    "usage": {"input": 3, "zero": 0, "empty": "", "none": None},
    "choices": [{"text": "a", "parts": [{"n": 1}, {"n": 2}]}, {"text": None, "parts": []}, {"text": "c", "parts": [{"n": 3}]}],
    "details": [
        {"modality": "AUDIO", "count": 5},
        {"modality": "text", "count": 7},
        {"modality": "Modality.AUDIO", "count": 11},
        {"count": 13},
    ],
    "nothing": [],
}


def as_objects(value: Any) -> Any:
    """The same with attributes in place of keys."""
    if isinstance(value, dict):
        return SimpleNamespace(**{name: as_objects(item) for name, item in value.items()})
    return [as_objects(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("", None),
        ("usage.input", 3),
        ("usage.zero", 0),
        ("usage.empty", ""),
        ("usage.none", None),
        ("usage.none.deeper", None),
        ("usage.input.deeper", None),
        ("missing", None),
        # the first alternative that is present counts, and 0 is present
        ("usage.none|usage.input", 3),
        ("usage.zero|usage.input", 0),
        ("missing|also.missing", None),
        ("missing|", None),
        # every item, those left out that have none
        ("choices.*.text", ["a", "c"]),
        ("choices.*.parts.*.n", [1, 2, 3]),
        ("choices.*.missing", None),
        ("nothing.*", None),
        ("usage.*", None),
        # a list in which nothing is found leaves it to the next alternative
        ("choices.*.missing|choices.*.text", ["a", "c"]),
        ("nothing.*.text|usage.input", 3),
        # chosen by a key, whatever its case, enumerations included
        ("details[modality=audio].count", [5, 11]),
        ("details[modality=TEXT].count", [7]),
        ("details[modality=video].count", None),
        ("usage[modality=audio].count", None),
        ("missing[modality=audio].count", None),
        ("details[modality=text].missing", None),
    ],
)
def test_what_a_path_finds(path: str, found: Any) -> None:
    assert getter(path)(BODY) == found
    assert getter(path)(as_objects(BODY)) == found


def test_the_source_itself_and_whole_items() -> None:
    assert getter(".")(BODY) is BODY
    assert getter("choices.*")(BODY) == BODY["choices"]
    assert getter("details[modality=text]")(BODY) == [BODY["details"][1]]


def test_equal_paths_share_one_getter() -> None:
    assert getter("usage.input") is getter("usage.input")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(["a", "b", "c", "*", "d[a=b]"])
PATHS = st.lists(st.lists(NAMES, min_size=1, max_size=4).map(".".join), min_size=1, max_size=3)


@given(PATHS, JSON)
def test_no_source_makes_a_path_fail(alternatives: list[str], source: Any) -> None:
    found = getter("|".join(alternatives))(source)
    each = [value for path in alternatives if (value := getter(path)(source)) is not None]
    assert repr(found) == repr(each[0] if each else None)


@given(st.dictionaries(st.sampled_from("abcd"), st.integers()), st.sampled_from("abcde"))
def test_a_step_is_the_same_in_a_mapping_and_on_an_object(source: dict[str, int], name: str) -> None:
    assert step(source, name) == step(SimpleNamespace(**source), name) == source.get(name)
