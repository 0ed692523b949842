"""The SDK's settings: one frozen object, made once by ``init()``. The only module that reads the environment."""

import difflib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

DEFAULT_ENDPOINT = "http://127.0.0.1:4318"
DEFAULT_SPOOL_SIZE_BYTES = 64 * 1024 * 1024

# What the SDK reads from the environment, and for what.
VARIABLES: Mapping[str, str] = {
    "COSTSPAN_ENDPOINT": f"base URL of the collector; default {DEFAULT_ENDPOINT}",
    "COSTSPAN_API_KEY": "key with the scope `ingest`; default none",
    "COSTSPAN_ENVIRONMENT": "deployment.environment.name of all calls; default none",
    "COSTSPAN_DEFAULT_FEATURE": "name calls of no feature by their route, task or module (1 or 0); default 1",
    "COSTSPAN_REQUEST_STREAM_USAGE": "ask for usage on streams that send it only when asked (1 or 0); default 1",
    "COSTSPAN_QUEUE_SIZE": "most calls and labels held in memory until the collector takes them; default 10000",
    "COSTSPAN_EXIT_TIMEOUT_S": "longest wait for the collector when the process exits, in seconds; default 5",
    "COSTSPAN_SPOOL_DIR": "folder for what the collector could not take; default costspan/spool in the user's state folder",
    "COSTSPAN_SPOOL_SIZE_BYTES": f"most bytes that folder may hold, 0 for no spool; default {DEFAULT_SPOOL_SIZE_BYTES}",
    "COSTSPAN_RAISE_INTERNAL_ERRORS": "raise errors of the SDK itself into the application (1 or 0); for tests; default 0",
}
# The collector's variables, which share the prefix and may be set in the same environment.
COLLECTOR_VARIABLES = frozenset(
    {
        "COSTSPAN_BODY_LIMIT_BYTES",
        "COSTSPAN_DATABASE_URL",
        "COSTSPAN_DATA_DIR",
        "COSTSPAN_HOST",
        "COSTSPAN_LOG_LEVEL",
        "COSTSPAN_PORT",
        "COSTSPAN_QUEUE_CALLS",
        "COSTSPAN_RAW_RETENTION_DAYS",
    }
)
_TRUE = ("1", "true", "yes", "on")
_FALSE = ("0", "false", "no", "off")


@dataclass(frozen=True, slots=True)
class Settings:
    """``service`` and ``environment`` are None where the OpenTelemetry resource decides: the application's own, else
    the one that ``OTEL_SERVICE_NAME`` and ``OTEL_RESOURCE_ATTRIBUTES`` make, which OpenTelemetry reads itself.
    ``spool_dir`` is an absolute path, or None for no spool."""

    endpoint: str = DEFAULT_ENDPOINT
    api_key: str | None = field(default=None, repr=False)
    service: str | None = None
    environment: str | None = None
    default_feature: bool = True
    request_stream_usage: bool = True
    queue_size: int = 10_000
    exit_timeout_s: float = 5.0
    spool_dir: Path | None = None
    spool_size_bytes: int = DEFAULT_SPOOL_SIZE_BYTES
    raise_internal_errors: bool = False

    @property
    def spool_of(self) -> tuple[str, str | None, Path | None, int]:
        """What decides which spool it is."""
        return self.endpoint, self.api_key, self.spool_dir, self.spool_size_bytes


def load(
    *,
    endpoint: str | None = None,
    api_key: str | None = None,
    service: str | None = None,
    environment: str | None = None,
    default_feature: bool | None = None,
    request_stream_usage: bool | None = None,
    queue_size: int | None = None,
    exit_timeout_s: float | None = None,
    spool_dir: str | os.PathLike[str] | None = None,
    spool_size_bytes: int | None = None,
    variables: Mapping[str, str] | None = None,
) -> Settings:
    """Settings from arguments, then from ``variables`` (the process environment), then defaults.

    Raises ValueError that names the argument or variable, its value and what is allowed; an unknown ``COSTSPAN_*``
    variable is one. An empty variable counts as not set.
    """
    given = {name: value for name, value in (os.environ if variables is None else variables).items() if value}
    _refuse_unknown(given)
    size_bytes = int(
        _number("COSTSPAN_SPOOL_SIZE_BYTES", given, spool_size_bytes, DEFAULT_SPOOL_SIZE_BYTES, least=0, below=2**63)
    )
    folder = _spool_dir(spool_dir, given)
    return Settings(
        endpoint=_endpoint(endpoint, given.get("COSTSPAN_ENDPOINT")),
        api_key=_api_key(api_key, given.get("COSTSPAN_API_KEY")),
        service=_text("service", service),
        environment=_text("environment", environment) or given.get("COSTSPAN_ENVIRONMENT"),
        default_feature=_flag("COSTSPAN_DEFAULT_FEATURE", given, default_feature, True),
        request_stream_usage=_flag("COSTSPAN_REQUEST_STREAM_USAGE", given, request_stream_usage, True),
        queue_size=int(_number("COSTSPAN_QUEUE_SIZE", given, queue_size, 10_000, least=1)),
        exit_timeout_s=_number("COSTSPAN_EXIT_TIMEOUT_S", given, exit_timeout_s, 5.0, least=0),
        spool_dir=folder if size_bytes else None,
        spool_size_bytes=size_bytes,
        raise_internal_errors=_flag("COSTSPAN_RAISE_INTERNAL_ERRORS", given, None, False),
    )


