"""Channels: how one delivery is made. Each takes the channel's settings and the message and returns an outcome."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import urllib3
from standardwebhooks.webhooks import Webhook

_POOL = urllib3.PoolManager(num_pools=20, maxsize=4, retries=False)
_TIMEOUT = urllib3.Timeout(connect=5, read=10)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether the receiver took the message, and what happened in words."""

    delivered: bool
    text: str


def send_webhook(channel: Mapping[str, Any], delivery_id: str, body: Mapping[str, Any], now: datetime) -> Outcome:
    """POST ``body`` as JSON, signed as the Standard Webhooks specification says; any 2xx is delivered.

    ``delivery_id`` is sent as ``webhook-id`` and is the same at each attempt, so that a receiver can tell a repetition.
    """
    message_id = f"msg_{delivery_id}"
    payload = orjson.dumps(body)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "costspan",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(channel["secret"]).sign(message_id, now, payload.decode()),
    }
    try:
        response = _POOL.request(
            "POST", channel["url"], body=payload, headers=headers, timeout=_TIMEOUT, redirect=False, preload_content=False
        )
        response.drain_conn()
        response.release_conn()
    except urllib3.exceptions.HTTPError as error:
        return Outcome(False, f"{type(error).__name__}: {error}"[:500])
    return Outcome(200 <= response.status < 300, f"HTTP {response.status}")
