"""An application for gunicorn: observed before the workers are forked, it asks the provider once for each request."""

import os
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

import openai

import costspan

costspan.init()


@lru_cache
def client_of(_: int) -> openai.OpenAI:
    """The client of one process: connections must not be shared over a fork."""
    return openai.OpenAI(base_url=os.environ["PROVIDER"] + "/v1", api_key="key", max_retries=0)


def ask() -> None:
    client_of(os.getpid()).chat.completions.create(model="gpt-4.1-nano", messages=[{"role": "user", "content": "hi"}])


# The parent has had a delivery thread, open connections and a span of its own before it forks.
with costspan.feature("before the fork"):
    ask()


def application(environment: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answers with the id of the process that asked."""
    with costspan.feature(environment["PATH_INFO"].strip("/")):
        ask()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]
