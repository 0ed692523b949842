"""The demo's data: the published trace, whole and unchanged, and samples of it."""

import gzip
import hashlib
from collections import Counter

import pytest

from costspan_collector.demo.trace import data_folder, read_trace, sample

ROWS = read_trace()


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("azure_llm_2023_code.csv", "54e9a6d2a4bd06ba1e060304b900abbc74cbea53de96506e60fe5bb4f2277fb6"),
        ("azure_llm_2023_conv.csv", "2f1e5b666d4e3055fdbba98598ce2ec307767b9064e03e2fa46676dbcc7d0bf8"),
    ],
)
def test_the_files_are_the_published_ones(name: str, digest: str) -> None:
    compressed = (data_folder() / f"{name}.gz").read_bytes()
    assert hashlib.sha256(gzip.decompress(compressed)).hexdigest() == digest
    # RFC 1952: no flags (so no file name) and no time, so that compressing again gives the same bytes.
    assert compressed[3:8] == bytes(5)


def test_the_data_names_its_licence_and_authors() -> None:
    text = (data_folder() / "README.md").read_text(encoding="utf-8")
    assert "CC-BY" in text
    assert "Splitwise" in text
    assert "AzurePublicDataset" in text


def test_rows_and_sums() -> None:
    sums = {
        service: (
            sum(1 for row in ROWS if row.service == service),
            sum(row.input_tokens for row in ROWS if row.service == service),
            sum(row.output_tokens for row in ROWS if row.service == service),
        )
        for service in ("code", "conversation")
    }
    assert sums == {"code": (8_819, 18_059_974, 245_896), "conversation": (19_366, 22_361_870, 4_088_665)}


def test_rows_are_in_order_of_time() -> None:
    assert [row.index for row in ROWS] == list(range(28_185))
    offsets = [row.offset_s for row in ROWS]
    assert offsets == sorted(offsets)
    assert offsets[0] == 0
    # From 18:15:46.680590 to 19:14:19.928016.
    assert offsets[-1] == 3513.247426
    assert (ROWS[0].service, ROWS[0].input_tokens, ROWS[0].output_tokens) == ("conversation", 374, 44)


@pytest.mark.parametrize("count", [1, 2, 100, 5_000, 28_184, 28_185])
def test_a_sample_has_so_many_rows_in_proportion(count: int) -> None:
    chosen = sample(ROWS, count)
    assert len(set(chosen)) == count
    services = Counter(row.service for row in chosen)
    assert services["code"] == round(count * 8_819 / 28_185)
    assert [row.index for row in chosen] == sorted(row.index for row in chosen)
    assert chosen == sample(ROWS, count)


def test_a_sample_covers_the_whole_hour() -> None:
    # Among the 3,513 seconds of the trace, no minute is without a row of a sample of 5,000.
    assert {int(row.offset_s // 60) for row in sample(ROWS, 5_000)} == {int(row.offset_s // 60) for row in ROWS}


def test_the_whole_trace_is_a_sample() -> None:
    assert sample(ROWS, len(ROWS)) == ROWS


@pytest.mark.parametrize("count", [0, -1, 28_186])
def test_an_impossible_sample_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match=rf"calls: {count} is not between 1 and 28185"):
        sample(ROWS, count)
