"""Write docs/self-hosted/README.md and its picture from the throughputs measured there: ``python -m tools.self_hosted_page``."""

import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from math import log10
from pathlib import Path
from typing import Any, NamedTuple

from costspan import money
from costspan.pricing.self_hosted import DEFAULT_WEIGHTS, Figure, SelfHostedCard, price_line

FOLDER = Path(__file__).parents[1] / "docs" / "self-hosted"
PRICES = (Decimal("2.50"), Decimal("3.50"))
UTILISATIONS = (Decimal(1), Decimal("0.6"), Decimal("0.3"), Decimal("0.1"))
NAMES = {"NVIDIA H100 80GB HBM3": "H100", "NVIDIA H200": "H200"}
MILLION = 1_000_000


class Point(NamedTuple):
    gpu: str
    model: str
    phase: str
    batch: int
    length: int
    tokens_per_s: Decimal


def points() -> list[Point]:
    data = json.loads((FOLDER / "gpu_throughput.json").read_text(encoding="utf-8"), parse_float=Decimal)
    return [
        Point(NAMES[machine["device"]], row["model"], row["phase"], row["batch"], row.get("context") or row["length"], Decimal(row["tokens_per_s"]))
        for machine in data["machines"]
        for row in machine["rows"]
    ]  # fmt: skip


def usd_per_million(
    tokens_per_s: Decimal, usd_per_gpu_hour: Decimal, utilisation: Decimal = Decimal(1), counted: str = "decode"
) -> Decimal:
    """Dollars a million tokens, by the same card and rate as a call is priced by."""
    card = SelfHostedCard(
        "own", "model", 1, usd_per_gpu_hour, Figure(tokens_per_s, True), Figure(utilisation, True), DEFAULT_WEIGHTS, counted
    )
    rate = price_line(card).rates["output" if counted == "decode" else "input"]
    return money.line_amount(MILLION, rate.price, rate.per)


def _find(found: Sequence[Point], **wanted: Any) -> Point | None:
    return next((point for point in found if all(getattr(point, name) == value for name, value in wanted.items())), None)


def _table(found: Sequence[Point]) -> Iterator[str]:
    yield "| model, context | card | batch 1: tokens/s | at $2.50 | at $3.50 | batch 256: tokens/s | at $2.50 | at $3.50 |"
    yield "|---|---|---:|---:|---:|---:|---:|---:|"
    for model in ("8b", "1b"):
        for length in (512, 2048):
            for gpu in ("H100", "H200"):
                cells = [f"{model.upper()}, {length}", gpu]
                for batch in (1, 256):
                    point = _find(found, gpu=gpu, model=model, phase="decode", batch=batch, length=length)
                    if point is None:
                        cells += ["not measured", "", ""]
                        continue
                    cells.append(f"{point.tokens_per_s:,}")
                    cells += [f"${usd_per_million(point.tokens_per_s, price):.2f}" for price in PRICES]
                yield f"| {' | '.join(cells)} |"


def _prefill(found: Sequence[Point]) -> Iterator[str]:
    yield "| model, prompt | card | batch 8: tokens/s | at $2.50 | at $3.50 |"
    yield "|---|---|---:|---:|---:|"
    for model in ("8b", "1b"):
        for gpu in ("H100", "H200"):
            point = _find(found, gpu=gpu, model=model, phase="prefill", batch=8, length=2048)
            if point is not None:
                costs = (f"${usd_per_million(point.tokens_per_s, price, counted='prefill'):.4f}" for price in PRICES)
                yield f"| {model.upper()}, 2048 | {gpu} | {point.tokens_per_s:,} | {' | '.join(costs)} |"


def _busy(point: Point) -> Iterator[str]:
    yield "| busy share of the hour | $ a million tokens written |"
    yield "|---:|---:|"
    for share in UTILISATIONS:
        yield f"| {share:.0%} | ${usd_per_million(point.tokens_per_s, PRICES[0], share):.2f} |"


