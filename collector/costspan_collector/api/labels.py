"""POST /api/v1/labels: judgements of calls from those who do not speak OTLP."""

import asyncio
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from costspan_collector.api.json import json_response
from costspan_collector.call import Label
from costspan_collector.services import DEFAULT_PROJECT_ID, Services

_Text = Annotated[str, StringConstraints(min_length=1, max_length=1024, pattern=r"^[^\x00]*$")]


class LabelRequest(BaseModel):
    """A judgement of a call, named by `response_id` or by `trace_id` and `span_id` (hexadecimal)."""

    model_config = ConfigDict(extra="forbid")

    response_id: _Text | None = None
    trace_id: Annotated[str, StringConstraints(pattern="^[0-9a-fA-F]{32}$")] | None = None
    span_id: Annotated[str, StringConstraints(pattern="^[0-9a-fA-F]{16}$")] | None = None
    name: _Text = "correct"
    value: Decimal | None = Field(None, allow_inf_nan=False, description="1 or 0 for `correct`, else a score")
    label: _Text | None = Field(None, description="a category")
    by: Annotated[str, StringConstraints(max_length=1024, pattern=r"^[^\x00]*$")] = Field("", description="who judged")

    @model_validator(mode="after")
    def _complete(self) -> "LabelRequest":
        if (self.trace_id is None) != (self.span_id is None):
            raise ValueError("trace_id and span_id go together")
        if self.trace_id is None and self.response_id is None:
            raise ValueError("say which call: response_id, or trace_id and span_id")
        if self.value is None and self.label is None:
            raise ValueError("say what was judged: value, label, or both")
        return self


def router(services: Services) -> APIRouter:
    """The route of labels."""
    routes = APIRouter(prefix="/api/v1", tags=["labels"])

    @routes.post("/labels", status_code=201)
    async def post_label(request: LabelRequest) -> Response:
        """Label a call. The newest label per call, name and judge counts; the call may still be on its way."""
        label = Label(
            name=request.name,
            observed_time_ns=services.now_ns(),
            value=request.value,
            category=request.label,
            by=request.by,
            trace_id=bytes.fromhex(request.trace_id) if request.trace_id else None,
            span_id=bytes.fromhex(request.span_id) if request.span_id else None,
            response_id=request.response_id,
        )
        await asyncio.wrap_future(services.writer.submit(DEFAULT_PROJECT_ID, [], [label]))
        return json_response({"status": "accepted"}, 201)

    return routes
