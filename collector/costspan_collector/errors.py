"""The two kinds of failure. One edge (api/problems.py and the OTLP routes) maps them to status codes."""


class Permanent(Exception):
    """The same input fails again. The message names what was wrong and where; OTLP answers 400."""


class TooLarge(Permanent):
    """A body larger than the cap, before or after decompression; OTLP answers 413."""


class Retryable(Exception):
    """The input may be fine and nothing of it was kept; OTLP answers 503 with Retry-After."""

    def __init__(self, message: str, retry_after_s: int = 1) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
