"""Processes in which something is missing: the exporter's libraries, or space on disk."""

from pathlib import Path

import pytest

from tests.sdk.doubles.collector import Collector
from tests.sdk.doubles.interpreter import PREPARE, run
from tests.sdk.doubles.provider import Provider, recording


@pytest.fixture
def asks(provider: Provider, collector: Collector, tmp_path: Path) -> dict[str, str]:
    """The environment of a process that asks the test's provider, and has a home of its own."""
    provider.say(recording("chat_cached").answer())
    return {
        "PROVIDER": provider.url,
        "COSTSPAN_ENDPOINT": collector.url,
        "COSTSPAN_RAISE_INTERNAL_ERRORS": "0",
        "COSTSPAN_EXIT_TIMEOUT_S": "0.3",
        "HOME": str(tmp_path),
        "XDG_STATE_HOME": str(tmp_path),
    }


@pytest.mark.parametrize("missing", ["opentelemetry.exporter", "urllib3", "google.protobuf", "opentelemetry.proto"])
def test_a_missing_exporter_never_reaches_the_application(
    missing: str, asks: dict[str, str], provider: Provider, collector: Collector
) -> None:
    code = f"""
class Missing:
    def find_spec(self, name, path=None, target=None):
        if (name + ".").startswith("{missing}."):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Missing())
for name in [name for name in sys.modules if (name + ".").startswith("{missing}.")]:
    del sys.modules[name]
costspan.init()
print(ask().choices[0].message.role)
costspan.flush(0.3)
print(len(list(ask(stream=False).choices)))
client.close()
"""
    assert run(PREPARE + code, **asks).split() == ["assistant", "1"]
    assert len(provider.asked) == 2
    assert missing != "urllib3" or collector.spans == []  # without it, nothing can leave


FULL_DISK = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
try:
    with open(os.path.join(os.environ["HOME"], "probe"), "w") as probe:
        probe.write("x")
except OSError:
    print("full")
"""


@pytest.mark.parametrize("is_away", [True, False], ids=["collector away", "collector there"])
def test_a_full_disk_never_reaches_the_application(is_away: bool, asks: dict[str, str], collector: Collector) -> None:
    code = f"""
costspan.init({'endpoint="http://127.0.0.1:9"' if is_away else ""})
print(ask().choices[0].message.role)
costspan.flush({0.5 if is_away else 10})
print(ask().choices[0].message.role)
client.close()
"""
    assert run(PREPARE + FULL_DISK + code, **asks).split() == ["full", "assistant", "assistant"]
    assert len(collector.spans) == (0 if is_away else 2)
