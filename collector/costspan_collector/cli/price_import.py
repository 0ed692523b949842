"""``costspan prices import``: make the catalogue anew and say what changes."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from costspan.pricing.catalogue import FOLDER
from costspan_collector.cli.output import console
from costspan_collector.prices.corrections import corrections_folder
from costspan_collector.prices.files import write_catalogue
from costspan_collector.prices.importing import Imported, import_catalogue

_MOST_ROWS = 40


def import_prices(
    litellm: Annotated[
        Path | None,
        typer.Option(help="LiteLLM's price table, or a folder in which litellm is installed: the second source"),
    ] = None,
    corrections: Annotated[Path | None, typer.Option(help="folder of corrections [this release's]")] = None,
    current: Annotated[Path | None, typer.Option(help="the catalogue that is upgraded [this release's]")] = None,
    write: Annotated[Path | None, typer.Option(help="folder to write the catalogue to")] = None,
    everything: Annotated[bool, typer.Option("--all", help="show every row")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Make the price catalogue from its sources; show what changes, where the sources differ and what was chosen and why.

    Needs genai-prices beside costspan (`pip install genai-prices`). Nothing is fetched. Exit code 1: there are changes and
    no --write.
    """
    try:
        result = import_catalogue(litellm, corrections or corrections_folder(), current or FOLDER, datetime.now(UTC))
    except ModuleNotFoundError as error:
        raise typer.BadParameter(f"{error.name} is not installed: pip install genai-prices") from None
    except (ValueError, OSError) as error:
        raise typer.BadParameter(str(error)) from None
    models = sum(len(prices.models) for prices in result.providers.values())
    if write is not None:
        write_catalogue(write, result.sources, result.providers, result.model_matches)
    if as_json:
        changes, differences = [[asdict(row) for row in rows] for rows in (result.changes, result.differences)]
        print(json.dumps({"sources": result.sources, "models": models, "changes": changes, "differences": differences}))
    else:
        _show(result, models, write, None if everything else _MOST_ROWS)
    if result.changes and write is None:
        raise typer.Exit(1)


def _show(result: Imported, models: int, written: Path | None, most: int | None) -> None:
    to = console()
    to.print(f"{models} models of {len(result.providers)} providers from {' and '.join(result.sources)}")
    changes = Table("change", "provider", "model", "what", title=f"{len(result.changes)} changes of prices")
    for change in result.changes[:most]:
        changes.add_row(change.kind, change.provider, change.model, change.detail)
    differences = Table(
        *("provider and model", "tier", "meter", "first source", "second source", "chosen", "why"),
        title=f"{len(result.differences)} differences between the sources",
    )
    for row in result.differences[:most]:
        prices = (row.first or "-", row.second or "-", row.chosen)
        differences.add_row(f"{row.provider} {row.model}", row.tier or "standard", row.meter, *prices, row.why)
    for table in (changes, differences):
        if table.row_count:
            to.print(table)
    if most is not None and max(len(result.changes), len(result.differences)) > most:
        to.print(f"the first {most} rows each; --all shows every one")
    if written is not None:
        to.print(f"written to {written}")
