"""The disk, as a seam: the few operations that durable files are made of, so that a test can fail any one of them."""

import contextlib
import mmap
import os
import threading
import weakref
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

Buffer = bytes | bytearray | memoryview
Mapped = mmap.mmap | bytes

_BUFFERS_MAX = min(os.sysconf("SC_IOV_MAX"), 1024) if hasattr(os, "sysconf") else 16


class File(Protocol):
    """A file open for writing."""

    def write(self, buffers: Sequence[Buffer], offset: int) -> int:
        """Writes buffers one after the other from an offset; returns how many bytes were taken, which may be fewer."""
        ...

    def sync(self) -> None:
        """Returns when what was written, and the size needed to read it, survives a loss of power (fdatasync)."""
        ...

    def stands_at(self, path: Path, size_bytes: int) -> bool:
        """Whether a name leads to this file, and it has that size at least: nobody removed, replaced or shortened it."""
        ...

    def allocate(self, size_bytes: int) -> None:
        """Takes room on the disk up to a size, and has the file that size; zeros where nothing was written."""
        ...

    def truncate(self, size_bytes: int) -> None: ...

    def close(self) -> None: ...


class Filesystem(Protocol):
    """Files and folders; every method raises OSError as the operating system does."""

    def create(self, path: Path) -> File:
        """A new, empty file, in the place of one of that name."""
        ...

    def open(self, path: Path) -> File:
        """An existing file, to write into."""
        ...

    def map(self, path: Path) -> Mapped:
        """The bytes of a file, to read; views of them stay good when the file is removed."""
        ...

    def size(self, path: Path) -> int: ...

    def rename(self, path: Path, to: Path) -> None:
        """Gives a file another name, at once and in the place of a file that had it."""
        ...

    def remove(self, path: Path) -> None: ...

    def recycle(self, path: Path, to: Path) -> bool:
        """Gives a file that will be written over another name, and says so; where views of it are held it is removed instead."""
        ...

    def remove_folder(self, folder: Path) -> None:
        """Removes a folder that holds nothing."""
        ...

    def names(self, folder: Path) -> list[str]:
        """What a folder holds, sorted; nothing where there is no such folder."""
        ...

    def make_folder(self, folder: Path) -> None:
        """Makes a folder, and those above it, unless it exists; that it exists survives a loss of power."""
        ...

    def sync_folder(self, folder: Path) -> None:
        """Returns when names made, changed and removed in a folder survive a loss of power."""
        ...


def write_all(file: File, buffers: Iterable[Buffer], offset: int) -> int:
    """Writes all of the buffers, however short each write is; returns the offset behind them."""
    rest = [buffer for buffer in buffers if len(buffer)]
    while rest:
        taken = file.write(rest[:_BUFFERS_MAX], offset)
        if taken <= 0:
            raise OSError(5, "the disk took no byte and gave no reason")  # EIO: else this would turn for ever
        offset += taken
        rest = _behind(rest, taken)
    return offset


def write_whole(filesystem: Filesystem, path: Path, body: Buffer) -> None:
    """A file that holds either what it held or all of this, durably; its folder is made where it is missing."""
    filesystem.make_folder(path.parent)
    new = path.with_name(f"{path.name}.new")
    with contextlib.closing(filesystem.create(new)) as file:
        write_all(file, [body], 0)
        file.sync()
    filesystem.rename(new, path)
    filesystem.sync_folder(path.parent)


def _behind(buffers: list[Buffer], taken: int) -> list[Buffer]:
    for index, buffer in enumerate(buffers):
        if taken < len(buffer):
            return [memoryview(buffer)[taken:], *buffers[index + 1 :]]
        taken -= len(buffer)
    return []


class SystemFile:
    """A file of the operating system."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, buffers: Sequence[Buffer], offset: int) -> int:
        return os.pwritev(self._descriptor, buffers, offset)

    def sync(self) -> None:
        if hasattr(os, "fdatasync"):
            os.fdatasync(self._descriptor)
        else:
            os.fsync(self._descriptor)

    def stands_at(self, path: Path, size_bytes: int) -> bool:
        try:
            named, own = path.stat(), os.fstat(self._descriptor)
        except FileNotFoundError:
            return False
        return os.path.samestat(named, own) and own.st_size >= size_bytes

    def allocate(self, size_bytes: int) -> None:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(self._descriptor, 0, size_bytes)
        else:
            os.ftruncate(self._descriptor, size_bytes)  # no room is promised there: a full disk shows at a write

    def truncate(self, size_bytes: int) -> None:
        os.ftruncate(self._descriptor, size_bytes)

    def close(self) -> None:
        os.close(self._descriptor)


class SystemFilesystem:
    """The machine's disks. Files and folders are for their owner's eyes only."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._mapped: list[tuple[Path, weakref.ref[mmap.mmap]]] = []  # a mapping lives as long as views of it

    def create(self, path: Path) -> File:
        return SystemFile(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600))

    def open(self, path: Path) -> File:
        return SystemFile(os.open(path, os.O_RDWR | os.O_CLOEXEC))

    def map(self, path: Path) -> Mapped:
        with self._lock:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                if os.fstat(descriptor).st_size == 0:
                    return b""
                mapped = mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
            finally:
                os.close(descriptor)
            self._mapped = [(held, weak) for held, weak in self._mapped if weak() is not None] + [(path, weakref.ref(mapped))]
        if hasattr(mapped, "madvise"):
            mapped.madvise(mmap.MADV_SEQUENTIAL)
        return mapped

    def size(self, path: Path) -> int:
        return path.stat().st_size

    def rename(self, path: Path, to: Path) -> None:
        path.replace(to)

    def remove(self, path: Path) -> None:
        path.unlink()

    def recycle(self, path: Path, to: Path) -> bool:
        with self._lock:
            is_mapped = any(held == path and weak() is not None for held, weak in self._mapped)
            path.unlink() if is_mapped else path.replace(to)
            return not is_mapped

    def remove_folder(self, folder: Path) -> None:
        folder.rmdir()

    def names(self, folder: Path) -> list[str]:
        with contextlib.suppress(FileNotFoundError):
            return sorted(path.name for path in folder.iterdir())
        return []

    def make_folder(self, folder: Path) -> None:
        if folder.is_dir():
            return
        self.make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        self.sync_folder(folder.parent)

    def sync_folder(self, folder: Path) -> None:
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
