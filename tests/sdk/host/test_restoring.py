"""What is patched is put back: the very same function, for every target of every adapter."""

import functools
import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import wrapt

import costspan
from costspan._patch import targets_of
from costspan.adapters import ADAPTERS
from costspan.adapters._adapter import Adapter, Target
from tests.sdk.conftest import Sdk
from tests.sdk.host.making import differences, make
from tests.sdk.host.samples import Sample, every_first, one_call
from tests.traffic.replay import Replay

# What the clients warn of is looked at in test_same_view.
pytestmark = pytest.mark.filterwarnings("ignore")

_TARGETS = [(adapter, target) for adapter in ADAPTERS for target in targets_of(adapter)]
every_target = pytest.mark.parametrize(
    ("adapter", "target"), _TARGETS, ids=[f"{adapter.name}-{target.module}:{target.name}" for adapter, target in _TARGETS]
)

# Run without the SDK: which of the functions there are, and of which kind.
_LOOK = """
import importlib, json, sys, warnings
warnings.simplefilter("ignore")
found = {}
for module, name in json.load(sys.stdin):
    try:
        owner = importlib.import_module(module)
    except ImportError:
        continue
    *path, last = name.split(".")
    for part in path:
        owner = getattr(owner, part, None)
    function = getattr(owner, "__dict__", {}).get(last)
    if function is not None:
        found[f"{module}:{name}"] = type(function).__name__
assert not [module for module in sys.modules if module.split(".")[0] == "costspan"]
print(json.dumps(found))
"""


@functools.cache
def bare_functions() -> dict[str, str]:
    """The kind of each target that the installed clients have, as a process without the SDK finds it."""
    wanted = json.dumps([(target.module, target.name) for _, target in _TARGETS])
    looked = subprocess.run([sys.executable, "-c", _LOOK], input=wanted, capture_output=True, text=True, check=True, timeout=90)
    found: dict[str, str] = json.loads(looked.stdout.splitlines()[-1])
    return found


def owner_of(target: Target) -> tuple[Any, str]:
    owner: Any = importlib.import_module(target.module)
    *path, name = target.name.split(".")
    for part in path:
        owner = getattr(owner, part)
    return owner, name


@every_target
def test_uninstrument_puts_the_very_same_function_back(adapter: Adapter, target: Target, sdk: Sdk) -> None:
    kind = bare_functions().get(f"{target.module}:{target.name}")
    if kind is None:
        pytest.skip("the installed version of the client has no such function")
    costspan.uninstrument()
    owner, name = owner_of(target)
    original = owner.__dict__[name]
    assert type(original).__name__ == kind
    assert not isinstance(original, wrapt.ObjectProxy)
    costspan.init(endpoint=sdk.collector.url)
    patched = owner.__dict__[name]
    assert patched is not original
    assert patched.__wrapped__ is original
    costspan.init(endpoint=sdk.collector.url)
    assert owner.__dict__[name] is patched
    costspan.uninstrument()
    assert owner.__dict__[name] is original


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.name)
def test_the_installed_version_of_every_client_is_patched(adapter: Adapter) -> None:
    assert [target for target in adapter.targets if f"{target.module}:{target.name}" in bare_functions()]


def test_nothing_else_of_the_clients_is_changed(sdk: Sdk) -> None:
    modules = {name.split(".")[0] for name in (target.module for _, target in _TARGETS)}
    ours = {f"{target.module}:{target.name}" for _, target in _TARGETS}
    replaced = {
        f"{module.__name__}:{kind.__name__}.{name}"
        for module in list(sys.modules.values())
        if getattr(module, "__name__", "").split(".")[0] in modules
        for kind in list(vars(module).values())
        if isinstance(kind, type) and kind.__module__ == module.__name__
        for name, value in list(vars(kind).items())
        if type(value) is wrapt.FunctionWrapper
    }
    assert replaced
    assert replaced <= ours


@contextmanager
def wrapped_by_somebody_else(adapter: Adapter) -> Iterator[None]:
    """As if another library had wrapped, after us, all that we wrap."""
    undone = []
    for target in adapter.targets:
        if f"{target.module}:{target.name}" in bare_functions():
            owner, name = owner_of(target)
            ours = owner.__dict__[name]
            setattr(owner, name, _wrapped(ours))
            undone.append((owner, name, ours, owner.__dict__[name]))
    try:
        yield
        for owner, name, _, theirs in undone:
            assert owner.__dict__[name] is theirs
    finally:
        for owner, name, ours, _ in undone:
            setattr(owner, name, ours)


def _wrapped(ours: Any) -> Any:
    if isinstance(ours.__wrapped__, (classmethod, staticmethod)):
        return wrapt.FunctionWrapper(ours, lambda wrapped, _, args, kwargs: wrapped(*args, **kwargs))

    def theirs(self: Any, *args: Any, **kwargs: Any) -> Any:
        return ours.__get__(self, type(self))(*args, **kwargs)

    return theirs


@every_first
def test_a_function_wrapped_by_somebody_else_since_stays_and_goes_quiet(sample: Sample, replay: Replay, sdk: Sdk) -> None:
    mode = one_call(sample)
    costspan.uninstrument()
    bare = make(sample, mode, replay)
    costspan.init(endpoint=sdk.collector.url)
    with wrapped_by_somebody_else(sample.adapter):
        costspan.uninstrument()
        quiet = make(sample, mode, replay)
        assert sdk.spans() == []
        costspan.init(endpoint=sdk.collector.url)
        observed = make(sample, mode, replay)
        assert sdk.span()
    assert bare is not None
    for made in (quiet, observed):
        assert made is not None
        assert made.seen.types == bare.seen.types
        assert list(differences(bare.seen.values, made.seen.values)) == []
