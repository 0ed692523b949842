"""What commands say to wrong use: one line that names it, exit code 2, no traceback."""

import subprocess
import sys

import pytest


def costspan(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "costspan_collector", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_brackets_in_a_name_are_text() -> None:
    done = costspan("price", "x[/bold]", "--provider", "openai", "--input", "1")
    assert done.returncode == 1
    assert "no price for model 'x[/bold]' of provider 'openai'" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [["rerate", "--undo", "1"], ["prices", "unpriced"], ["reconcile", "show"], ["self-hosted", "card", "list"]],
    ids=lambda arguments: arguments[0],
)
def test_a_database_without_tables_is_said_to_be_one(arguments: list[str], postgres_url: str) -> None:
    done = costspan(*arguments, "--database-url", postgres_url)
    assert done.returncode == 2
    assert " ".join(done.stderr.split()) == "costspan: the database has not the tables of this release: run `costspan migrate`"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["reconcile", "show", "--tz", "Mars/Base"], "--tz: 'Mars/Base' is no IANA time zone"),
        (["prices", "adjust", "--tz", "Mars/Base"], "--tz: 'Mars/Base' is no IANA time zone"),
        (["prices", "adjust", "--month", "2026-13"], "month: '2026-13' is no month"),
        (["prices", "adjust", "--add", "[]"], "--add: '[]' is no object"),
        (["prices", "adjust", "--add", "{"], "--add: '{' is no JSON"),
        (["rerate"], "give --from"),
        (["rerate", "--from", "2026-11-01", "--filter", "colour:red"], "unknown dimension 'colour'"),
        (["rerate", "--undo", "77"], "there is no re-rating 77"),
    ],
)
def test_wrong_use_is_named(arguments: list[str], error: str, database_url: str) -> None:
    done = costspan(*arguments, "--database-url", database_url)
    told = " ".join(done.stderr.replace("│", "").split())
    assert done.returncode == 2
    assert error in told
    assert "Traceback" not in told
