"""The names that the SDK writes, and how usage is laid out under them. The one table of both.

Usage in ``gen_ai.usage.*`` follows OpenTelemetry: totals include their parts, and each part is stated besides. The
disjoint meters of ``costspan.usage`` come back by subtraction:

* ``input`` = input_tokens - cache_read - cache_write - (audio.input - audio.cache_read)
  - (image.input - image.cache_read) - ``costspan.usage.input_video``
* ``cache_read`` = cache_read - audio.cache_read - image.cache_read; ``cache_read_audio`` and ``cache_read_image`` are these
* ``cache_write`` (lifetime unknown) = cache_write - the sum of ``costspan.usage.cache_write_<lifetime>``
* ``input_audio`` = audio.input - audio.cache_read, and the same for images
* ``output`` = output_tokens - reasoning - audio.output - image.output - ``costspan.usage.output_video``
* every other meter is ``costspan.usage.<meter>`` itself

A reported zero is written as 0; what was not reported is absent, and counts as 0 in these differences.
``costspan.usage.basis`` says how the provider's own figures were understood; what is written is inclusive in any case.
"""

from collections.abc import Mapping

from costspan import money
from costspan._attribution import Attribution
from costspan._facts import Facts
from costspan.pricing import Cost
from costspan.usage import (
    CACHE_READ_METERS,
    CACHE_WRITE_METERS,
    COUNT_METERS,
    INPUT_METERS,
    OUTPUT_METERS,
    Reading,
    Usage,
)

AttributeValue = str | bool | int | float | tuple[str, ...]
Attributes = dict[str, AttributeValue]

OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
REQUEST_MODEL = "gen_ai.request.model"
MAX_TOKENS = "gen_ai.request.max_tokens"
STREAM = "gen_ai.request.stream"
RESPONSE_ID = "gen_ai.response.id"
RESPONSE_MODEL = "gen_ai.response.model"
FINISH_REASONS = "gen_ai.response.finish_reasons"
TIME_TO_FIRST_CHUNK = "gen_ai.response.time_to_first_chunk"
OPENAI_API_TYPE = "openai.api.type"
OPENAI_SERVICE_TIER = "openai.response.service_tier"
SERVICE_TIER = "costspan.service_tier"
SPEED = "costspan.speed"
REGION = "costspan.region"
# What else the price depends on: an image's size and quality.
CONDITION_PREFIX = "costspan.condition."
SERVER_ADDRESS = "server.address"
SERVER_PORT = "server.port"
ERROR_TYPE = "error.type"
STATUS_CODE = "http.response.status_code"

FEATURE = "costspan.feature"
# Where the feature comes from if the application has not named it: route, task or module.
FEATURE_SOURCE = "costspan.feature.source"
CUSTOMER = "costspan.customer"
USER = "user.id"
SESSION = "session.id"
VALUE = "costspan.value.usd"
TAG_PREFIX = "costspan.tag."

OPERATION_ID = "costspan.operation.id"
# On spans of others for a call that has a span of ours.
OBSERVED = "costspan.observed"

COST = "costspan.cost.usd"
REPORTED_COST = "costspan.cost.reported_usd"
COST_STATE = "costspan.cost.state"
COST_FOR_OTHERS = "gen_ai.usage.cost"
USAGE_INCOMPLETE = "costspan.usage.incomplete"
USAGE_BASIS = "costspan.usage.basis"
USAGE_PREFIX = "costspan.usage."

EVENT_NAME = "event.name"
EVALUATION_EVENT = "gen_ai.evaluation.result"
EVALUATION_NAME = "gen_ai.evaluation.name"
EVALUATION_SCORE = "gen_ai.evaluation.score.value"
EVALUATION_LABEL = "gen_ai.evaluation.score.label"
LABEL_BY = "costspan.label.by"

SERVICE_NAME = "service.name"
ENVIRONMENT = "deployment.environment.name"

# Standard attribute -> the meters whose sum it is.
STANDARD_USAGE: Mapping[str, tuple[str, ...]] = {
    "gen_ai.usage.input_tokens": INPUT_METERS,
    "gen_ai.usage.output_tokens": OUTPUT_METERS,
    "gen_ai.usage.cache_read.input_tokens": CACHE_READ_METERS,
    "gen_ai.usage.cache_write.input_tokens": CACHE_WRITE_METERS,
    "gen_ai.usage.reasoning.output_tokens": ("reasoning",),
    "gen_ai.usage.audio.input_tokens": ("input_audio", "cache_read_audio"),
    "gen_ai.usage.audio.cache_read.input_tokens": ("cache_read_audio",),
    "gen_ai.usage.audio.output_tokens": ("output_audio",),
    "gen_ai.usage.image.input_tokens": ("input_image", "cache_read_image"),
    "gen_ai.usage.image.cache_read.input_tokens": ("cache_read_image",),
    "gen_ai.usage.image.output_tokens": ("output_image",),
}
# Meters without a standard name of their own.
OWN_USAGE = (*CACHE_WRITE_METERS[1:], "input_video", "output_video", *COUNT_METERS)

