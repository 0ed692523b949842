"""Spans and log records of every emitter become calls and labels: one table per emitter over one engine."""
