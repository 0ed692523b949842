"""Paths read what an object itself would tell, from models that are slow to say so as well."""

from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, PrivateAttr, computed_field

from costspan.usage.paths import getter, step


class Plain(BaseModel):
    tokens: int = 3
    nothing: int | None = None
    _hidden: int = PrivateAttr(default=9)

    @property
    def told(self) -> int:
        return 4

    @computed_field
    def computed(self) -> int:
        return 5


class Open(Plain):
    model_config = ConfigDict(extra="allow")
    constant: Any = 7


class Asking(Open):
    def __getattr__(self, name: str) -> Any:
        return 11 if name == "made_up" else super().__getattr__(name)  # type: ignore[misc]


class AskedFirst(Open):
    def __getattribute__(self, name: str) -> Any:
        return 12 if name == "tokens" else super().__getattribute__(name)


class WithExtra(Open):
    def __init__(self, **values: Any) -> None:
        super().__init__(**values, beside=21, told_beside=None)


OBJECTS = [Plain(), Open(), Asking(), AskedFirst(), WithExtra(), Plain.model_construct(), Open.model_construct(tokens=8, odd=1)]
NAMES = ["tokens", "nothing", "_hidden", "told", "constant", "beside", "told_beside", "made_up", "odd", "absent", "model_extra"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("source", OBJECTS, ids=lambda source: type(source).__name__)
def test_a_model_s_value_is_what_the_model_tells(source: BaseModel, name: str) -> None:
    expected = getattr(source, name, None)
    assert step(source, name) == expected
    assert getter(f"inner.{name}")({"inner": source}) == expected
    assert getter(f"absent|{name}")(source) == expected


def test_a_value_set_later_is_seen() -> None:
    model = Open()
    assert step(model, "later") is None
    model.later = 5  # type: ignore[attr-defined]
    assert step(model, "later") == 5
    del model.tokens
    assert step(model, "tokens") is None
