"""The tails that the crash tests leave prove nothing durable that was not: what they end may be read again."""

import random
from pathlib import Path

from tests.crash.tails import spoil
from tests.server.journal.logbook import replay

from driftline_server.filesystem import SystemFilesystem
from driftline_server.journal import Definition, frames
from driftline_server.journal.segment import SegmentHeader, segment_path
from driftline_server.records import Record
from driftline_server.store import Store

SALT, CAPACITY = 7, 1 << 16
TAILS = 20


def test_a_kill_between_a_definition_and_its_record_may_leave_any_tail(tmp_path: Path) -> None:
    Store.open(tmp_path).close()
    (tmp_path / "journal").mkdir()
    written = SegmentHeader(SALT, 1, CAPACITY).pack()
    definition = frames.define(Definition(1, b"schema"))
    for body, position in ((frames.Body.of(Record.REFERENCE, [b"first"]), 1), (definition, 2)):
        written += b"".join(bytes(part) for part in body.frame(position=position, synced=0, salt=SALT))
    for seed in range(TAILS):
        segment_path(tmp_path / "journal", 1).write_bytes(written.ljust(CAPACITY, b"\0"))
        assert spoil(tmp_path, {}, random.Random(seed))
        assert [kept.body for kept in replay(SystemFilesystem(), folder=tmp_path / "journal")] == [b"first"]
