"""A throw-away embedded PostgreSQL, for tests and the demo."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from costspan_collector.store import embedded_binaries as binaries
from costspan_collector.store.embedded import PREFIX, EmbeddedPostgres
from costspan_collector.store.embedded_binaries import STATE_ROOT


@contextmanager
def temporary_postgres(durable: bool = False) -> Iterator[EmbeddedPostgres]:
    """A throw-away cluster, started; gone afterwards, whatever happens. The next call deletes a killed process's."""
    parent = STATE_ROOT / "tmp" if os.geteuid() == 0 else Path(tempfile.gettempdir())
    binaries.make_folder(parent, 0o711)
    _delete_leftovers(parent)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
    owner = binaries.open_lock_file(folder / "owner.new")
    binaries.try_lock(owner)
    (folder / "owner.new").rename(folder / "owner.lock")  # so that nobody finds it unlocked while we live
    postgres = EmbeddedPostgres(folder, durable=durable)
    try:
        postgres.start()
        yield postgres
    finally:
        postgres.destroy()
        os.close(owner)


def _delete_leftovers(parent: Path) -> None:
    for folder in parent.glob(f"{PREFIX}*"):
        with suppress(FileNotFoundError):
            if folder.lstat().st_uid == os.geteuid() and (folder / "owner.lock").exists():
                owner = binaries.open_lock_file(folder / "owner.lock")
                try:
                    if binaries.try_lock(owner):
                        EmbeddedPostgres(folder).destroy()
                finally:
                    os.close(owner)
