"""What a call is booked on if the application has named no feature: its route, its task, or the module that makes it."""

import sys
import sysconfig
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

from costspan import _context, _entry_spans
from costspan._attribution import NOTHING, Attribution
from costspan._guard import guard

MODULE = "module"

# Model clients, and what applications are built on and run by: never the ones whose idea a call was.
_CLIENTS = """
aiobotocore aioboto3 anthropic boto3 botocore cohere dashscope fireworks google groq huggingface_hub litellm mistralai
ollama openai replicate together vertexai voyageai writerai xai_sdk zai zhipuai
agents agno autogen autogen_agentchat autogen_core autogen_ext crewai dspy guidance haystack instructor langchain
langchain_classic langchain_community langchain_core langgraph llama_index magentic marvin mem0 mirascope outlines
pydantic_ai pydantic_graph ragas semantic_kernel smolagents
"""
_FRAMEWORKS = """
_pytest aiohttp airflow aiokafka anyio apscheduler arq asgiref backoff billiard bottle celery channels channels_redis
chainlit click cheroot concurrent_log_handler dagster daphne ddtrace django dramatiq faust fastapi flask flask_restful
gevent gradio granian graphene greenlet gunicorn h11 h2 httpcore httptools httpx huey hypercorn ipykernel IPython kafka
kombu litestar logfire luigi nameko newrelic ninja opentelemetry pika pluggy prefect procrastinate pydantic pydantic_core
pyramid pytest pytest_asyncio quart ray requests rest_framework retry rich robyn rq sanic sentry_sdk socketio starlette
strawberry streamlit taskiq temporalio tenacity tornado trio twisted typer urllib3 uvicorn uvloop waitress websockets
werkzeug wrapt
"""
_PASSED_OVER = frozenset((_CLIENTS + _FRAMEWORKS).split())
_NAMED_BY_WORDS = "agents bottle channels click faust google guidance instructor ninja outlines ray retry rich together"
# These an application may well have a package of its own by the name of: passed over only where they are installed.
_WORDS = frozenset(_NAMED_BY_WORDS.split())

# What a name is good for if a process makes up ever new ones: after that many, calls are left without.
_MOST_FEATURES = 1000
_features: set[str] = set()
# What holds where a default feature is all that there is.
_alone: dict[tuple[str, str | None], Attribution] = {}

_INSTALLED, _OWN = 1, 2
# By the name of a module: whose it is, None if it is passed over, and what it is called.
_places: dict[str, tuple[int, str] | None] = {}


def attribution(outer: Attribution | None, *, is_wanted: bool) -> Attribution:
    """What holds here. With a default feature if none is named and one ``is_wanted``: that of the call in progress, if
    it is made on behalf of one, which has the attribution ``outer``."""
    said = _context.current()
    if said.feature is not None or not is_wanted:
        return said
    with guard:
        feature, source = None, None
        if outer is not None:
            feature, source = outer.feature, outer.feature_source
        if feature is None:
            feature, source = _by_entry() or _by_module() or (None, None)
        if feature is not None:
            if said is not NOTHING:
                return replace(said, feature=feature, feature_source=source)
            known = _alone.get((feature, source))
            if known is None:
                known = _alone[feature, source] = Attribution(feature=feature, feature_source=source)
            return known
    return said


def _by_entry() -> tuple[str, str] | None:
    entry = _entry_spans.enclosing()
    feature = None if entry is None else entry.feature()
    return (feature, entry.source) if entry is not None and feature is not None and _is_one_of_few(feature) else None


def _by_module() -> tuple[str, str] | None:
    """The nearest module of the application; of one that is installed as a whole, the nearest that is no known one."""
    frame: FrameType | None = sys._getframe(2)
    installed = None
    while frame is not None:
        variables = frame.f_globals
        name: Any = variables.get("__name__")
        try:
            place = _places[name]
        except KeyError:
            place = _locate(name, variables, frame.f_code.co_filename)
        if place is not None:
            if place[0] == _OWN:
                return place[1], MODULE
            installed = installed or place[1]
        frame = frame.f_back
    return None if installed is None else (installed, MODULE)


def _locate(name: Any, variables: dict[str, Any], code_file: str) -> tuple[int, str] | None:
    place = None
    if isinstance(name, str) and len(_places) < 10 * _MOST_FEATURES:
        file = variables.get("__file__")
        place = _place(name, variables, file if isinstance(file, str) else code_file)
        if place is not None and not _is_one_of_few(place[1]):
            place = None
        _places[name] = place
    return place


def _place(name: str, variables: dict[str, Any], file: str) -> tuple[int, str] | None:
    is_script = name in ("__main__", "__mp_main__")
    called = _called(variables) if is_script else name
    package = called.partition(".")[0]
    is_installed = "site-packages" in file or "dist-packages" in file
    if package == "costspan" or (package in _PASSED_OVER and (is_installed or package not in _WORDS)):
        return None
    if is_installed:
        return _INSTALLED, called
    if file.startswith("<"):
        is_standard = name.partition(".")[0] in sys.stdlib_module_names
    else:
        is_standard = _folder(file).startswith(_STANDARD) or (is_script and Path(file).parent == _SCRIPTS)
    return None if is_standard else (_OWN, called)


def _called(variables: dict[str, Any]) -> str:
    """The name of the module that is run as a script."""
    specified = getattr(variables.get("__spec__"), "name", None)
    if isinstance(specified, str) and specified != "__main__":
        return specified.removesuffix(".__main__")
    file = variables.get("__file__")
    if not isinstance(file, str):
        return "__main__"
    path = Path(file).resolve()
    return (path.parent.stem if path.stem == "__main__" else path.stem) or "__main__"


def _is_one_of_few(feature: str) -> bool:
    if feature not in _features:
        if len(_features) >= _MOST_FEATURES:
            return False
        _features.add(feature)
    return True


def _folder(path: str) -> str:
    return str(Path(path).resolve()) + "/"


_STANDARD = tuple(_folder(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib"))
_SCRIPTS = Path(sysconfig.get_path("scripts"))
