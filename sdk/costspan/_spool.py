"""A bounded spool on disk for what the collector could not take; docs/decisions/0006-spool.md says why it is as it is.

One flat folder for all processes of a user and all their collectors. A file belongs to the process that wrote it or
took it over, for as long as that process lives.
"""

import errno
import os
import time
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from costspan._export import Batch
from costspan._guard import Counters
from costspan._settings import Settings
from costspan._spool_file import SpoolName, collector_key, is_batch, pack, parse_name, unpack
from costspan._spool_folder import SpoolFolder
from costspan._spool_lock import SAFELY, OwnerLock, lock_owner

OLDEST_S = 30 * 86_400

_TRIES = 3
_REFUSALS = {
    errno.ENOSPC: "spool_no_space",
    errno.EDQUOT: "spool_no_space",
    errno.EFBIG: "spool_no_space",
    errno.EROFS: "spool_not_writable",
    errno.EACCES: "spool_not_writable",
    errno.EPERM: "spool_not_writable",
}
# What the process lacks for the moment; the file may be sound.
_FOR_THE_MOMENT = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})


class Spool:
    """What this process has on disk for one collector. One object a process and collector, used by one thread at a time.

    What a disk can do is never raised: ``write`` tells a ``refusal``, and what is lost is counted in ``dropped``, as
    ``spool_unreadable`` (cut short, garbage, or gone) or ``spool_expired`` (nobody fetched it for 30 days).
    Nothing is made on disk before the first ``write``, or a ``take_over`` that finds something.
    """

    def __init__(self, folder: Path, settings: Settings, dropped: Counters) -> None:
        self._folder = SpoolFolder(folder, settings.spool_size_bytes)
        self._endpoint = settings.endpoint
        self._collector = collector_key(settings.endpoint, settings.api_key)
        self._dropped = dropped
        self._owner = ""
        self._lock: OwnerLock | None = None
        self._names: set[SpoolName] = set()
        self._last_ns = 0
        self.refusal = ""

    def write(self, batch: Batch) -> SpoolName | None:
        """Put ``batch`` behind all others. None if the disk does not take it; ``refusal`` says why."""
        name = None
        try:
            name = self._write(batch)
            self.refusal = "" if name else "spool_full"
        except BlockingIOError:
            self.refusal = "spool_busy"
        except OSError as error:
            self.refusal = _REFUSALS.get(error.errno or 0, "spool_failed")
        if name is None:
            self._disown_if_empty()
        return name

    def read(self, name: SpoolName) -> Batch | None:
        """The batch, exactly as it was. None if it cannot be read and never will be; it is counted and gone then.

        Raises OSError if the process lacks memory or file descriptors for the moment.
        """
        batch = None
        try:
            fd = os.open(self._folder.path / name.complete(), os.O_RDONLY | SAFELY)
            with os.fdopen(fd, "rb") as file:
                batch = unpack(file.read(), self._endpoint)
        except OSError as error:
            if error.errno in _FOR_THE_MOMENT:
                raise
        if batch is None:
            self._dropped.add("spool_unreadable", name.item_count)
            self.delete(name)
        return batch

    def delete(self, name: SpoolName) -> None:
        """Forget the batch."""
        with suppress(OSError):
            self._folder.remove(name.complete())
        self._names.discard(name)
        self._disown_if_empty()

    def take_over(self) -> list[SpoolName]:
        """Make the batches of processes that have gone this one's own. Their names, oldest first.

        A file of another user stays alone: who may not have our key may not have us send with it either.
        """
        taken: list[SpoolName] = []
        for (collector, owner), its in self._of_others().items():
            with suppress(OSError):
                lock = lock_owner(self._folder.path, collector, owner)
                if lock is not None:
                    try:
                        for file, name in its:
                            taken += self._adopt_or_expire(file, name)
                    finally:
                        lock.drop()
        self._names.update(taken)
        self._last_ns = max([self._last_ns, *(name.time_ns for name in taken)])
        self._disown_if_empty()
        return sorted(taken)

    def release(self) -> None:
        """Leave what there is to the next process that asks."""
        self._names.clear()
        self._disown_if_empty()

    def _of_others(self) -> dict[tuple[str, str], list[tuple[str, SpoolName]]]:
        """Files by collector and owner: what is for our collector, and what is too old, whomever it is for."""
        found: dict[tuple[str, str], list[tuple[str, SpoolName]]] = {}
        for text in self._folder.names():
            # Most are this process's own, and need not be looked at more closely.
            if not is_batch(text) or (self._owner and self._owner in text):
                continue
            name = parse_name(text)
            if name is not None and (name.collector == self._collector or _is_expired(name)):
                found.setdefault((name.collector, name.owner), []).append((text, name))
        return found

    def _adopt_or_expire(self, file: str, name: SpoolName) -> list[SpoolName]:
        """Our own name for the file of an owner that has gone; nothing if it is not, or not to be sent."""
        try:
            if (self._folder.path / file).lstat().st_uid != os.geteuid():
                return []
            if _is_expired(name):
                self._folder.remove(file)
                self._dropped.add("spool_expired", name.item_count)
                return []
            self._own()
            own = name._replace(owner=self._owner)
            while (self._folder.path / own.complete()).exists():
                own = own._replace(time_ns=own.time_ns + 1)
            # A half-written file becomes a whole one, or shows when it is read that it is none.
            self._folder.rename(file, own.complete())
        except FileNotFoundError:
            return []
        return [own]

    def _write(self, batch: Batch) -> SpoolName | None:
        content = pack(batch, self._endpoint)
        self._own()
        self._last_ns = max(time.time_ns(), self._last_ns + 1)
        name = SpoolName(self._collector, self._last_ns, self._owner, batch.count)
        fd = self._folder.create(name.half_written(), len(content))
        if fd is None:
            return None
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(fd)
            self._folder.rename(name.half_written(), name.complete())
        except OSError:
            with suppress(OSError):
                self._folder.remove(name.half_written())
            raise
        self._names.add(name)
        return name

    def _own(self) -> None:
        """Have a name of this process in the folder, and the lock that says that it lives."""
        self._folder.make()
        for _ in range(_TRIES):
            if self._lock is not None:
                return
            self._owner = uuid4().hex
            # Another process may come between the making of the lock and its taking.
            self._lock = lock_owner(self._folder.path, self._collector, self._owner)
        if self._lock is None:
            raise BlockingIOError

    def _disown_if_empty(self) -> None:
        if self._lock is not None and not self._names:
            self._lock.drop()
            self._lock, self._owner = None, ""


def _is_expired(name: SpoolName) -> bool:
    return name.time_ns < time.time_ns() - OLDEST_S * 1_000_000_000
