"""The composition root: the only place that imports everything and joins it."""

import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import uvicorn

from costspan_collector.api.web import application
from costspan_collector.logs import configure_logs
from costspan_collector.notify.deliver import Sender
from costspan_collector.prices.current import PriceBooks, stored_prices
from costspan_collector.prices.rerate import Rerater
from costspan_collector.prices.rerate_runner import RerateRunner
from costspan_collector.services import Services
from costspan_collector.settings import Settings, SettingsError
from costspan_collector.store.database import reader
from costspan_collector.store.embedded import EmbeddedPostgres, default_data_dir
from costspan_collector.store.migrate import migrate
from costspan_collector.writer import Writer

# Uvicorn lets requests under way finish for this long; then the writer books what it accepted.
_DRAIN_S = 10
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def serve(settings: Settings, say: Callable[[str], None]) -> None:
    """Run the collector until SIGINT or SIGTERM, then stop gracefully. ``say`` takes lines for the person who started it.

    Raises ``SettingsError`` for an address that may not be bound, ``EmbeddedPostgresError`` or psycopg's errors when there is
    no database.
    """
    if settings.host not in _LOOPBACK:
        raise SettingsError(
            f"host: {settings.host!r} is not loopback; without keys the collector serves {', '.join(_LOOPBACK)} only"
        )
    configure_logs(settings.log_level)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    # Bind first: a port in use should not cost the start of a database.
    listener = _bind(settings.host, settings.port)
    with listener, database(settings, say) as database_url:
        say(f"schema at revision {migrate(database_url)}")
        with services(settings, database_url) as running:
            address, port = listener.getsockname()[:2]
            say(f"costspan serves on http://{f'[{address}]' if ':' in address else address}:{port}")
            server = uvicorn.Server(
                uvicorn.Config(
                    application(running),
                    log_config=None,
                    access_log=False,
                    timeout_graceful_shutdown=_DRAIN_S,
                    timeout_keep_alive=75,
                    server_header=False,
                )
            )
            # Uvicorn stops at a signal and then raises it again, for the handlers that stood before it.
            with suppress(KeyboardInterrupt):
                server.run(sockets=[listener])
            _ignore_signals()
            say("stopping: booking what was accepted")


@contextmanager
def database(settings: Settings, say: Callable[[str], None]) -> Iterator[str]:
    """The URL of the database to use: the one given, or that of an embedded Postgres which runs meanwhile."""
    if settings.database_url is not None:
        yield settings.database_url
        return
    folder = settings.data_dir or default_data_dir()
    say(f"starting Postgres in {folder}")
    with EmbeddedPostgres(folder) as postgres:
        yield postgres.url


@contextmanager
def services(settings: Settings, database_url: str) -> Iterator[Services]:
    """The running parts; on leaving, what was accepted is booked before they end."""
    sender = Sender(database_url)
    prices = PriceBooks(stored_prices(database_url))
    writer = Writer(database_url, settings.queue_calls, prices, sender.wake)
    engine = reader(database_url)

    def rerater(project_id: int, should_stop: Callable[[], bool]) -> Rerater:
        days = settings.raw_retention_days
        return Rerater(database_url, project_id, prices, days, on_alert=sender.wake, should_stop=should_stop)

    rerates = RerateRunner(database_url, rerater)
    writer.start()
    sender.start()
    rerates.resume()
    try:
        yield Services(settings, database_url, engine, writer, prices, rerates, time.time_ns, sender.wake)
    finally:
        rerates.stop()
        writer.stop(_DRAIN_S)
        sender.stop(_DRAIN_S)
        engine.dispose()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _ignore_signals() -> None:
    # What follows is bounded in time and must not be left half done.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise SettingsError(f"port: cannot bind {host}:{port}: {error.strerror}; choose another with --port") from None
    listener.listen(1024)
    return listener