def page(found: Sequence[Point]) -> str:
    def cost(gpu: str, batch: int, price: Decimal) -> Decimal:
        point = _find(found, gpu=gpu, model="8b", phase="decode", batch=batch, length=512)
        assert point is not None
        return usd_per_million(point.tokens_per_s, price)

    low, high = PRICES
    one, many = cost("H100", 1, low), cost("H100", 256, low)
    full = _find(found, gpu="H100", model="8b", phase="decode", batch=256, length=512)
    assert full is not None
    nl = "\n"
    return f"""# What a token costs on machines of your own

Written by `python -m tools.self_hosted_page` from `gpu_throughput.json` beside it: Llama-shaped models of 8 and 1 billion parameters on one H100 and one
H200, measured on 2026-11-23 with Hugging Face transformers and CUDA-graphed decoding. It is not a tuned server; one like vLLM writes more. The shape
of the picture stays the same.

![Dollars a million written tokens by batch size, on an H100 and an H200](cost-by-batch.svg)

## At batch 1 and at batch 256

Dollars a million tokens written, with the card busy all the time:

{nl.join(_table(found))}

* **Batching decides.** The 8B model on an H100 at $2.50 an hour costs ${one:.2f} a million tokens for one reader at a time and ${many:.2f} for 256 at once: {one / many:.0f} times
  less, on the same machine. What a token costs is a matter of how many are served together, and only then of the card.
* **The dearer card.** At $3.50 the H200 costs ${cost("H200", 1, high):.2f} at batch 1 and ${cost("H200", 256, high):.2f} at batch 256, against ${one:.2f} and ${many:.2f} for the H100 at $2.50: it is
  faster by less than it is dearer. It is worth its price where its memory is needed: at a context of 2048 only the H200 was measured with a batch of 256.
* **Long contexts cost.** At four times the context a batch of 128 writes about a third as much.

## Reading is cheap

Dollars a million tokens read:

{nl.join(_prefill(found))}

A token read takes a fraction of the machine's time that a token written takes. A card therefore counts *weighted tokens*: one for a token read, four for one written, a
tenth for one read from a cache, unless it says otherwise.

## Idle machines

The same 8B model on an H100 at $2.50, batch 256, by how busy it is:

{nl.join(_busy(full))}

## In costspan

    costspan self-hosted card add --provider vllm --model our-llama-8b --gpu H100 --usd-per-gpu-hour 2.50 \\
        --tokens-per-s {full.tokens_per_s} --utilisation 0.6

From then on each call of that model has the **standard price** at once: an hour's dollars over the weighted tokens of a busy hour. It is exact (dollars for tokens, never the
quotient), and `estimated` until both speed and utilisation are `--measured`.

When the bill is known, it replaces the standard price:

    costspan self-hosted bill november.csv --source "invoice 4711"   # the columns hour and usd
    costspan self-hosted hours

Each hour's bill is split over that hour's calls by their weighted tokens, to the last digit; what the machines could have done and did not is **idle**, a line of its own, so that calls
and idle add up to the bill. Calls, rollups and budgets follow. The same bill again takes up calls that came late; another one moves by the difference; it can be taken back. A
re-rating leaves such calls alone. What is idle is no call's cost: spend by feature is what the features used.
"""


_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP, _RIGHT = 720, 400, 70, 50, 20, 120
_X, _Y = (1, 256), (Decimal("0.2"), Decimal(10))


def picture(found: Sequence[Point]) -> str:
    """An SVG: dollars a million written tokens by batch size, both axes logarithmic."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="system-ui, sans-serif" font-size="13">',
        (
            "<style>text{fill:#333}.axis{stroke:#999}.h100{stroke:#0b6e99;fill:#0b6e99}.h200{stroke:#b4541a;fill:#b4541a}"
            "@media(prefers-color-scheme:dark){text{fill:#ddd}.axis{stroke:#777}.h100{stroke:#5cb8e0;fill:#5cb8e0}"
            ".h200{stroke:#f0995c;fill:#f0995c}}polyline{fill:none!important;stroke-width:2}</style>"
        ),
    ]
    for batch in (1, 4, 16, 64, 256):
        x = _x(batch)
        parts.append(f'<line class="axis" x1="{x}" x2="{x}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}" stroke-opacity=".4"/>')
        parts.append(f'<text x="{x}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle">{batch}</text>')
    for usd in ("0.2", "0.5", "1", "2", "5", "10"):
        y = _y(Decimal(usd))
        parts.append(f'<line class="axis" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}" stroke-opacity=".4"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">${usd}</text>')
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{_HEIGHT - 10}" text-anchor="middle">requests served together (8B, context 512)</text>')
    for gpu, price in zip(("H100", "H200"), PRICES, strict=True):
        own = [p for p in found if (p.gpu, p.model, p.phase, p.length) == (gpu, "8b", "decode", 512)]
        line = [(_x(p.batch), _y(usd_per_million(p.tokens_per_s, price))) for p in sorted(own, key=lambda p: p.batch)]
        parts.append(f'<polyline class="{gpu.lower()}" points="{" ".join(f"{x},{y}" for x, y in line)}"/>')
        parts += [f'<circle class="{gpu.lower()}" cx="{x}" cy="{y}" r="3"/>' for x, y in line]
        x, y = line[-1]
        offset = 14 if gpu == "H100" else -4
        parts.append(f'<text x="{x + 8}" y="{y + offset}">{gpu} at ${price}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _x(batch: int) -> float:
    share = log10(batch / _X[0]) / log10(_X[1] / _X[0])
    return round(_LEFT + share * (_WIDTH - _LEFT - _RIGHT), 1)


def _y(usd: Decimal) -> float:
    share = (usd / _Y[0]).log10() / (_Y[1] / _Y[0]).log10()
    return round(_HEIGHT - _BOTTOM - float(share) * (_HEIGHT - _BOTTOM - _TOP), 1)


def main() -> None:
    found = points()
    (FOLDER / "README.md").write_text(page(found), encoding="utf-8")
    (FOLDER / "cost-by-batch.svg").write_text(picture(found), encoding="utf-8")


if __name__ == "__main__":
    main()
