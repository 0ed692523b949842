"""The folder of a spool: how much is in it, all processes together, and the steps that change that.

The account of what is in it is kept in the file that is also its lock, so that no step has to look at every file.
A process that dies may leave too much on the account, never too little; a recount mends that when it matters.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from costspan._spool_file import is_batch
from costspan._spool_lock import SAFELY, try_lock

_BLOCK_BYTES = 4096
_ACCOUNT = "account.lock"
_DIGITS = 20
_LOCK_TIMEOUT_S = 0.5
_LOCK_POLL_S = 0.01
_RECOUNT_EVERY_S = 60.0


class SpoolFolder:
    """A folder whose batches take at most ``size_bytes`` of disk, in whole blocks. Raises OSError for what a disk can do;
    BlockingIOError if other processes do not let go of the folder within half a second."""

    def __init__(self, path: Path, size_bytes: int) -> None:
        self.path = path
        self._size_bytes = size_bytes
        self._recount_at = 0.0

    def make(self) -> None:
        """Have the folder."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def names(self) -> list[str]:
        """What is in it; nothing if it does not exist or cannot be read."""
        try:
            return os.listdir(self.path)  # noqa: PTH208 - as text, of which most is only looked at
        except OSError:
            return []

    def create(self, name: str, content_bytes: int) -> int | None:
        """A descriptor of the new file, in its full length; None if the folder is full."""
        with self._lock() as account:
            needed = bytes_on_disk(content_bytes)
            used = self._used_bytes(account)
            if used + needed > self._size_bytes and time.monotonic() >= self._recount_at:
                self._recount_at = time.monotonic() + _RECOUNT_EVERY_S
                used = self._recount()
            fits = used + needed <= self._size_bytes
            _write(account, used + needed if fits else used)
            if not fits:
                return None
            try:
                return _new_file(self.path / name, content_bytes)
            except OSError:
                _write(account, used)
                raise

    def rename(self, name: str, to: str) -> None:
        """Nobody counts meanwhile: a file that gets another name could be overlooked."""
        with self._lock():
            (self.path / name).rename(self.path / to)

    def remove(self, name: str) -> None:
        """Delete the file, if it is there."""
        path = self.path / name
        try:
            with self._lock() as account:
                left = self._used_bytes(account) - bytes_on_disk(path.lstat().st_size)
                path.unlink()
                _write(account, max(left, 0))
        except BlockingIOError:
            path.unlink(missing_ok=True)
        except FileNotFoundError:
            return

    def _used_bytes(self, account: int) -> int:
        text = os.pread(account, _DIGITS + 1, 0)
        return int(text) if len(text) == _DIGITS and text.isdigit() else self._recount()

    def _recount(self) -> int:
        used = 0
        with os.scandir(self.path) as entries:
            for entry in entries:
                if is_batch(entry.name):
                    with suppress(FileNotFoundError):
                        used += bytes_on_disk(entry.stat(follow_symlinks=False).st_size)
        return used

    @contextmanager
    def _lock(self) -> Iterator[int]:
        fd = os.open(self.path / _ACCOUNT, os.O_RDWR | os.O_CREAT | SAFELY, 0o600)
        try:
            deadline = time.monotonic() + _LOCK_TIMEOUT_S
            while not try_lock(fd):
                if time.monotonic() > deadline:
                    raise BlockingIOError
                time.sleep(_LOCK_POLL_S)
            yield fd
        finally:
            os.close(fd)


def bytes_on_disk(size_bytes: int) -> int:
    """What a file of ``size_bytes`` takes of a disk: whole blocks."""
    return -(-size_bytes // _BLOCK_BYTES) * _BLOCK_BYTES


def _write(account: int, used_bytes: int) -> None:
    os.pwrite(account, f"{used_bytes:0{_DIGITS}d}".encode(), 0)
    os.ftruncate(account, _DIGITS)


def _new_file(path: Path, size_bytes: int) -> int:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | SAFELY, 0o600)
    try:
        os.ftruncate(fd, size_bytes)
    except OSError:
        os.close(fd)
        path.unlink()
        raise
    return fd
