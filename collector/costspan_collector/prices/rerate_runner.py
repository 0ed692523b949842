"""Re-ratings in the background of a collector, one at a time: previewed, applied and undone while requests are answered."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Literal

import structlog

from costspan_collector.prices.rerate import Refused, Rerater, Stopped
from costspan_collector.store import rerate_runs as runs
from costspan_collector.store.database import connect

_log = structlog.get_logger("costspan.rerate")

Step = Literal["preview", "apply", "undo"]


class RerateRunner:
    """Does the steps of re-ratings in a thread of its own, in the order in which they are asked for.

    What a collector that ended left half done is gone on with by ``resume``. An error is kept on the re-rating's record.
    """

    def __init__(self, database_url: str, make: Callable[[int, Callable[[], bool]], Rerater]) -> None:
        self._database_url = database_url
        self._make = make
        self._stopping = threading.Event()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="costspan-rerate")

    def rerater(self, project_id: int) -> Rerater:
        """The re-rater of a project, for what is done at once."""
        return self._make(project_id, self._stopping.is_set)

    def start(self, project_id: int, rerate_id: int, step: Step, by: str = "", reason: str = "") -> None:
        """Do a step in the background."""
        self._submit(self._do, project_id, rerate_id, step, by, reason)

    def resume(self) -> None:
        """Go on with what was begun and not ended."""
        self._submit(self._resume)

    def stop(self) -> None:
        """End between two batches; what is under way goes on at the next start."""
        self._stopping.set()
        self._pool.shutdown(cancel_futures=True)

    def _submit(self, work: Callable[..., None], *arguments: object) -> None:
        self._pool.submit(work, *arguments).add_done_callback(_tell_fault)

    def _resume(self) -> None:
        with connect(self._database_url) as connection:
            unfinished = [(p, r, runs.find(connection, p, r)) for p, r in runs.unfinished(connection)]
        for project_id, rerate_id, run in unfinished:
            _log.info("rerate_resumed", project_id=project_id, rerate_id=rerate_id, state=run.state)
            step: Step = "undo" if run.state == "undoing" else "apply"
            self._do(project_id, rerate_id, step, run.undone_by or "", run.undo_reason or "")

    def _do(self, project_id: int, rerate_id: int, step: Step, by: str, reason: str) -> None:
        rerater = self.rerater(project_id)
        try:
            if step == "preview":
                run = rerater.preview(rerate_id)
            elif step == "apply":
                run = rerater.apply(rerate_id)
            else:
                run = rerater.undo(rerate_id, by, reason)
        except Stopped:
            _log.info("rerate_interrupted", project_id=project_id, rerate_id=rerate_id)
        except (Refused, runs.Busy) as error:
            self._note(project_id, rerate_id, str(error))
        except Exception as error:
            _log.exception("rerate_failed", project_id=project_id, rerate_id=rerate_id)
            self._note(project_id, rerate_id, f"{type(error).__name__}: {error}")
        else:
            _log.info("rerate_done", project_id=project_id, rerate_id=rerate_id, state=run.state, calls=run.calls_touched)

    def _note(self, project_id: int, rerate_id: int, error: str) -> None:
        with connect(self._database_url) as connection:
            runs.change(connection, project_id, rerate_id, error=error[:2000])


def _tell_fault(done: Future[None]) -> None:
    """Log what could not be put on a re-rating's record, such as a database that is away."""
    if not done.cancelled() and (fault := done.exception()) is not None:
        _log.error("rerate_failed", exc_info=fault)
