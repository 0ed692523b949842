"""The clients that are observed: one small data file each, and the one tuple of all."""

from costspan.adapters._adapter import Adapter
from costspan.adapters.aiobotocore import AIOBOTOCORE
from costspan.adapters.anthropic import ANTHROPIC
from costspan.adapters.botocore import BOTOCORE
from costspan.adapters.cohere import COHERE
from costspan.adapters.google_genai import GOOGLE_GENAI
from costspan.adapters.google_interactions import GOOGLE_INTERACTIONS
from costspan.adapters.groq import GROQ
from costspan.adapters.huggingface_hub import HUGGINGFACE_HUB
from costspan.adapters.litellm import LITELLM
from costspan.adapters.mistralai import MISTRALAI
from costspan.adapters.ollama import OLLAMA
from costspan.adapters.openai import OPENAI
from costspan.adapters.together import TOGETHER
from costspan.adapters.writer import WRITER

ADAPTERS: tuple[Adapter, ...] = (
    OPENAI,
    ANTHROPIC,
    GOOGLE_GENAI,
    GOOGLE_INTERACTIONS,
    BOTOCORE,
    AIOBOTOCORE,
    MISTRALAI,
    COHERE,
    GROQ,
    TOGETHER,
    OLLAMA,
    HUGGINGFACE_HUB,
    WRITER,
    LITELLM,
)
