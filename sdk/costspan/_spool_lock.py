"""Which process owns files in a spool folder, and whether it still lives.

POSIX record locks: the kernel drops them with their process, however that ends, and a forked child does not inherit
them. They say nothing between the threads of one process.
"""

import errno
import os
from contextlib import suppress
from pathlib import Path

# Follow no link that somebody may have put in place of a file.
SAFELY = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)


class OwnerLock:
    """Held by a process that owns files, or by one that takes them over from an owner that has gone."""

    def __init__(self, path: Path, fd: int) -> None:
        self._path = path
        self._fd = fd

    def drop(self) -> None:
        """Give it up. The owner's files, if there are any left, are anybody's then."""
        with suppress(OSError):
            self._path.unlink()
        os.close(self._fd)


def lock_owner(folder: Path, collector: str, owner: str) -> OwnerLock | None:
    """The lock of ``owner``, or None if a process that lives holds it. Raises OSError for what a folder can refuse.

    Not for an owner that this process is itself: to close a second descriptor would drop the lock.
    """
    path = folder / f"{collector}-{owner}.lock"
    fd = os.open(path, os.O_RDWR | os.O_CREAT | SAFELY, 0o600)
    is_held = False
    try:
        # The file may have been deleted, by whoever held it, after it was opened here.
        is_held = try_lock(fd) and os.fstat(fd).st_nlink > 0
    finally:
        if not is_held:
            os.close(fd)
    return OwnerLock(path, fd) if is_held else None


def try_lock(fd: int) -> bool:
    """Lock the whole file, unless another process has. Raises OSError where there are no such locks."""
    try:
        import fcntl
    except ImportError:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP)) from None
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True
