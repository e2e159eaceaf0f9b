"""What a journal cannot do, said to whom it concerns: its caller, or the one who looks after the disk."""

import errno
from pathlib import Path


class JournalDamaged(Exception):
    """Bytes that were durable are not what was written; nothing was changed."""

    def __init__(self, path: Path, offset: int, reason: str, *, missing: tuple[int, int] | None = None) -> None:
        super().__init__(
            f"the journal is damaged: {path.name}, byte {offset}: {reason}; `driftline repair --data {path.parent.parent}` "
            f"keeps every record that is whole and says what it drops"
        )
        self.path = path
        self.offset = offset
        self.reason = reason
        self.missing = missing  # the first and the last of positions that no segment holds; None: this segment is damaged


class JournalUnknown(Exception):
    """The journal was written by another version, in a format this one does not read."""


def reason_of(error: OSError) -> str:
    """What went wrong, and what helps where the operator can do something about it at once."""
    remedies = {
        errno.ENOSPC: "; make room on the disk",
        errno.EDQUOT: "; make room within the quota, or raise it",
        errno.EFBIG: "; files may not grow so large: raise the limit of the process (ulimit -f, LimitFSIZE=), and start it again",
    }
    return f"{error}{remedies.get(error.errno or 0, '')}"


class JournalStalled(Exception):
    """The disk is full; what was appended before is kept and written as soon as there is room."""

    def __init__(self, reason: str, retry_after_s: float) -> None:
        super().__init__(f"nothing can be written now: {reason}; tried again every {retry_after_s:g} s")
        self.retry_after_s = retry_after_s


class JournalFailed(Exception):
    """The disk failed, or the journal is closed: it takes nothing any more."""


class SyncFailed(OSError):
    """What was written may not be on the disk; asking the same descriptor again would say it is."""
