"""The stated unit of each meter: how many of it a printed price is for."""

from collections.abc import Mapping

from costspan.usage import METERS

_OTHER: Mapping[str, int] = {
    **dict.fromkeys(
        ("web_search", "file_search", "code_execution", "request", "page", "annotated_page", "message", "rerank_search"), 1_000
    ),
    "image": 1,
    "audio_second": 3_600,
    "video_second": 3_600,
}
# Tokens, characters and citations are priced by the million, counts by the thousand, sound and film by the hour.
UNIT_OF_METER: Mapping[str, int] = {meter: _OTHER.get(meter, 1_000_000) for meter in METERS}
