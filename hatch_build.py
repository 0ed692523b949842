"""Build hook: compile the price catalogue and say where the wheel's folders come from."""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CatalogueHook(BuildHookInterface):  # type: ignore[type-arg]
    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        sys.path.insert(0, self.root)
        from tools.catalogue import write_catalogue

        write_catalogue(Path(self.root, "sdk", "costspan", "pricing", "catalogue"))
