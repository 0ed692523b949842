"""The usage objects of Amazon Bedrock, as data."""

from costspan.usage.reading import UsageShape

BEDROCK_CONVERSE = UsageShape(
    # https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html: inputTokens leaves the caches
    # out; a write without a TTL is of five minutes.
    input=("inputTokens",),
    output=("outputTokens",),
    input_parts={
        "cache_read": ("cacheReadInputTokens", "cacheReadInputTokenCount"),
        "cache_write": ("cacheWriteInputTokens", "cacheWriteInputTokenCount"),
    },
    splits={
        "cache_write": {
            "cache_write_5m": "cacheDetails[ttl=5m].inputTokens",
            "cache_write_1h": "cacheDetails[ttl=1h].inputTokens",
        }
    },
    split_default={"cache_write": "cache_write_5m"},
    exclusive_input=True,
)

_HEADER = "headers.x-amzn-bedrock-"
_SPLIT = "cache_creation.ephemeral"
_METRICS = "amazon-bedrock-invocationMetrics"
BEDROCK_INVOKE = UsageShape(
    # https://docs.aws.amazon.com/bedrock/latest/userguide/inference-invoke.html: what Bedrock itself counted (metrics at the
    # end of a stream, headers of a whole answer) outranks the body, whose form is the model vendor's.
    input=(
        f"{_METRICS}.inputTokenCount",
        f"{_HEADER}input-token-count",
        "usage.input_tokens",
        "message.usage.input_tokens",
        "metadata.usage.inputTokens",
        "usage.inputTokens",
        "usage.prompt_tokens",
        "inputTextTokenCount",
        "prompt_token_count",
    ),
    output=(
        f"{_METRICS}.outputTokenCount",
        f"{_HEADER}output-token-count",
        "usage.output_tokens",
        "message.usage.output_tokens",
        "metadata.usage.outputTokens",
        "usage.outputTokens",
        "usage.completion_tokens",
        "totalOutputTextTokenCount",
        "results.*.tokenCount",
        "generation_token_count",
    ),
    input_parts={
        "cache_read": (
            f"{_METRICS}.cacheReadInputTokenCount",
            f"{_HEADER}cache-read-input-token-count",
            "usage.cache_read_input_tokens",
            "message.usage.cache_read_input_tokens",
            "metadata.usage.cacheReadInputTokenCount",
            "usage.cacheReadInputTokenCount",
        ),
        "cache_write": (
            f"{_METRICS}.cacheWriteInputTokenCount",
            f"{_HEADER}cache-write-input-token-count",
            "usage.cache_creation_input_tokens",
            "message.usage.cache_creation_input_tokens",
            "metadata.usage.cacheWriteInputTokenCount",
            "usage.cacheWriteInputTokenCount",
        ),
    },
    output_parts={"reasoning": ("usage.output_tokens_details.thinking_tokens",)},
    splits={
        "cache_write": {
            "cache_write_5m": f"usage.{_SPLIT}_5m_input_tokens|message.usage.{_SPLIT}_5m_input_tokens",
            "cache_write_1h": f"usage.{_SPLIT}_1h_input_tokens|message.usage.{_SPLIT}_1h_input_tokens",
        }
    },
    split_default={"cache_write": "cache_write_5m"},
    counts={"web_search": ("usage.server_tool_use.web_search_requests",)},
    exclusive_input=True,
)
