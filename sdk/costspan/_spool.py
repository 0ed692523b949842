"""A bounded spool on disk for what the collector could not take; docs/decisions/0006-spool.md says why it is as it is.

One flat folder for all processes of a user and all their collectors. A file belongs to the process that wrote it or
took it over, for as long as that process lives.
"""

import errno
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from costspan._export import Batch
from costspan._guard import Counters
from costspan._settings import Settings
from costspan._spool_file import SpoolName, collector_key, pack, parse_name, unpack
from costspan._spool_lock import SAFELY, OwnerLock, folder_lock, lock_owner

OLDEST_S = 30 * 86_400

_BLOCK_BYTES = 4096
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


class _Found(NamedTuple):
    """A batch's file as it lies in the folder. ``bytes_on_disk`` is what it takes there: whole blocks."""

    path: Path
    name: SpoolName
    bytes_on_disk: int
    is_of_this_user: bool


class Spool:
    """What this process has on disk for one collector. One object a process and collector, used by one thread at a time.

    What a disk can do is never raised: ``write`` tells a ``refusal``, and what is lost is counted in ``dropped``, as
    ``spool_unreadable`` (cut short, garbage, or gone) or ``spool_expired`` (nobody fetched it for 30 days).
    Nothing is made on disk before the first ``write``, or a ``take_over`` that finds something.
    """

    def __init__(self, folder: Path, settings: Settings, dropped: Counters) -> None:
        self._folder = folder
        self._endpoint = settings.endpoint
        self._size_bytes = settings.spool_size_bytes
        self._collector = collector_key(settings.endpoint, settings.api_key)
        self._dropped = dropped
        self._owner = ""
        self._lock: OwnerLock | None = None
        self._names: set[SpoolName] = set()
        self._last_ns = 0
        self._has_expired = False
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
            fd = os.open(self._folder / name.complete(), os.O_RDONLY | SAFELY)
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
            (self._folder / name.complete()).unlink()
        self._names.discard(name)
        self._disown_if_empty()

    def take_over(self) -> list[SpoolName]:
        """Make the batches of processes that have gone this one's own. Their names, oldest first.

        A file of another user stays alone: who may not have our key may not have us send with it either.
        """
        by_owner: dict[str, list[_Found]] = {}
        with suppress(OSError):
            for one in self._found():
                if one.name.collector == self._collector and one.name.owner != self._owner and one.is_of_this_user:
                    by_owner.setdefault(one.name.owner, []).append(one)
        taken: list[SpoolName] = []
        for owner, its in by_owner.items():
            with suppress(OSError):
                lock = lock_owner(self._folder, self._collector, owner)
                if lock is not None:
                    try:
                        self._own()
                        for one in its:
                            taken += self._adopt(one)
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

    def _adopt(self, orphan: _Found) -> list[SpoolName]:
        """A half-written file becomes a whole one, or shows when it is read that it is none."""
        name = orphan.name._replace(owner=self._owner)
        while (self._folder / name.complete()).exists():
            name = name._replace(time_ns=name.time_ns + 1)
        try:
            self._rename(orphan.path, name)
        except FileNotFoundError:
            return []
        return [name]

    def _rename(self, path: Path, name: SpoolName) -> None:
        # Who counts what is in the folder may overlook a file that gets another name meanwhile.
        with folder_lock(self._folder):
            path.rename(self._folder / name.complete())

    def _write(self, batch: Batch) -> SpoolName | None:
        content = pack(batch, self._endpoint)
        self._own()
        self._last_ns = max(time.time_ns(), self._last_ns + 1)
        name = SpoolName(self._collector, self._last_ns, self._owner, batch.count)
        path = self._folder / name.half_written()
        try:
            fd = self._reserve(path, len(content))
            if fd is None:
                return None
            with os.fdopen(fd, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(fd)
            self._rename(path, name)
        except OSError:
            with suppress(OSError):
                path.unlink()
            raise
        self._names.add(name)
        return name

    def _reserve(self, path: Path, size_bytes: int) -> int | None:
        """The new file in its full length, which counts from then on; None if it does not fit in the bound."""
        with folder_lock(self._folder):
            found = self._found()
            if not self._has_expired:
                self._has_expired = True
                found = self._expire(found)
            if sum(one.bytes_on_disk for one in found) + _on_disk(size_bytes) > self._size_bytes:
                return None
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | SAFELY, 0o600)
            try:
                os.ftruncate(fd, size_bytes)
            except OSError:
                os.close(fd)
                raise
            return fd

    def _expire(self, found: list[_Found]) -> list[_Found]:
        """Delete what is too old and of no living process, for whichever collector it was. What is left."""
        before_ns = time.time_ns() - OLDEST_S * 1_000_000_000
        left = []
        for one in found:
            is_old = one.name.time_ns < before_ns and one.is_of_this_user and one.name.owner != self._owner
            lock = lock_owner(self._folder, one.name.collector, one.name.owner) if is_old else None
            if lock is None:
                left.append(one)
                continue
            one.path.unlink(missing_ok=True)
            lock.drop()
            self._dropped.add("spool_expired", one.name.item_count)
        return left

    def _found(self) -> list[_Found]:
        found = []
        with os.scandir(self._folder) as entries:
            for entry in entries:
                if (name := parse_name(entry.name)) is not None:
                    with suppress(FileNotFoundError):
                        status = entry.stat(follow_symlinks=False)
                        is_of_this_user = status.st_uid == os.geteuid()
                        found.append(_Found(Path(entry.path), name, _on_disk(status.st_size), is_of_this_user))
        return found

    def _own(self) -> None:
        """Have a name of this process in the folder, and the lock that says that it lives."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for _ in range(_TRIES):
            if self._lock is not None:
                return
            self._owner = uuid4().hex
            # Another process may come between the making of the lock and its taking.
            self._lock = lock_owner(self._folder, self._collector, self._owner)
        if self._lock is None:
            raise BlockingIOError

    def _disown_if_empty(self) -> None:
        if self._lock is not None and not self._names:
            self._lock.drop()
            self._lock, self._owner = None, ""


def _on_disk(size_bytes: int) -> int:
    return -(-size_bytes // _BLOCK_BYTES) * _BLOCK_BYTES
