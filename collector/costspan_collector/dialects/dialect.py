"""What a dialect says: under which attribute names an emitter writes the facts of a call. Data, no behaviour."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, eq=False)
class Dialect:
    """Attribute names by fact, the first present wins.

    ``facts`` are looked for in the span and, where they describe where it ran or for whom, in its resource. ``usage`` are totals
    and portions as the conventions state them, ``meters`` figures that are disjoint already.
    """

    name: str
    facts: Mapping[str, tuple[str, ...]]
    usage: Mapping[str, tuple[str, ...]]
    meters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    leaf_operations: frozenset[str] = frozenset()
    tag_prefix: str | None = None
    condition_prefix: str | None = None


# OpenTelemetry GenAI semantic conventions, with the names that they replaced (docs: gen-ai/client-inference.md).
SEMCONV = Dialect(
    name="semconv",
    facts={
        "operation": ("gen_ai.operation.name",),
        "provider": ("gen_ai.provider.name", "gen_ai.system"),
        "request_model": ("gen_ai.request.model",),
        "response_model": ("gen_ai.response.model",),
        "response_id": ("gen_ai.response.id",),
        "error_type": ("error.type",),
        "tier": ("costspan.service_tier", "openai.response.service_tier", "gen_ai.openai.response.service_tier"),
        "region": ("costspan.region", "cloud.region"),
        "feature": ("costspan.feature",),
        "feature_source": ("costspan.feature.source",),
        "customer": ("costspan.customer",),
        "user": ("user.id", "enduser.id"),
        "session": ("session.id", "gen_ai.conversation.id"),
        "operation_id": ("costspan.operation.id",),
        "service": ("service.name",),
        "environment": ("deployment.environment.name", "deployment.environment"),
        "time_to_first_chunk_s": ("gen_ai.response.time_to_first_chunk",),
        "streamed": ("gen_ai.request.stream",),
        "incomplete": ("costspan.usage.incomplete",),
        # Somebody else's span for a call that our SDK tells of itself.
        "observed": ("costspan.observed",),
        "value_usd": ("costspan.value.usd",),
        "charged_usd": ("costspan.cost.reported_usd",),
        "reported_cost_usd": ("costspan.cost.usd", "gen_ai.usage.cost"),
    },
    usage={
        "input": ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
        "output": ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
        "cache_read": ("gen_ai.usage.cache_read.input_tokens",),
        "cache_write": ("gen_ai.usage.cache_write.input_tokens", "gen_ai.usage.cache_creation.input_tokens"),
        "input_audio": ("gen_ai.usage.audio.input_tokens",),
        "input_image": ("gen_ai.usage.image.input_tokens",),
        "input_video": ("gen_ai.usage.video.input_tokens", "costspan.usage.input_video"),
        "cache_read_audio": ("gen_ai.usage.audio.cache_read.input_tokens",),
        "cache_read_image": ("gen_ai.usage.image.cache_read.input_tokens",),
        "reasoning": ("gen_ai.usage.reasoning.output_tokens",),
        "output_audio": ("gen_ai.usage.audio.output_tokens",),
        "output_image": ("gen_ai.usage.image.output_tokens",),
        "output_video": ("costspan.usage.output_video",),
    },
    meters={
        meter: (f"costspan.usage.{meter}",)
        for meter in (
            "cache_write_5m",
            "cache_write_30m",
            "cache_write_1h",
            "cache_write_12h",
            "web_search",
            "file_search",
            "code_execution",
            "image",
            "page",
            "annotated_page",
            "audio_second",
            "video_second",
            "character",
            "rerank_search",
            "citation",
            "message",
            "request",
        )
    },
    leaf_operations=frozenset(
        {
            "chat",
            "text_completion",
            "generate_content",
            "embeddings",
            "rerank",
            "image",
            "image_generation",
            "speech",
            "text_to_speech",
            "transcription",
            "moderation",
            "speech_to_text",
        }
    ),
    tag_prefix="costspan.tag.",
    condition_prefix="costspan.condition.",
)
