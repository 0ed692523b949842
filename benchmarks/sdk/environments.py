"""Environments of the benchmark's own, one for each subject, outside the tree and kept between runs.

The project never depends on a peer: it is installed here and nowhere else.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

from benchmarks.sdk.subjects import COSTSPAN, Subject

ROOT = Path(__file__).parents[2]
_INSTALL_TIMEOUT_S = 900
_STAMP = "requirements.json"
# Whatever else its name says: these decide what a call costs.
_TELLING_DISTRIBUTIONS = ("openai", "httpx2", "httpx", "pydantic", "opentelemetry-sdk", "wrapt")


class NoEnvironmentError(Exception):
    """An environment could not be made; the text says why."""


@dataclass(frozen=True, slots=True)
class Environment:
    """Where one subject is installed, and which versions are in it."""

    python: Path
    versions: dict[str, str]

    @property
    def client(self) -> str:
        """The client's version, HTTP library included: what a subject is compared to must have the same."""
        return " ".join(f"{name} {self.versions[name]}" for name in ("openai", "httpx2", "pydantic") if name in self.versions)


def default_folder() -> Path:
    """Where environments are kept between runs."""
    return user_cache_path("costspan") / "bench-sdk"


def environment_for(subject: Subject, folder: Path, *, is_fresh: bool = False) -> Environment:
    """The environment of ``subject`` below ``folder``, made if it is not there, or anew with ``is_fresh``.

    costspan is built from this tree every time. Raises NoEnvironmentError if something cannot be installed.
    """
    home = folder / subject.name
    stamp = {"python": sys.version, "requirements": list(subject.requirements)}
    if is_fresh or _stamp_in(home) != stamp:
        shutil.rmtree(home, ignore_errors=True)
        venv.EnvBuilder(symlinks=True).create(home)
        _install(home, *subject.requirements)
        (home / _STAMP).write_text(json.dumps(stamp), encoding="utf-8")
    if subject is COSTSPAN:
        _install_this_tree(home)
    python = home / "bin" / "python"
    return Environment(python, _versions_in(python, subject))


def this_environment(subject: Subject) -> Environment:
    """The environment that the benchmark itself runs in, for ``subject``: it holds the client and costspan."""
    return Environment(Path(sys.executable), _versions_in(Path(sys.executable), subject))


def _stamp_in(home: Path) -> object:
    stamp = home / _STAMP
    return json.loads(stamp.read_text(encoding="utf-8")) if stamp.exists() else None


def _install(home: Path, *what: str) -> None:
    # By the pip that runs the benchmark: an environment without its own is made at once, and on every system.
    _run(sys.executable, "-m", "pip", "--python", str(home / "bin" / "python"), "install", "-q", *what)


def _install_this_tree(home: Path) -> None:
    with tempfile.TemporaryDirectory() as built:
        _run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", built)
        (wheel,) = Path(built).glob("*.whl")
        _install(home, str(wheel))
        _install(home, "--force-reinstall", "--no-deps", str(wheel))


def _run(*command: str) -> str:
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=_INSTALL_TIMEOUT_S, cwd=ROOT)
    except subprocess.TimeoutExpired as error:
        raise NoEnvironmentError(f"{' '.join(command[1:])}: not done within {_INSTALL_TIMEOUT_S} s") from error
    if done.returncode != 0:
        errors = [line for line in done.stderr.splitlines() if line.strip() and not line.startswith("WARNING")]
        raise NoEnvironmentError(f"{' '.join(command[1:])}: {' '.join(errors[-3:])}")
    return done.stdout


def _versions_in(python: Path, subject: Subject) -> dict[str, str]:
    wanted = {*_TELLING_DISTRIBUTIONS, subject.name, *(name.split("=")[0].split("<")[0] for name in subject.requirements)}
    program = (
        "import json, importlib.metadata as m;"
        "print(json.dumps({d.metadata['Name'].lower(): d.version for d in m.distributions()}))"
    )
    installed = json.loads(_run(str(python), "-c", program))
    return {name: installed[name] for name in sorted(wanted) if name in installed}
