"""A durable log of records: appended by many threads, synced in groups by one, replayed equal and in order after a crash."""

from driftline_server.journal.errors import JournalDamaged, JournalFailed, JournalStalled, JournalUnknown
from driftline_server.journal.frames import KIND_MAX, Body, Definition
from driftline_server.journal.journal import Journal, JournalSettings
from driftline_server.journal.memory import MemoryJournal
from driftline_server.journal.reading import SegmentReader, read_segment
from driftline_server.journal.recovery import Record
from driftline_server.journal.repair import Loss, repair
from driftline_server.journal.segment import SUFFIX as JOURNAL_SUFFIX
from driftline_server.journal.segment import Segment
from driftline_server.journal.state import State

__all__ = [
    "JOURNAL_SUFFIX",
    "KIND_MAX",
    "Body",
    "Definition",
    "Journal",
    "JournalDamaged",
    "JournalFailed",
    "JournalSettings",
    "JournalStalled",
    "JournalUnknown",
    "Loss",
    "MemoryJournal",
    "Record",
    "Segment",
    "SegmentReader",
    "State",
    "read_segment",
    "repair",
]
