"""The data folder: made, private, writable, and used by one server at a time."""

import fcntl
import os
from pathlib import Path

LOCK = "driftline.lock"


class FileMisplaced(Exception):
    """The file that is written to is not the one of its name any more; it may come back."""


class StoreError(Exception):
    """Why a data folder cannot be used, in one line with the remedy."""


class FolderLock:
    """Holds a data folder until it is released or the process ends, however it ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        """Lets another server have the folder."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def lock_folder(folder: Path) -> FolderLock:
    """Makes the folder where it is missing, for its owner alone, and takes it for this server. Raises StoreError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise StoreError(f"data directory {folder} is a file; name another with --data DIR") from None
    except OSError as error:
        raise StoreError(f"data directory {folder} cannot be written to: {error.strerror}; name another with --data DIR") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    except BlockingIOError:
        holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(descriptor)
        raise StoreError(
            f"data directory {folder} is in use by another driftline server (process {holder}); "
            "stop it, or name another with --data DIR"
        ) from None
    except OSError as error:
        os.close(descriptor)
        raise StoreError(f"data directory {folder} cannot be locked: {error.strerror}; name another with --data DIR") from None
    return FolderLock(descriptor)
