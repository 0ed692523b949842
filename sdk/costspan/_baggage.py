"""Attribution as W3C baggage (https://www.w3.org/TR/baggage/): in OpenTelemetry contexts, and in the text of a header.

In a context the names are the span attributes' own and values are plain text; a tag's name is percent-encoded, because
some propagators make header names of the names. In a header names and values are percent-encoded once more, and ``+``
is a blank, as OpenTelemetry writes and reads them. What is not ours is never read, changed or dropped.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from types import MappingProxyType
from urllib.parse import quote, unquote, unquote_plus

from opentelemetry import baggage
from opentelemetry import context as context_api
from opentelemetry.context import Context

from costspan import money
from costspan._attributes import CUSTOMER, FEATURE, SESSION, TAG_PREFIX, USER, VALUE
from costspan._attribution import NOTHING, Attribution, is_text

# What every platform passes on at least, so what a header may hold altogether.
_MOST_HEADER_BYTES, _MOST_HEADER_MEMBERS = 8192, 64
# Ours take half, since a receiver may drop a header that is too large with all that the application put into it.
_MOST_BYTES, _MOST_MEMBERS = 4096, 32
# A character takes up to four bytes, each of which is written as three, and a member two characters more.
_SURE_TO_FIT = (_MOST_BYTES - 2 * _MOST_MEMBERS) // 12

# Under what OpenTelemetry keeps baggage in a context: to read it without a copy, and to change it in one step.
(_KEY,) = baggage.set_baggage("name", "value", Context())
_NO_ENTRIES: Mapping[str, object] = MappingProxyType({})

_NAMES = frozenset({FEATURE, CUSTOMER, USER, SESSION, VALUE})
_AMOUNT = re.compile(r"[0-9]{1,20}(\.[0-9]{1,60})?", re.ASCII)


def _is_ours(name: str) -> bool:
    return name in _NAMES or name.startswith(TAG_PREFIX)


def entries_of(context: Context) -> Mapping[str, object]:
    """The baggage of ``context``. The same object as long as it is the same baggage; never changed in place."""
    entries = context.get(_KEY)
    return entries if isinstance(entries, dict) else _NO_ENTRIES


def has_ours(entries: Mapping[str, object]) -> bool:
    """Whether any of ``entries`` is ours."""
    return any(_is_ours(name) for name in entries)


def without_ours(context: Context) -> Context:
    """``context`` with nothing of ours in its baggage."""
    return _with_entries(context, {name: value for name, value in entries_of(context).items() if not _is_ours(name)})


def with_attribution(context: Context, attribution: Attribution) -> Context:
    """``context`` with what ``attribution`` says over what its baggage says; the same object if it says that already."""
    changed = dict(entries_of(context))
    for name, text in _entries(attribution):
        if text is not None:
            changed[name] = text
        else:
            changed.pop(name, None)
    return _with_entries(context, changed)


def with_ours_of(source: Context, context: Context) -> Context:
    """``context`` with our entries as ``source`` has them; the same object if they are the same."""
    changed = {name: value for name, value in entries_of(context).items() if not _is_ours(name)}
    changed.update((name, value) for name, value in entries_of(source).items() if _is_ours(name))
    return _with_entries(context, changed)


def _with_entries(context: Context, entries: dict[str, object]) -> Context:
    return context if entries == entries_of(context) else context_api.set_value(_KEY, entries, context)


def read(entries: Mapping[str, object]) -> Attribution:
    """What those of ``entries`` say that are ours. What makes no sense says nothing."""
    texts = {name: text for name, text in entries.items() if _is_ours(name) and isinstance(text, str) and is_text(text)}
    if not texts:
        return NOTHING
    value = texts.get(VALUE)
    tags = {
        unquote(name[len(TAG_PREFIX) :]): text
        for name, text in texts.items()
        if name.startswith(TAG_PREFIX) and is_text(unquote(name[len(TAG_PREFIX) :]))
    }
    said = Attribution(
        feature=texts.get(FEATURE),
        customer=texts.get(CUSTOMER),
        user=texts.get(USER),
        session=texts.get(SESSION),
        value=Decimal(value) if value is not None and _AMOUNT.fullmatch(value) else None,
        tags=MappingProxyType(tags),
    )
    return NOTHING if said == NOTHING else said


def read_header(header: str) -> Attribution:
    """What a ``baggage`` header says of ours. Whatever else it may hold, well-formed or not, is passed over; so is
    what lies beyond the size that every platform passes on."""
    if len(header) > _MOST_HEADER_BYTES:
        header = header[:_MOST_HEADER_BYTES].rpartition(",")[0]
    entries = {}
    for member in header.split(","):
        name, is_pair, rest = member.partition("=")
        name = unquote_plus(name.strip(" \t"))
        if is_pair and _is_ours(name):
            entries[name] = unquote_plus(rest.partition(";")[0].strip(" \t"))
    return read(entries)


def merged_header(header: str, attribution: Attribution) -> str:
    """``header`` with ``attribution`` in it. What it holds of others stays as it is and where it is; of ours, what
    does not fit into the size that every platform passes on is left out, the least important first."""
    members = [member for member in header.split(",") if member.strip() and not _is_our_member(member)]
    room = _MOST_HEADER_BYTES - len(",".join(members).encode("utf-8", "replace"))
    for name, text in _entries(attribution):
        member = "" if text is None else f"{quote(name, safe='')}={quote(text, safe='')}"
        if member and len(member) < room and len(members) < _MOST_HEADER_MEMBERS:
            members.append(member)
            room -= len(member) + 1
    return ",".join(members)


def _is_our_member(member: str) -> bool:
    return _is_ours(unquote_plus(member.partition("=")[0].strip(" \t")))


def _entries(attribution: Attribution) -> Iterable[tuple[str, str | None]]:
    """Names and texts, the most important first; None for what does not fit into the room for ours."""
    said = list(_said(attribution))
    length = sum(len(name) + len(text) for name, text in said)
    return said if length <= _SURE_TO_FIT and len(said) <= _MOST_MEMBERS else _fitting(said)


def _fitting(said: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str | None]]:
    room, members = _MOST_BYTES, _MOST_MEMBERS
    for name, text in said:
        size = len(quote(name, safe="")) + len(quote(text, safe="")) + 2
        if size <= room and members:
            room, members = room - size, members - 1
            yield name, text
        else:
            yield name, None


def _said(attribution: Attribution) -> Iterable[tuple[str, str]]:
    if attribution.feature is not None:
        yield FEATURE, attribution.feature
    if attribution.customer is not None:
        yield CUSTOMER, attribution.customer
    if attribution.user is not None:
        yield USER, attribution.user
    if attribution.session is not None:
        yield SESSION, attribution.session
    if attribution.value is not None:
        yield VALUE, money.text(attribution.value)
    for tag, value in attribution.tags.items():
        # Other kinds than text travel as the collector writes them.
        yield TAG_PREFIX + quote(tag, safe=""), str(value)
