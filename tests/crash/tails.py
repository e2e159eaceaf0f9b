"""The end of a journal as a crash may leave it: garbage, half a frame, or frames overwritten of which nobody was told."""

import random
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from driftline_server import checkpoint, records
from driftline_server.filesystem import SystemFilesystem
from driftline_server.journal import frames
from driftline_server.journal.segment import segment_path
from driftline_server.journal.view import FIRST_FRAME, Frame, SegmentView
from driftline_server.records import Record
from driftline_server.store.standing import read_standing

Acknowledged = Mapping[bytes, tuple[int, int]]  # epoch and sequence by producer: of those all of whose acknowledgements are known
FILES = SystemFilesystem()


def spoil(folder: Path, acknowledged: Acknowledged, chance: random.Random) -> str:
    """Spoils the newest segment behind what was durable; says how, or nothing where it was closed."""
    view = _newest(folder / "journal")
    found = _frames(view) if view else []
    if view is None or view.is_cut or (found and found[-1].header.kind == frames.CLOSE):
        return ""
    end = found[-1].end if found else FIRST_FRAME
    start = _loose(found, _durable(folder, found), acknowledged, chance) if found else None
    if start is not None:
        how, tail = "overwritten", chance.randbytes(end - start)
    else:
        start = end
        how, tail = chance.choice([("garbage", _garbage(chance)), ("half a frame", _half_frame(view, found, chance))])
    with segment_path(folder / "journal", view.header.first).open("r+b") as file:
        file.truncate(start)  # what an earlier tail left behind would bear witness of frames that are overwritten now
        file.seek(start)
        file.write(tail[: view.size - start])
        file.truncate(view.size)
    return how


def _newest(journal: Path) -> SegmentView | None:
    paths = sorted(journal.glob("*.journal"))
    return SegmentView.open(segment_path(journal, int(paths[-1].stem)), FILES) if paths else None


def _frames(view: SegmentView) -> list[Frame]:
    found, offset = [], FIRST_FRAME
    while (frame := view.frame(offset)) is not None:
        found.append(frame)
        offset = frame.end
    return found


def _durable(folder: Path, found: list[Frame]) -> int:
    """The last position of which anything on the disk says that it was durable."""
    durable = max(frame.header.synced for frame in found)
    kept = checkpoint.load(folder / "checkpoints", FILES)
    if kept is not None:
        durable = max([durable, kept.reached, *(section.position for section in kept.sections)])
    with closing(sqlite3.connect(f"file:{folder / 'driftline.sqlite'}?mode=ro", uri=True)) as connection:
        return max(durable, read_standing(connection).position)


def _loose(found: list[Frame], durable: int, acknowledged: Acknowledged, chance: random.Random) -> int | None:
    """A place in one of the last frames, all from there on being batches of known producers that were not acknowledged."""
    starts = []
    for before, frame in zip(reversed(found[:-1]), reversed(found[1:]), strict=True):
        if frame.header.position <= durable or frame.header.kind not in (Record.BATCH, Record.REFUSED):
            break
        origin = records.read_head(frame.body).origin
        if (origin.epoch, origin.sequence) <= acknowledged.get(origin.producer_id, (origin.epoch, origin.sequence)):
            break
        starts.append(chance.randrange(before.end, frame.end))
    return chance.choice(starts) if starts else None


def _garbage(chance: random.Random) -> bytes:
    return bytes(chance.randrange(2) * chance.randrange(4096)) + chance.randbytes(chance.randrange(1, 5000))


def _half_frame(view: SegmentView, found: list[Frame], chance: random.Random) -> bytes:
    """The next frame, as far as it got."""
    records_found = [frame.header.position for frame in found if frame.header.kind != frames.DEFINE]  # it precedes its record
    last = max(records_found, default=view.header.first - 1)
    body = frames.Body.of(Record.BATCH, [chance.randbytes(chance.randrange(64, 4000))])
    whole = b"".join(bytes(part) for part in body.frame(position=last + 1, synced=last, salt=view.header.salt))
    return whole[: chance.randrange(1, len(whole) - 8)]
