"""What a budget looks like on the wire, checked."""

import base64
import secrets
from decimal import Decimal
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator

from costspan_collector.call import DIMENSIONS
from costspan_collector.filters import FilterError, parse

_LARGEST_AMOUNT = Decimal(10) ** 18


class WebhookChannel(BaseModel):
    """A webhook, signed as the Standard Webhooks specification says. A secret is made when none is given."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["webhook"]
    url: str = Field(max_length=2000)
    secret: str = Field(default_factory=lambda: "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode())

    @field_validator("url")
    @classmethod
    def _url(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must be an http or https address")
        return value

    @field_validator("secret")
    @classmethod
    def _secret(cls, value: str) -> str:
        try:
            key = base64.b64decode(value.removeprefix("whsec_"), validate=True)
        except ValueError:
            key = b""
        if not value.startswith("whsec_") or not 24 <= len(key) <= 64:
            raise ValueError("must be whsec_ followed by 24 to 64 bytes in base64")
        return value


class BudgetRequest(BaseModel):
    """A budget to create. Amounts and thresholds are decimal strings (numbers without a fraction are accepted)."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200)
    kind: Literal["spend"] = "spend"
    filter: str = Field("", max_length=4000)
    fan_out: list[str] = Field(default_factory=list, max_length=len(DIMENSIONS))
    period: Literal["hour", "day", "week", "month"] = "month"
    timezone: str = "UTC"
    amount_usd: Decimal = Field(gt=0, lt=_LARGEST_AMOUNT, decimal_places=18)
    thresholds: Annotated[list[Decimal], Field(min_length=1, max_length=20)] = [Decimal("0.5"), Decimal("0.8"), Decimal(1)]
    action: Literal["alert"] = "alert"
    channels: list[WebhookChannel] = Field(default_factory=list, max_length=20)

    @field_validator("amount_usd", mode="before")
    @classmethod
    def _amount(cls, value: Any) -> Any:
        if isinstance(value, float) and not value.is_integer():
            raise ValueError('write amounts as decimal strings, such as "12.50", so that no digit is lost')
        return str(int(value)) if isinstance(value, float) else value

    @field_validator("thresholds", mode="before")
    @classmethod
    def _thresholds(cls, value: Any) -> Any:
        return [repr(item) if isinstance(item, float) else item for item in value] if isinstance(value, list) else value

    @field_validator("thresholds")
    @classmethod
    def _ascending(cls, value: list[Decimal]) -> list[Decimal]:
        if any(not 0 < threshold <= 100 for threshold in value) or value != sorted(set(value)):
            raise ValueError("must be different fractions above 0 and up to 100, in ascending order")
        return value

    @field_validator("filter")
    @classmethod
    def _filter(cls, value: str) -> str:
        try:
            parse(value)
        except FilterError as error:
            raise ValueError(str(error)) from None
        return value

    @field_validator("fan_out")
    @classmethod
    def _fan_out(cls, value: list[str]) -> list[str]:
        if any(name not in DIMENSIONS for name in value) or len(set(value)) < len(value):
            raise ValueError(f"must be different dimensions out of {', '.join(DIMENSIONS)}")
        return value

    @field_validator("timezone")
    @classmethod
    def _timezone(cls, value: str) -> str:
        try:
            return ZoneInfo(value).key
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("must be an IANA time zone, such as UTC or Europe/Berlin") from None
