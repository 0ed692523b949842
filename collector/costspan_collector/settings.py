"""The collector's settings: read in this one place, validated at start. An unknown ``COSTSPAN_`` variable is an error."""

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

_PREFIX = "COSTSPAN_"
# Read by the SDK, which may run beside the collector in the same environment.
SDK_VARIABLES = frozenset(
    {
        "COSTSPAN_API_KEY",
        "COSTSPAN_ENDPOINT",
        "COSTSPAN_ENVIRONMENT",
        "COSTSPAN_EXIT_TIMEOUT_S",
        "COSTSPAN_QUEUE_SIZE",
        "COSTSPAN_RAISE_INTERNAL_ERRORS",
        "COSTSPAN_DEFAULT_FEATURE",
        "COSTSPAN_REQUEST_STREAM_USAGE",
        "COSTSPAN_SPOOL_DIR",
        "COSTSPAN_SPOOL_SIZE_BYTES",
    }
)


class SettingsError(ValueError):
    """A setting is unknown or its value is not allowed; the message names it, the value and what is allowed."""


class Settings(BaseSettings):
    """Everything that the collector can be told. Each field may come from ``COSTSPAN_<NAME>`` or a command-line option."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, extra="forbid", frozen=True)

    host: str = Field("127.0.0.1", description="address to bind")
    port: int = Field(4318, ge=0, le=65535, description="port for OTLP/HTTP, the API and the dashboards; 0 picks a free one")
    database_url: str | None = Field(None, description="a Postgres URL; the embedded Postgres when absent")
    data_dir: Path | None = Field(None, description="folder of the embedded Postgres")
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$")
    body_limit_bytes: int = Field(64 * 1024 * 1024, ge=1024, description="largest OTLP body, before and after decompression")
    queue_calls: int = Field(50_000, ge=1000, description="calls that may wait for the writer before 503 is answered")
    raw_retention_days: int = Field(400, ge=2, description="oldest start time of a call that is accepted")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Options first, then the environment; no files."""
        return init_settings, env_settings


def load(options: Mapping[str, Any] | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """The settings from ``options`` (None values are left out) and the process environment.

    Raises ``SettingsError`` for an unknown ``COSTSPAN_`` variable or a value that is not allowed.
    """
    own = {name.upper() for name in Settings.model_fields}
    known = own | {name.removeprefix(_PREFIX) for name in SDK_VARIABLES}
    for variable in sorted(os.environ if environment is None else environment):
        name = variable.removeprefix(_PREFIX)
        if variable != name and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {_PREFIX}{near[0]}?" if near else f"known: {', '.join(_PREFIX + n for n in sorted(own))}"
            raise SettingsError(f"unknown setting {variable}; {hint}")
    try:
        return Settings(**{name: value for name, value in (options or {}).items() if value is not None})
    except ValidationError as error:
        raise SettingsError(
            "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}, got {e['input']!r}" for e in error.errors())
        ) from None
