"""The sender: makes due deliveries, soon after a commit that wrote alerts and otherwise every second."""

import threading
from random import Random
from typing import Any

import psycopg
import structlog

from costspan_collector.notify.channels import Outcome, send_webhook
from costspan_collector.notify.message import drivers, webhook_body
from costspan_collector.notify.schedule import next_attempt
from costspan_collector.store import outbox
from costspan_collector.store.database import Connection, connect, database_now

_log = structlog.get_logger("costspan.deliver")

_IDLE_S = 1.0
_MOST_AT_ONCE = 20
# Longer than all attempts of one claim can take, so that two workers never send the same delivery at once.
_CLAIM_S = 20 * _MOST_AT_ONCE


class Sender:
    """One thread with one connection. Any number may run against one database."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._wake = threading.Event()
        self._stopping = False
        self._random = Random()  # noqa: S311 - jitter, no secret
        self._thread = threading.Thread(target=self._run, name="costspan-sender", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def wake(self) -> None:
        """Look for due deliveries now."""
        self._wake.set()

    def stop(self, timeout_s: float) -> bool:
        """End after the delivery under way; whether that was within ``timeout_s``."""
        self._stopping = True
        self._wake.set()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        connection: Connection | None = None
        while not self._stopping:
            self._wake.wait(_IDLE_S)
            self._wake.clear()
            try:
                if connection is None:
                    connection = connect(self._database_url)
                    connection.autocommit = True
                while not self._stopping and self._send_due(connection):
                    pass
            except psycopg.Error as error:
                _log.error("database_unavailable", error=str(error))
                if connection is not None:
                    connection.close()
                connection = None
            except Exception:
                _log.exception("sender_failed")
        if connection is not None:
            connection.close()

    def _send_due(self, connection: Connection) -> int:
        made = 0
        for project_id in outbox.projects(connection):
            for claimed in outbox.claim(connection, project_id, _MOST_AT_ONCE, _CLAIM_S):
                self._deliver(connection, claimed)
                made += 1
        return made

    def _deliver(self, connection: Connection, claimed: outbox.Claim) -> None:
        alert: dict[str, Any] = dict(claimed.alert)
        if alert["drivers"] is None:
            found = drivers(outbox.totals_behind(connection, alert))
            outbox.set_drivers(connection, alert, found)
            alert["drivers"] = found
        outcome = send_webhook(claimed.channel, str(claimed.delivery_id), webhook_body(alert), database_now(connection))
        self._settle(connection, claimed, outcome)

    def _settle(self, connection: Connection, claimed: outbox.Claim, outcome: Outcome) -> None:
        now = database_now(connection)
        delay = None if outcome.delivered else next_attempt(claimed.attempts, self._random)
        if outcome.delivered:
            state = "delivered"
        elif delay is None:
            state = "failed"
            _log.error("delivery_given_up", delivery_id=str(claimed.delivery_id), outcome=outcome.text)
        else:
            state = "pending"
        outbox.settle(connection, claimed, state, outcome.text, now, now + delay if delay is not None else now)
