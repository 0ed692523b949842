"""Which of several statements about a call counts."""

import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from costspan_collector.dialects.dialect import SEMCONV
from costspan_collector.dialects.facts import Facts, dimensions, gather


def stated(**attributes: str) -> Facts:
    """The facts in attributes, whose names begin with ``costspan.``."""
    return gather(
        SEMCONV,
        [KeyValue(key=f"costspan.{name.replace('_', '.')}", value=AnyValue(string_value=v)) for name, v in attributes.items()],
    )


@pytest.mark.parametrize(
    ("own", "resource", "feature"),
    [
        ({"feature": "search"}, {"feature": "batch"}, "search"),
        ({"feature": "shop.jobs", "feature_source": "module"}, {"feature": "batch"}, "batch"),
        ({"feature": "shop.jobs", "feature_source": "module"}, {}, "shop.jobs"),
        ({}, {"feature": "batch"}, "batch"),
    ],
)
def test_a_named_feature_comes_before_a_default_one(own: dict[str, str], resource: dict[str, str], feature: str) -> None:
    assert dimensions(stated(**own), stated(**resource)).feature == feature
