"""Code in an interpreter of its own, with the least that it needs to ask the test's provider."""

import os
import subprocess
import sys
import textwrap

PREPARE = """
import costspan, openai, os, sys
client = openai.OpenAI(base_url=os.environ["PROVIDER"] + "/v1", api_key="key")
def ask(**options):
    return client.chat.completions.create(model="gpt-4.1-nano", messages=[{"role": "user", "content": "hi"}], **options)
"""


def run(code: str, *options: str, **variables: str) -> str:
    """Run ``code`` in a fresh interpreter in which every warning is an error. Returns what it printed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("COSTSPAN_", "OTEL_"))}
    done = subprocess.run(
        [sys.executable, "-W", "error", *options, "-c", textwrap.dedent(code)],
        env={**environment, "COSTSPAN_RAISE_INTERNAL_ERRORS": "1", **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout
