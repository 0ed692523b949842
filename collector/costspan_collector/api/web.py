"""The web application: all routes over the running parts."""

from importlib.metadata import version

from fastapi import FastAPI

from costspan_collector.api import (
    adjustments,
    alerts,
    budgets,
    calls,
    forecast,
    health,
    labels,
    otlp,
    pages,
    prices,
    problems,
    reconciliation,
    rerates,
    self_hosted,
    spend,
)
from costspan_collector.services import Services


def application(services: Services) -> FastAPI:
    """The ASGI application of the collector."""
    app = FastAPI(
        title="costspan",
        version=version("costspan"),
        description="What each AI feature costs. Money is decimal text; unknown is null, never 0.",
        docs_url=None,
        redoc_url=None,
    )
    problems.install(app)
    for module in (
        otlp,
        spend,
        forecast,
        calls,
        reconciliation,
        prices,
        rerates,
        self_hosted,
        adjustments,
        labels,
        budgets,
        alerts,
        health,
    ):
        app.include_router(module.router(services))
    app.include_router(pages.router())
    return app