# What OTLP can hold. More tokens than that are no figure.
_LARGEST_INTEGER = 2**63 - 1
_STANDARD_OF_METER: Mapping[str, tuple[str, ...]] = {
    meter: tuple(name for name, meters in STANDARD_USAGE.items() if meter in meters) for meter in (*INPUT_METERS, *OUTPUT_METERS)
}
_OWN_OF_METER: Mapping[str, str] = {meter: USAGE_PREFIX + meter for meter in OWN_USAGE}


def span_name(operation: str, model: str | None) -> str:
    """``{operation} {model}``, as OpenTelemetry names inference spans."""
    return f"{operation} {model}" if model else operation


def request_attributes(facts: Facts) -> Attributes:
    """What is known when the call starts: the attributes that a sampler may look at."""
    attributes: Attributes = {OPERATION: facts.operation, PROVIDER: facts.provider}
    if facts.request_model is not None:
        attributes[REQUEST_MODEL] = facts.request_model
    if facts.server_address is not None:
        attributes[SERVER_ADDRESS] = facts.server_address
        if facts.server_port is not None:
            attributes[SERVER_PORT] = facts.server_port
    return attributes


def call_attributes(facts: Facts, reading: Reading | None, cost: Cost | None, attribution: Attribution) -> Attributes:
    """All attributes of a call's span, whose usage is ``reading``. ``cost`` is None where there is nothing to price: a
    call that failed."""
    attributes = request_attributes(facts)
    optional: tuple[tuple[str, AttributeValue | None], ...] = (
        (MAX_TOKENS, facts.max_tokens),
        (STREAM, facts.is_stream or None),
        (RESPONSE_ID, facts.response_id),
        (RESPONSE_MODEL, facts.response_model),
        (FINISH_REASONS, facts.finish_reasons or None),
        (TIME_TO_FIRST_CHUNK, facts.time_to_first_chunk_s),
        (OPENAI_API_TYPE, facts.api_type or None),
        (OPENAI_SERVICE_TIER, facts.tier if facts.api_type else None),
        (SERVICE_TIER, facts.priced_tier),
        (SPEED, facts.speed),
        (REGION, facts.region),
        (ERROR_TYPE, facts.error_type),
        (STATUS_CODE, facts.status_code),
        (USAGE_INCOMPLETE, facts.is_incomplete or None),
    )
    for name, value in optional:
        if value is not None:
            attributes[name] = value
    for condition, stated in facts.conditions.items():
        attributes[CONDITION_PREFIX + condition] = stated
    if reading is not None:
        attributes[USAGE_BASIS] = reading.basis
        add_usage(attributes, reading.usage)
        if reading.reported_cost_usd is not None:
            attributes[REPORTED_COST] = money.text(reading.reported_cost_usd)
    if cost is not None:
        _add_cost(attributes, cost)
    _add_attribution(attributes, attribution)
    return attributes


def add_usage(attributes: Attributes, usage: Usage) -> None:
    """Lay the disjoint meters of ``usage`` out as this module's docstring says."""
    for meter, quantity in usage.items():
        count = int(quantity)
        if count > _LARGEST_INTEGER:
            continue
        for name in _STANDARD_OF_METER.get(meter, ()):
            before = attributes.get(name, 0)
            attributes[name] = count + before if isinstance(before, int) else count
        if meter in _OWN_OF_METER:
            attributes[_OWN_OF_METER[meter]] = count


def _add_cost(attributes: Attributes, cost: Cost) -> None:
    attributes[COST_STATE] = cost.state
    if cost.amount is not None:
        attributes[COST] = money.text(cost.amount)
        if cost.state in ("priced", "reported", "free"):
            attributes[COST_FOR_OTHERS] = float(cost.amount)


def _add_attribution(attributes: Attributes, attribution: Attribution) -> None:
    for name, value in (
        (FEATURE, attribution.feature),
        (FEATURE_SOURCE, attribution.feature_source),
        (CUSTOMER, attribution.customer),
        (USER, attribution.user),
        (SESSION, attribution.session),
    ):
        if value is not None:
            attributes[name] = value
    if attribution.value is not None:
        attributes[VALUE] = money.text(attribution.value)
    for tag, tag_value in attribution.tags.items():
        attributes[TAG_PREFIX + tag] = tag_value


def evaluation_attributes(
    name: str, score: float | None, category: str | None, by: str | None, response_id: str | None
) -> Attributes:
    """The attributes of a ``gen_ai.evaluation.result`` event."""
    attributes: Attributes = {EVENT_NAME: EVALUATION_EVENT, EVALUATION_NAME: name}
    for key, value in (
        (EVALUATION_SCORE, score),
        (EVALUATION_LABEL, category),
        (LABEL_BY, by),
        (RESPONSE_ID, response_id),
    ):
        if value is not None:
            attributes[key] = value
    return attributes
