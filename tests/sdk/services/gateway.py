"""The first service: knows for which feature it works, and asks the second. Arguments: how, URL of the second."""

import sys
from typing import Any

import httpx
from fastapi import FastAPI
from opentelemetry import baggage, context

import costspan
from tests.sdk.services.propagation import outgoing, set_up
from tests.sdk.services.serve import serve

how, answers_url = sys.argv[1:]
app = FastAPI()


@app.get("/ask/{number}")
async def ask(number: int) -> Any:
    context.attach(baggage.set_baggage("tenant", "blue"))
    with costspan.feature("größe & co", customer="acme", user="u1", value="0.25", plan="pro"):
        return await next_service(f"/answers/{number}")


@app.get("/plain/{number}")
async def plain(number: int) -> Any:
    return await next_service(f"/answers/{number}")


async def next_service(path: str) -> Any:
    async with httpx.AsyncClient(timeout=20) as client:
        response = await client.get(answers_url + path, headers=outgoing(how))
    response.raise_for_status()
    return response.json()


set_up(app, how)
serve(app)
