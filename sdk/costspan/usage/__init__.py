"""Usage: what a call consumed, as disjoint meters, and how a provider's usage object becomes that. Pure.

A ``Usage`` maps meter names to quantities. A meter that was not reported is absent; a reported zero is 0.
"""

from costspan.usage.figures import Figures
from costspan.usage.meters import (
    CACHE_READ_METERS,
    CACHE_WRITE_METERS,
    COUNT_METERS,
    INPUT_METERS,
    METERS,
    OUTPUT_METERS,
    Quantity,
    Usage,
    input_tokens,
    output_tokens,
    sum_of,
)
from costspan.usage.reading import Basis, Reading, UsageShape, figures_of, read_usage, reading_of
from costspan.usage.shapes import (
    ANTHROPIC_MESSAGES,
    COHERE,
    GEMINI,
    GEMINI_INTERACTIONS,
    MISTRAL_OCR,
    OLLAMA,
    OPENAI_CHAT,
    OPENAI_EMBEDDINGS,
    OPENAI_REALTIME,
    OPENAI_RESPONSES,
    OPENAI_TRANSCRIPTION,
    VERTEX_PREDICT,
)
from costspan.usage.shapes_aws import BEDROCK_CONVERSE, BEDROCK_INVOKE

__all__ = [
    "ANTHROPIC_MESSAGES",
    "BEDROCK_CONVERSE",
    "BEDROCK_INVOKE",
    "CACHE_READ_METERS",
    "CACHE_WRITE_METERS",
    "COHERE",
    "COUNT_METERS",
    "GEMINI",
    "GEMINI_INTERACTIONS",
    "INPUT_METERS",
    "METERS",
    "MISTRAL_OCR",
    "OLLAMA",
    "OPENAI_CHAT",
    "OPENAI_EMBEDDINGS",
    "OPENAI_REALTIME",
    "OPENAI_RESPONSES",
    "OPENAI_TRANSCRIPTION",
    "OUTPUT_METERS",
    "VERTEX_PREDICT",
    "Basis",
    "Figures",
    "Quantity",
    "Reading",
    "Usage",
    "UsageShape",
    "figures_of",
    "input_tokens",
    "output_tokens",
    "read_usage",
    "reading_of",
    "sum_of",
]
