"""The clients that are observed: one small data file each, and the one tuple of all."""

from costspan.adapters._adapter import Adapter
from costspan.adapters.anthropic import ANTHROPIC
from costspan.adapters.openai import OPENAI

ADAPTERS: tuple[Adapter, ...] = (OPENAI, ANTHROPIC)
