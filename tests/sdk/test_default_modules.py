"""Which module a call is booked on, and the entry spans of real frameworks. Each case is a program of its own."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.sdk.doubles.collector import Collector
from tests.sdk.doubles.provider import Provider, recording

ASK = """
import os, openai
def ask():
    with openai.OpenAI(base_url=os.environ["PROVIDER"] + "/v1", api_key="key") as client:
        client.chat.completions.create(model="gpt-4.1-nano", messages=[{"role": "user", "content": "hi"}])
"""
START = "import costspan\ncostspan.init()\n"


class Program:
    """Files of a program, and what its calls are booked on when it is run."""

    def __init__(self, folder: Path, provider: Provider, collector: Collector) -> None:
        self.folder = folder
        self._collector = collector
        names = {name: value for name, value in os.environ.items() if not name.startswith(("COSTSPAN_", "OTEL_"))}
        self._environment = {
            **names,
            "COSTSPAN_RAISE_INTERNAL_ERRORS": "1",
            "COSTSPAN_ENDPOINT": collector.url,
            "PROVIDER": provider.url,
        }
        provider.say(recording("chat_cached").answer())

    def write(self, path: str, code: str) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(code, encoding="utf-8")

    def run(self, *arguments: str, path: str = "") -> list[tuple[Any, Any]]:
        """Run the interpreter with ``arguments``; ``path`` is a folder to import from as well."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env={**self._environment, "PYTHONPATH": str(self.folder / path)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return [(span.get("costspan.feature"), span.get("costspan.feature.source")) for span in self._collector.spans]


@pytest.fixture
def program(tmp_path: Path, provider: Provider, collector: Collector) -> Program:
    return Program(tmp_path, provider, collector)


def test_a_script_is_called_by_its_file(program: Program) -> None:
    program.write("nightly_report.py", START + ASK + "ask()")
    assert program.run("nightly_report.py") == [("nightly_report", "module")]


def test_a_module_or_package_that_is_run_by_its_name(program: Program) -> None:
    program.write("shop/__init__.py", "")
    program.write("shop/report.py", START + ASK + "ask()")
    program.write("shop/__main__.py", START + ASK + "ask()")
    program.run("-m", "shop.report")
    program.run("-m", "shop")
    assert program.run("shop") == [("shop.report", "module"), ("shop", "module"), ("shop", "module")]


def test_code_without_a_file(program: Program) -> None:
    assert program.run("-c", START + ASK + "ask()") == [("__main__", "module")]


def test_the_nearest_module_of_the_application_counts(program: Program) -> None:
    program.write("shop/__init__.py", "")
    program.write("shop/answers.py", ASK)
    program.write("run.py", START + "from shop.answers import ask\nask()")
    assert program.run("run.py") == [("shop.answers", "module")]


def test_the_standard_library_and_what_is_installed_are_passed_over(program: Program) -> None:
    program.write("site-packages/helper/__init__.py", ASK)
    program.write("run.py", START + "import helper, functools\nlist(map(functools.partial(lambda _: helper.ask()), [1]))")
    assert program.run("run.py", path="site-packages") == [("run", "module")]


def test_a_program_that_is_installed_as_a_whole_has_its_own_module(program: Program) -> None:
    program.write("site-packages/shop/__init__.py", "")
    program.write("site-packages/shop/answers.py", ASK)
    program.write("site-packages/tenacity.py", "def call(function):\n    function()")
    program.write("site-packages/shop/main.py", START + "import tenacity\nfrom shop.answers import ask\ntenacity.call(ask)")
    assert program.run("-m", "shop.main", path="site-packages") == [("shop.answers", "module")]


def test_known_libraries_are_passed_over_wherever_they_lie(program: Program) -> None:
    # As in a function-as-a-service bundle, where everything lies in one folder.
    program.write("langchain_core/__init__.py", ASK)
    program.write("agents/__init__.py", "import langchain_core\ndef work():\n    langchain_core.ask()")
    program.write("run.py", START + "import agents\nagents.work()")
    assert program.run("run.py") == [("agents", "module")]


def test_a_worker_that_is_spawned_knows_the_script(program: Program) -> None:
    program.write(
        "crunch.py",
        "import costspan\n"
        + ASK
        + "def work():\n    costspan.init()\n    ask()\n    costspan.flush()\n"
        + "if __name__ == '__main__':\n    import multiprocessing\n    multiprocessing.set_start_method('spawn')\n"
        + "    process = multiprocessing.Process(target=work)\n    process.start()\n    process.join()\n",
    )
    assert program.run("crunch.py") == [("crunch", "module")]


def test_code_that_is_made_up_at_run_time(program: Program) -> None:
    program.write("run.py", START + ASK + "exec('ask()', {'ask': ask, '__name__': 'made.up'})\nexec('ask()', {'ask': ask})")
    assert program.run("run.py") == [("run", "module")] * 2


DJANGO = """
from django.conf import settings
settings.configure(ROOT_URLCONF="urls", ALLOWED_HOSTS=["*"], SECRET_KEY="k", DEBUG=False, MIDDLEWARE=[])
import django
django.setup()
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON
trace.set_tracer_provider(TracerProvider(sampler={sampler}))
from opentelemetry.instrumentation.django import DjangoInstrumentor
DjangoInstrumentor().instrument()
from django.test import Client
assert Client().get("/users/7/").status_code == 200
assert Client().get("/nowhere/7/").status_code == 404
"""
URLS = """
from django.http import HttpResponse
from django.urls import path
from ask import ask
def user(request, number):
    ask()
    return HttpResponse("")
def missing(request, exception):
    ask()
    return HttpResponse("", status=404)
urlpatterns = [path("users/<int:number>/", user)]
handler404 = missing
"""


@pytest.mark.parametrize("sampler", ["ALWAYS_ON", "ALWAYS_OFF"])
def test_a_view_of_django(sampler: str, program: Program) -> None:
    program.write("ask.py", ASK)
    program.write("urls.py", URLS)
    program.write("run.py", START + DJANGO.format(sampler=sampler))
    assert program.run("run.py") == [("GET users/<int:number>/", "route"), ("ask", "module")]


CELERY = """
from celery import Celery
from celery.contrib.testing.worker import start_worker
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON
from opentelemetry.instrumentation.celery import CeleryInstrumentor
from ask import ask
trace.set_tracer_provider(TracerProvider(sampler={sampler}))
CeleryInstrumentor().instrument()
app = Celery("shop", broker="memory://", backend="cache+memory://")
@app.task(name="shop.rank")
def rank():
    ask()
with start_worker(app, pool="solo", perform_ping_check=False):
    rank.delay().get(timeout=20)
    with costspan.feature("search"):
        waiting = rank.delay()
    waiting.get(timeout=20)
"""


@pytest.mark.parametrize("sampler", ["ALWAYS_ON", "ALWAYS_OFF"])
def test_a_task_of_celery_and_a_feature_that_goes_to_it_with_the_message(sampler: str, program: Program) -> None:
    program.write("ask.py", ASK)
    program.write("run.py", START + CELERY.format(sampler=sampler))
    assert program.run("run.py") == [("shop.rank", "task"), ("search", None)]
