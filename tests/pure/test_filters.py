"""The filter language."""

import pytest

from costspan_collector.call import Dimensions
from costspan_collector.filters import FilterError, parse

ACME = Dimensions(feature="search", customer="acme", model="gpt-4o-mini", provider="openai")
OTHER = Dimensions(feature="a, b", customer=None, model="claude-sonnet-4-5", provider="anthropic")


@pytest.mark.parametrize(
    ("text", "acme", "other"),
    [
        ("", True, True),
        ("feature:search", True, False),
        ("feature:search,feature:chat", True, False),
        ("model:gpt-4*", True, False),
        ("model:gpt-4*,-customer:acme", False, False),
        ("-customer:acme", False, True),
        ('customer:""', False, True),
        ('-customer:""', True, False),
        ('feature:"a, b"', False, True),
        (r'feature:"a\, b"', False, True),
        (" feature:search , provider:openai ", True, False),
        ("feature:search,provider:anthropic", False, False),
        ("model:*", True, True),
    ],
)
def test_filters_match(text: str, acme: bool, other: bool) -> None:
    where = parse(text)
    assert (where.matches(ACME), where.matches(OTHER)) == (acme, other)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("colour:red", "unknown dimension 'colour'; allowed: environment, service, feature"),
        ("feature", "cannot read 'feature'; allowed: dimension:value"),
        ("feature:", 'feature: has no value; write feature:""'),
        ('feature:"open', "cannot read"),
    ],
)
def test_what_is_not_of_the_language_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(FilterError, match=words):
        parse(text)
