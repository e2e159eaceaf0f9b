"""A disk in memory that fails on demand, and that forgets at a loss of power what a real one may forget.

Every operation has a number, from 1. A plan says what happens at a number; a lost power keeps what was synced, and of later writes
any subset of their 512-byte sectors, of later names any subset of their changes.
"""

import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from errno import EIO, ENOENT
from pathlib import Path

from driftline_server.filesystem import Buffer, Mapped

SECTOR_BYTES = 512
WRITES = {"create", "write", "allocate", "truncate", "rename", "remove"}  # what a full disk may refuse

Change = tuple[int, bytes] | int  # bytes at an offset, or a new size
NameChange = tuple[Path | None, Path | None, "Inode | None"]  # a name gone, a name given to a file


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens at an operation: an error, after a share of its bytes was taken where it is a write."""

    errno: int | None  # None: a short write that gives no reason
    taken: float = 0.0


Plan = Callable[[int, str], Fault | None]


def healthy(number: int, kind: str) -> Fault | None:
    return None


def dead_from(k: int, taken: float = 0.5) -> Plan:
    """The process ends at operation k: nothing has an effect from there on, but a part of a write that was under way."""
    return lambda number, kind: Fault(EIO, taken if number == k else 0.0) if number >= k else None


def failing_at(k: int, errno: int | None, taken: float = 0.5, *, count: int = 1, kinds: set[str] | None = None) -> Plan:
    """Operations k to k + count - 1 fail, those of some kinds only where kinds are given."""
    return lambda number, kind: Fault(errno, taken) if k <= number < k + count and (kinds is None or kind in kinds) else None


@dataclass(slots=True)
class Inode:
    """A file, whatever its name."""

    seen: bytearray = field(default_factory=bytearray)
    durable: bytearray = field(default_factory=bytearray)
    pending: list[Change] = field(default_factory=list)
    forsaken: list[Change] = field(default_factory=list)  # pending at a sync that failed: no later one makes them durable

    def change(self, change: Change) -> None:
        _apply(self.seen, change)
        self.pending.append(change)

    def sync(self) -> None:
        for change in self.pending:
            _apply(self.durable, change)
        self.pending.clear()

    def fail_sync(self) -> None:
        self.forsaken += self.pending
        self.pending.clear()

    def after_power_loss(self, rng: random.Random, share: float) -> "Inode":
        content = bytearray(self.durable)
        for change in self.forsaken + self.pending:
            for part in _sectors(change):
                if rng.random() < share:
                    _apply(content, part)
        return Inode(content, bytearray(content))


@dataclass(slots=True)
class FaultFile:
    """A file of the disk, open for writing."""

    disk: "FaultFilesystem"
    inode: Inode
    name: str

    def write(self, buffers: Sequence[Buffer], offset: int) -> int:
        data = b"".join(bytes(buffer) for buffer in buffers)
        with self.disk.lock:
            fault = self.disk.next("write", self.name)
            taken = len(data) if fault is None else max(int(len(data) * fault.taken), 0 if fault.errno else 1)
            if taken:
                self.inode.change((offset, data[:taken]))
            if fault is not None and fault.errno:
                raise OSError(fault.errno, "planned")
            return taken

    def sync(self) -> None:
        with self.disk.lock:
            try:
                self.disk.step("sync", self.name)
            except OSError:
                self.inode.fail_sync()
                raise
            self.inode.sync()

    def stands_at(self, path: Path, size_bytes: int) -> bool:
        """Costs nothing: what is asked of memory."""
        with self.disk.lock:
            return self.disk._seen.get(path) is self.inode and len(self.inode.seen) >= size_bytes

    def allocate(self, size_bytes: int) -> None:
        with self.disk.lock:
            self.disk.step("allocate", self.name)
            if size_bytes > len(self.inode.seen):
                self.inode.change(size_bytes)

    def truncate(self, size_bytes: int) -> None:
        with self.disk.lock:
            self.disk.step("truncate", self.name)
            self.inode.change(size_bytes)

    def close(self) -> None:
        """Costs nothing and never fails."""


class FaultFilesystem:
    """The disk. `plan` may be replaced at any time; `log` names every operation that was begun."""

    def __init__(self, plan: Plan = healthy) -> None:
        self.plan = plan
        self.log: list[str] = []
        self.lock = threading.RLock()
        self._seen: dict[Path, Inode] = {}
        self._durable: dict[Path, Inode] = {}
        self._pending: list[NameChange] = []

    # What tests do to it

    def next(self, kind: str, name: str) -> Fault | None:
        """Begins an operation; what the plan has for it."""
        self.log.append(f"{kind} {name}")
        return self.plan(len(self.log), kind)

    def step(self, kind: str, name: str) -> None:
        """Begins an operation that succeeds or fails as a whole."""
        fault = self.next(kind, name)
        if fault is not None and fault.errno:
            raise OSError(fault.errno, "planned")

    def restart(self, plan: Plan = healthy) -> "FaultFilesystem":
        """The same disk for the next process, which sees what the last one wrote."""
        self.plan = plan
        self.log.clear()
        return self

    def lose_power(self, seed: int) -> "FaultFilesystem":
        """What the next process finds after a loss of power."""
        rng = random.Random(seed)
        share = rng.choice((0.0, 0.1, 0.5, 0.9, 1.0))
        names = dict(self._durable)
        for change in self._pending:
            if rng.random() < share:
                _rename(names, change)
        found = FaultFilesystem()
        found._seen = {path: inode.after_power_loss(rng, share) for path, inode in names.items()}
        found._durable = dict(found._seen)
        return found

    def copy(self) -> "FaultFilesystem":
        """An equal disk, everything on it durable."""
        made = FaultFilesystem()
        made._seen = {path: Inode(bytearray(inode.seen), bytearray(inode.seen)) for path, inode in self._seen.items()}
        made._durable = dict(made._seen)
        return made

    def content(self, path: Path) -> bytearray:
        """The bytes of a file, to look at or to spoil."""
        return self._seen[path].seen

    # What the code under test does with it

    def create(self, path: Path) -> FaultFile:
        with self.lock:
            self.step("create", path.name)
            inode = Inode()
            self._name(path, inode)
            return FaultFile(self, inode, path.name)

    def open(self, path: Path) -> FaultFile:
        with self.lock:
            self.step("open", path.name)
            return FaultFile(self, self._inode(path), path.name)

    def map(self, path: Path) -> Mapped:
        with self.lock:
            self.step("map", path.name)
            return bytes(self._inode(path).seen)

    def size(self, path: Path) -> int:
        with self.lock:
            self.step("size", path.name)
            return len(self._inode(path).seen)

    def rename(self, path: Path, to: Path) -> None:
        with self.lock:
            self.step("rename", path.name)
            change = (path, to, self._inode(path))
            _rename(self._seen, change)
            self._pending.append(change)

    def recycle(self, path: Path, to: Path) -> bool:
        self.rename(path, to)
        return True

    def remove(self, path: Path) -> None:
        with self.lock:
            self.step("remove", path.name)
            change = (path, None, self._inode(path))
            _rename(self._seen, change)
            self._pending.append(change)

    def names(self, folder: Path) -> list[str]:
        with self.lock:
            self.step("names", folder.name)
            below = {path.relative_to(folder).parts[0] for path in self._seen if folder in path.parents}
            return sorted(below)  # a folder is there for as long as something is in it

    def remove_folder(self, folder: Path) -> None:
        self.step("remove_folder", folder.name)

    def make_folder(self, folder: Path) -> None:
        self.step("make_folder", folder.name)

    def sync_folder(self, folder: Path) -> None:
        with self.lock:
            self.step("sync_folder", folder.name)
            here = [change for change in self._pending if _folder(change) == folder]
            for change in here:
                _rename(self._durable, change)
            self._pending = [change for change in self._pending if change not in here]

    def _name(self, path: Path, inode: Inode) -> None:
        change = (None, path, inode)
        _rename(self._seen, change)
        self._pending.append(change)

    def _inode(self, path: Path) -> Inode:
        if path not in self._seen:
            raise FileNotFoundError(ENOENT, "no such file", str(path))
        return self._seen[path]


def _apply(content: bytearray, change: Change) -> None:
    if isinstance(change, int):
        if change < len(content):
            del content[change:]
        else:
            content.extend(bytes(change - len(content)))
        return
    offset, data = change
    if offset > len(content):
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


def _sectors(change: Change) -> list[Change]:
    """The parts of a change that survive a loss of power each by itself."""
    if isinstance(change, int):
        return [change]
    offset, data = change
    parts: list[Change] = []
    at = 0
    while at < len(data):
        taken = SECTOR_BYTES - (offset + at) % SECTOR_BYTES
        parts.append((offset + at, data[at : at + taken]))
        at += taken
    return parts


def _folder(change: NameChange) -> Path | None:
    path = change[0] or change[1]
    return path.parent if path else None


def _rename(names: dict[Path, Inode], change: NameChange) -> None:
    gone, given, inode = change
    if gone is not None and names.get(gone) is inode:
        del names[gone]
    if given is not None and inode is not None:
        names[given] = inode
