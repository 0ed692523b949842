"""Checks at the end of a process and across a fork."""

import os
import subprocess
import sys
import time

import pytest

from tests.sdk.conftest import Sdk
from tests.sdk.doubles.provider import Provider, recording

BEGIN = """
import os, sys, time, openai, costspan
costspan.init(endpoint=sys.argv[1], service="tests", exit_timeout_s=float(sys.argv[3]))
client = openai.OpenAI(base_url=sys.argv[2] + "/v1", api_key="key")
def ask():
    with costspan.feature("search"):
        client.chat.completions.create(model="gpt-5", messages=[{"role": "user", "content": "hi"}])
"""
EXITING = """
costspan.check("search", lambda output: True)
ask()
"""
# What threads do at exit from Python 3.12 on: no new one can be started.
THREADLESS = """
import atexit, threading
def refuse(thread):
    raise RuntimeError("can't create new thread at interpreter shutdown")
ask()
costspan.flush()
costspan.check("search", lambda output: True)
ask()
atexit.register(lambda: setattr(threading.Thread, "start", refuse))
"""
SLOW = """
costspan.check("search", lambda output: time.sleep(60))
ask()
"""
FORKING = """
import warnings
warnings.simplefilter("ignore")
costspan.check("search", lambda output: os.getpid())
ask()
costspan.flush()
child = os.fork()
if child == 0:
    ask()
    assert costspan.flush()
    os._exit(0)
_, status = os.waitpid(child, 0)
ask()
print(os.getpid(), child, status)
"""


def run(script: str, provider: Provider, sdk: Sdk, exit_timeout_s: float = 10.0) -> str:
    provider.say(recording("chat_cached").answer())
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + script, sdk.collector.url, provider.url, str(exit_timeout_s)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("script", [EXITING, THREADLESS], ids=["threads", "no more threads"])
def test_the_last_answer_of_a_process_is_checked(script: str, provider: Provider, sdk: Sdk) -> None:
    run(script, provider, sdk)
    (log,) = sdk.collector.logs
    assert log.span_id == sdk.spans()[-1].span_id


def test_a_slow_check_does_not_hold_up_the_end(provider: Provider, sdk: Sdk) -> None:
    begun = time.monotonic()
    run(SLOW, provider, sdk, exit_timeout_s=1.0)
    assert time.monotonic() - begun < 20
    assert sdk.span()["costspan.feature"] == "search"
    assert sdk.collector.logs == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_checks_its_own_answers(provider: Provider, sdk: Sdk) -> None:
    parent, child, status = (int(word) for word in run(FORKING, provider, sdk).split())
    assert status == 0
    assert [log.attributes["gen_ai.evaluation.score.value"] for log in sdk.collector.logs] == [parent, child, parent]
    assert [log.span_id for log in sdk.collector.logs] == [span.span_id for span in sdk.spans()]
