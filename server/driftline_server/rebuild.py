"""A data folder from its database alone: a checkpoint that says what the stored hours say, and a journal that begins behind it.

For whoever has a copy of `driftline.sqlite` and nothing else. Endpoints, references, hours and alerts are served again. Lost are
the rows of hours that were not stored yet, which the endpoints count as lost as far as the database knows of them; how often a
producer's batches came twice; and what forgotten producers dropped or could not convert.
"""

import threading
from dataclasses import dataclass
from pathlib import Path

from driftline_core.delivery import Losses, Producers
from driftline_core.endpoint_state import Applied, EndpointState
from driftline_core.hours import NEVER
from driftline_core.panes import FAR_FUTURE_US, FAR_PAST_US, MINUTE_US, floor, ruler_of
from driftline_core.reference import decode_reference
from driftline_server import checkpoint, lineage
from driftline_server.checkpoint import Section
from driftline_server.filesystem import Filesystem
from driftline_server.recovery import section_of
from driftline_server.registration import Registration
from driftline_server.registry import Entry
from driftline_server.store import Reader, Store, StoredCount, StoredEndpoint

ASIDE_SUFFIX = ".aside"


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What is served again."""

    endpoints: int
    rows: int  # that stored hours hold
    lost: int  # counted up to the last checkpoint, or the last hour that was stored since, and in no stored hour
    unknown: int  # endpoints of which that is not known
    set_aside: tuple[Path, ...]  # parts that did not belong to the database


def rebuild(folder: Path, filesystem: Filesystem, store: Store, *, parts: tuple[str, str], archived: int) -> Rebuilt:
    """Makes the journal and the checkpoints (`parts`) of a folder anew; those there are get another name. Raises OSError.

    `archived`: the last position that rows of the archive came from. The journal begins behind it, or its files would hide those.
    """
    reader, standing = store.reader, store.standing
    position = max(standing.position, archived)
    aside = tuple(_set_aside(folder / part, filesystem) for part in parts if (folder / part).exists())
    journal, checkpoints = (folder / part for part in parts)
    minutes = standing.snapshot_minutes or 60
    counts = reader.counts()
    made = [_made(reader, each, counts.get(each.uid), minutes * MINUTE_US) for each in reader.endpoints()]
    with store.atomic():
        for each in made:
            if each.lost is not None:  # before the checkpoint: whoever asks again is told the same
                store.save_count(each.registration.uid, each.state.rows, position)
                store.save_lost(each.registration.uid, each.lost)
    mark = lineage.Mark(standing.lineage, standing.position).section(position)
    lineage.write(journal, filesystem, standing.lineage)
    checkpoint.write(checkpoints, filesystem, position, [*(each.section(position) for each in made), mark])
    lost = [each.lost for each in made if each.lost is not None]
    return Rebuilt(len(made), sum(each.rows for each in made), sum(lost), len(made) - len(lost), aside)


@dataclass(frozen=True, slots=True)
class _Made:
    """An endpoint that is served again, the rows of its hours, and how many are lost, as far as that is known."""

    registration: Registration
    state: EndpointState
    rows: int
    lost: int | None

    def section(self, position: int) -> Section:
        """As a checkpoint holds it."""
        section = section_of(Entry(self.registration, threading.Lock(), Producers(1)), (position, self.state.save()))
        assert section is not None
        return section


def _made(reader: Reader, stored: StoredEndpoint, count: StoredCount | None, hour_us: int) -> _Made:
    references = {each.version: decode_reference(each.body) for each in reader.references(stored.uid)}
    newest = references[max(references)]
    hours = reader.history(stored.uid, "rows_other_reference", None, since_us=FAR_PAST_US, until_us=FAR_FUTURE_US)
    with_rows = [hour.end_us for hour in hours if hour.rows or hour.value]
    closed_us = reader.closed_until_us().get(stored.uid, floor(stored.created_us, hour_us))
    state = EndpointState.new(newest, ruler_of(hour_us), closed_us)
    state.references = references
    state.evicted_us = state.coarse_us = max((hour.end_us for hour in hours), default=NEVER)
    state.watermark_us = max(with_rows) - 1 if with_rows else None
    rows = sum(hour.rows + int(hour.value) for hour in hours)
    known = count or StoredCount(rows, 0, 0)
    lost = known.lost + max(0, known.rows - known.expired - rows)
    state.rows, state.forgotten = rows + known.expired, Losses(lost=lost)
    for each in reader.producers(stored.uid):
        state.producers[each.producer_id] = Applied(each.epoch, each.admitted, each.last_seen_us, each.losses)
    registration = Registration(stored.name, stored.uid, stored.spec, stored.columns, newest, stored.created_us)
    return _Made(registration, state, rows, None if count is None else lost)


def _set_aside(path: Path, filesystem: Filesystem) -> Path:
    to = path.with_name(path.name + ASIDE_SUFFIX)
    number = 1
    while to.exists():
        number += 1
        to = path.with_name(f"{path.name}{ASIDE_SUFFIX}{number}")
    filesystem.rename(path, to)
    return to
