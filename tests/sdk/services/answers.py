"""The second service: asks the provider. Arguments: how, URL of the provider. Its environment names the collector."""

import asyncio
import sys
from typing import Any

import openai
from fastapi import FastAPI, Request
from opentelemetry import propagate, trace

import costspan
from tests.sdk.doubles.clients import http
from tests.sdk.services.propagation import incoming, set_up
from tests.sdk.services.serve import serve

how, provider_url = sys.argv[1:]
app = FastAPI()
costspan.init(service="answers")


def propagating(request: Any) -> None:
    """What an instrumentation of the client's HTTP library does."""
    propagate.inject(request.headers)


client = openai.OpenAI(
    base_url=provider_url + "/v1",
    api_key="key",
    http_client=http.Client(verify=False, event_hooks={"request": [propagating], "response": []}),
)


@app.get("/answers/{number}")
async def answer(number: int, request: Request) -> Any:
    with incoming(how, request.headers), trace.get_tracer("answers").start_as_current_span("look up"):
        # Odd ones here, the others in another thread, and after the scope has been left.
        if number % 2:
            completion = complete()
        else:
            work = asyncio.get_running_loop().run_in_executor(None, complete)
    if not number % 2:
        completion = await work
    await asyncio.to_thread(costspan.flush)
    return {"number": number, "answer": completion}


def complete() -> str:
    messages: Any = [{"role": "user", "content": "hi"}]
    completion = client.chat.completions.create(model="gpt-4.1-nano", messages=messages)
    return completion.choices[0].message.content or ""


set_up(app, how)
serve(app)
