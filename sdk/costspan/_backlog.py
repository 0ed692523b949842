"""What the collector has not taken yet, oldest first: on disk what could be put there, behind it in memory the rest."""

from collections import deque

from costspan._export import Batch
from costspan._guard import Counters
from costspan._settings import Settings
from costspan._spool import Spool
from costspan._spool_file import SpoolName


class Pending:
    """A batch that waits: in memory while it has no ``name``, on disk from then on."""

    __slots__ = ("batch", "count", "name")

    def __init__(self, count: int, *, batch: Batch | None = None, name: SpoolName | None = None) -> None:
        self.count = count
        self.batch = batch
        self.name = name


class Backlog:
    """Used by one thread at a time; the counts and ``refusal`` may be read at any time.

    ``count`` is the number of items in memory, ``spooled`` that on disk. ``refusal`` says why the disk did not take
    the last batch that it was offered, and is empty if it did.
    """

    def __init__(self, dropped: Counters) -> None:
        self._dropped = dropped
        self._spool: Spool | None = None
        self._on_disk: deque[Pending] = deque()
        self._in_memory: deque[Pending] = deque()
        self.count = 0
        self.spooled = 0

    def __bool__(self) -> bool:
        return bool(self._on_disk or self._in_memory)

    @property
    def has_spool(self) -> bool:
        """Whether there is a disk to turn to."""
        return self._spool is not None

    @property
    def refusal(self) -> str:
        return self._spool.refusal if self._spool is not None else ""

    def use(self, settings: Settings) -> None:
        """Turn to the spool of ``settings``. What lies in that of another collector stays there, for its next process."""
        if self._spool is not None:
            self._spool.release()
        self._on_disk.clear()
        self.spooled = 0
        self._spool = Spool(settings.spool_dir, settings, self._dropped) if settings.spool_dir is not None else None

    def hold(self, count: int) -> None:
        """Count items on their way to ``add``, or with a negative ``count`` those that will not come.

        Each is counted once all the time: twice would drop others for want of room that there is, never would be no bound.
        """
        self.count += count

    def add(self, batch: Batch) -> None:
        """Put ``batch``, whose items are held, behind all others: on disk if others lie there."""
        self._in_memory.append(Pending(batch.count, batch=batch))
        if self._on_disk:
            self.put_away()

    def first(self) -> tuple[Pending, Batch] | None:
        """The oldest, with its bytes. What cannot be read is skipped and counted; see ``Spool.read`` for OSError."""
        while self._on_disk:
            oldest = self._on_disk[0]
            batch = self._spool.read(oldest.name) if self._spool is not None and oldest.name is not None else None
            if batch is not None:
                return oldest, batch
            self._on_disk.popleft()
            self.spooled -= oldest.count
        if self._in_memory and (oldest := self._in_memory[0]).batch is not None:
            return oldest, oldest.batch
        return None

    def remove(self, pending: Pending) -> None:
        """It is done with, wherever it lies by now."""
        if pending in self._in_memory:
            self._in_memory.remove(pending)
            self.count -= pending.count
        elif pending in self._on_disk:
            self._on_disk.remove(pending)
            self.spooled -= pending.count
            if self._spool is not None and pending.name is not None:
                self._spool.delete(pending.name)

    def put_away(self) -> None:
        """Move to the disk what is in memory, as far as the disk takes it."""
        while self._spool is not None and self._in_memory and (oldest := self._in_memory[0]).batch is not None:
            oldest.name = self._spool.write(oldest.batch)
            if oldest.name is None:
                return
            oldest.batch = None
            self._on_disk.append(self._in_memory.popleft())
            self.count -= oldest.count
            self.spooled += oldest.count

    def take_over(self) -> None:
        """Put in, by their time, the batches that processes have left on disk which have gone."""
        names = self._spool.take_over() if self._spool is not None else []
        if names:
            found = [Pending(name.item_count, name=name) for name in names]
            self._on_disk = deque(sorted([*self._on_disk, *found], key=lambda pending: pending.name or names[0]))
            self.spooled += sum(name.item_count for name in names)
