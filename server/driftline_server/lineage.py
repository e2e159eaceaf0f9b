"""That journal, checkpoints and database of a data folder are of one life: a mark, made once, that each of them carries.

A part that is missing, or comes from another copy, would not be noticed otherwise: a database without its journal looks like one
whose endpoints were deleted. So the mark is written to the journal's folder first, then to the database, then to each checkpoint,
with how far the database was; a start goes on only where what it finds can have been left by that order.
"""

import secrets
from dataclasses import dataclass
from pathlib import Path

from driftline_core.pack import pack, unpack
from driftline_server.checkpoint import Checkpoint, Section, positions
from driftline_server.filesystem import Filesystem, write_whole
from driftline_server.journal import JOURNAL_SUFFIX
from driftline_server.journal.segment import first_of
from driftline_server.store.standing import Standing

JOURNAL, CHECKPOINTS, ARCHIVE = "journal", "checkpoints", "archive"  # folders of a data folder
FILE = "lineage"
# The name of a checkpoint's section that is no endpoint's: uids are 32 hexadecimal digits.
SECTION = "folder"
COPY = "put back journal, checkpoints, driftline.sqlite and archive of one copy, or name another --data DIR"
_ALONE = "or go on without it, from what the database holds: driftline repair --data {} --from-database"
_EMPTY_DATABASE = f"its driftline.sqlite holds nothing any more: it, or the -wal beside it, was taken away or made anew; {COPY}"
_NO_DATABASE = f"its driftline.sqlite is missing, and with it the hours that were stored; {COPY}"


class PartsDiffer(Exception):
    """Why the parts of a data folder are not one whole, in one line with the remedy."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What a checkpoint says of its folder."""

    lineage: str
    stored: int = 0  # the position that the database had been written up to
    deleted: tuple[str, ...] = ()  # endpoints that are deleted, and may not be in the database yet
    written_to: int = 0  # the first position of the journal's file that was written to; 0: of none, it was closed

    def section(self, position: int) -> Section:
        """As a part of a checkpoint."""
        return Section(SECTION, position, pack([self.lineage, self.stored, list(self.deleted), self.written_to]))


def mark_of(found: Checkpoint | None) -> Mark | None:
    """The mark of a checkpoint; None where it has none."""
    for section in found.sections if found else ():
        if section.name == SECTION:
            (lineage, stored, deleted, *later), _ = unpack(memoryview(section.body))
            return Mark(lineage, stored, tuple(deleted), *later)
    return None


def require_database(journal: Path, checkpoints: Path, database: Path, filesystem: Filesystem) -> None:
    """Raises PartsDiffer where the database is missing of a folder that had one: asked before one is made. Raises OSError."""
    if not database.parent.is_dir():
        return
    names = filesystem.names(journal)
    has_lived = any(name.endswith(JOURNAL_SUFFIX) for name in names) or bool(positions(checkpoints, filesystem))
    if FILE in names and has_lived and not database.exists():
        raise PartsDiffer(_NO_DATABASE)


def require_one(journal: Path, filesystem: Filesystem, found: Checkpoint | None, standing: Standing) -> str:
    """The lineage of a folder; empty where the folder is new. Raises PartsDiffer, OSError."""
    names, firsts = filesystem.names(journal), _firsts(journal, filesystem)
    written = _read(journal / FILE, filesystem) if FILE in names else ""
    mark, alone = mark_of(found), _ALONE.format(journal.parent)
    if standing.lineage and not written:
        raise PartsDiffer(f"its journal is missing, without which rows of hours not stored yet are lost; {COPY}; {alone}")
    if not standing.lineage and written and (found is not None or firsts):
        raise PartsDiffer(_EMPTY_DATABASE)
    if standing.lineage and standing.lineage != written:
        raise PartsDiffer(f"its journal is that of another folder than its driftline.sqlite; {COPY}; {alone}")
    if mark is not None and mark.lineage != written:
        raise PartsDiffer(f"its checkpoints are those of another folder than its journal; {COPY}; {alone}")
    if mark is not None and standing.position < mark.stored:
        raise PartsDiffer(
            f"its driftline.sqlite is older than its checkpoints (position {standing.position}, it had come to {mark.stored}): "
            f"hours that were stored since are missing; {COPY}; {alone}"
        )
    if standing.position and not (found and found.sections) and min(firsts, default=0) != 1:
        raise PartsDiffer(
            f"its checkpoints are missing or damaged, and its journal does not reach back to the first position: {COPY}; {alone}"
        )
    return written


def lacks_newest(journal: Path, filesystem: Filesystem, mark: Mark | None) -> bool:
    """Whether the file of the journal that was written to at a checkpoint, which only a later one may drop, is there no more."""
    return mark is not None and max(_firsts(journal, filesystem), default=0) < mark.written_to


def made(journal: Path, filesystem: Filesystem) -> str:
    """The lineage of a new folder. Raises OSError."""
    return write(journal, filesystem, secrets.token_hex(16))


def write(journal: Path, filesystem: Filesystem, lineage: str) -> str:
    """Marks a journal's folder, and returns the mark. Raises OSError."""
    write_whole(filesystem, journal / FILE, f"{lineage}\n".encode())
    return lineage


def _firsts(journal: Path, filesystem: Filesystem) -> list[int]:
    return [first for name in filesystem.names(journal) if (first := first_of(name)) is not None]


def _read(path: Path, filesystem: Filesystem) -> str:
    return bytes(filesystem.map(path)).decode("ascii", "replace").strip()