def _refuse_unknown(given: Mapping[str, str]) -> None:
    for name in given:
        if name.startswith("COSTSPAN_") and name not in VARIABLES and name not in COLLECTOR_VARIABLES:
            near = difflib.get_close_matches(name, [*VARIABLES, *COLLECTOR_VARIABLES], n=1, cutoff=0.0)
            raise ValueError(f"environment variable {name} is not known; did you mean {near[0]}?")


def _endpoint(argument: str | None, variable: str | None) -> str:
    name = "endpoint" if argument is not None else "COSTSPAN_ENDPOINT"
    value = argument if argument is not None else variable or DEFAULT_ENDPOINT
    problem = f"{name}: {value!r} is no base URL; give http://host:port or https://host, without query or credentials"
    if not isinstance(value, str):
        raise ValueError(problem)
    parts = urlsplit(value)
    try:
        is_url = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_url = False
    if not is_url or parts.query or parts.fragment or parts.username is not None:
        raise ValueError(problem)
    return value.rstrip("/")


def _api_key(argument: str | None, variable: str | None) -> str | None:
    name = "api_key" if argument is not None else "COSTSPAN_API_KEY"
    value = argument if argument is not None else variable
    if value is None:
        return None
    if not isinstance(value, str) or not value or not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError(f"{name}: the value cannot be sent in a header; give a key of printable ASCII without blanks")
    return value


def _text(name: str, argument: str | None) -> str | None:
    if argument is not None and (not isinstance(argument, str) or not argument.strip()):
        raise ValueError(f"{name}: {argument!r} is no text; give a str with something in it")
    return argument


def _flag(variable: str, given: Mapping[str, str], argument: bool | None, default: bool) -> bool:
    if argument is not None:
        return bool(argument)
    text = given.get(variable, "").strip().lower()
    if not text:
        return default
    if text not in _TRUE + _FALSE:
        raise ValueError(f"{variable}: {given[variable]!r} is neither yes nor no; give 1 or 0")
    return text in _TRUE


def _number(
    variable: str, given: Mapping[str, str], argument: float | None, default: float, *, least: float, below: float = 1e9
) -> float:
    name = variable if argument is None else variable.removeprefix("COSTSPAN_").lower()
    value: object = given.get(variable, default) if argument is None else argument
    try:
        number = type(default)(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = None
    if number is None or isinstance(value, bool) or not least <= number < below:
        kind = "a whole number" if isinstance(default, int) else "a number"
        raise ValueError(f"{name}: {value!r} is not allowed; give {kind} of at least {least}")
    return number


def _spool_dir(argument: str | os.PathLike[str] | None, given: Mapping[str, str]) -> Path | None:
    """The folder, absolute. Without a setting: the user's state folder, or None where there is no such thing."""
    name = "spool_dir" if argument is not None else "COSTSPAN_SPOOL_DIR"
    value = argument if argument is not None else given.get("COSTSPAN_SPOOL_DIR")
    if value is None:
        return _default_spool_dir(given)
    if sys.platform == "win32":
        raise ValueError(f"{name}: {value!r} cannot be used; the spool needs the file locks of POSIX")
    try:
        text = os.fspath(value)
        if isinstance(text, str) and text.strip() and "\0" not in text:
            return Path(text).expanduser().absolute()
    except (TypeError, RuntimeError, OSError):
        pass
    raise ValueError(f"{name}: {value!r} is no folder; give its path")


def _default_spool_dir(given: Mapping[str, str]) -> Path | None:
    """https://specifications.freedesktop.org/basedir-spec/latest/: what outlives a restart and is no document."""
    state = given.get("XDG_STATE_HOME", "")
    if not Path(state).is_absolute():
        state = os.path.expanduser("~/.local/state")  # noqa: PTH111 - leaves ~ where there is no home, and does not raise
    folder = Path(state, "costspan", "spool")
    return folder if folder.is_absolute() and sys.platform != "win32" else None
