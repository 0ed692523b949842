"""The real client libraries, driven with recorded requests: one module for each family of clients."""

from tests.traffic.cases import Case
from tests.traffic.drivers import (
    anthropic,
    aws,
    cohere,
    google,
    groq,
    huggingface,
    litellm,
    mistral,
    ollama,
    openai,
    together,
    writer,
)
from tests.traffic.drivers._plan import Driver

DRIVERS: tuple[Driver, ...] = (
    google.DRIVER,
    aws.BOTO,
    aws.AIOBOTO,
    anthropic.DRIVER,
    mistral.DRIVER,
    cohere.DRIVER,
    groq.DRIVER,
    together.DRIVER,
    ollama.DRIVER,
    huggingface.DRIVER,
    writer.DRIVER,
    openai.DRIVER,
    litellm.DRIVER,
)


def drivers_of(case: Case) -> list[Driver]:
    """The clients that can make the recorded call: its own, and those that wrap others."""
    return [driver for driver in DRIVERS if driver.handles(case)]
