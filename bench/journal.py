"""How fast the journal is: durable appends against the disk's own write + fdatasync in groups of the same size, and replay.

    python bench/journal.py [--folder DIR] [--json] [--quick]

Journal and disk take turns within each round of one run, each into segments of 64 MiB taken beforehand; replay reads what lies in
the page cache, every checksum verified. Compare ratios: disks differ, and a shared one differs from minute to minute.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TypeVar

from zlib_ng.zlib_ng import crc32

from driftline_server.filesystem import SystemFilesystem
from driftline_server.journal import Definition, Journal, JournalSettings

T = TypeVar("T")

APPENDERS = 2
IN_FLIGHT_BYTES = 16 << 20
SEGMENT_BYTES = 64 << 20
SWITCH_S = 0.0005  # a thread that returns from a sync must not wait 5 ms for the interpreter, which is Python's default
APPEND_GOAL, REPLAY_GOAL_GB_S = 0.8, 1.5


@dataclass(frozen=True, slots=True)
class Appends:
    """Durable appends of bodies of one size; rates in GB/s, medians."""

    body_bytes: int
    group_bytes: int
    journal: float
    disk: float
    ratio: float
    ack_p50_ms: float
    ack_p99_ms: float


@dataclass(frozen=True, slots=True)
class Replay:
    """Reading a journal back from the page cache; rates in GB/s, medians."""

    body_bytes: int
    journal: float
    crc: float
    ratio: float


class Window:
    """Bounded bytes in flight, as a server's credits bound them; and what was learnt on the way."""

    def __init__(self) -> None:
        self._room = threading.Condition()
        self._bytes = 0
        self.groups: list[int] = []
        self.waits_s: list[float] = []

    def take(self, size: int) -> tuple[int, float]:
        with self._room:
            self._room.wait_for(lambda: self._bytes + size <= IN_FLIGHT_BYTES)
            self._bytes += size
        return size, perf_counter()

    def give(self, items: Sequence[object], durable: int) -> None:
        now, taken = perf_counter(), [item for item in items if isinstance(item, tuple)]
        size = sum(each for each, _ in taken)
        self.groups.append(size)
        self.waits_s += [now - since for _, since in taken]
        with self._room:
            self._bytes -= size
            self._room.notify_all()


def append(folder: Path, body: bytes, count: int) -> tuple[float, Window]:
    """Seconds to append `count` bodies and have them durable."""
    window = Window()
    journal = Journal(folder, SystemFilesystem(), JournalSettings(segment_bytes=SEGMENT_BYTES), on_state=lambda *_: None)
    for _ in journal.recover(0):
        pass
    journal.start(window.give)
    schema, head = Definition(1, b"schema" * 200), bytes(64)

    def run() -> None:
        for _ in range(count // APPENDERS):
            item = window.take(len(body))
            journal.append(1, [head, body], item, definition=schema)

    threads = [threading.Thread(target=run) for _ in range(APPENDERS)]
    start = perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.close()
    return perf_counter() - start, window


def disk(folder: Path, group: bytes, total: int) -> float:
    """Seconds to write `total` bytes in groups, each synced, into files whose room was taken before."""
    taken = 0.0
    for count in range(-(-total // SEGMENT_BYTES)):
        descriptor = os.open(folder / f"disk-{count}", os.O_RDWR | os.O_CREAT, 0o600)
        os.posix_fallocate(descriptor, 0, SEGMENT_BYTES)
        os.fsync(descriptor)
        start, left = perf_counter(), min(SEGMENT_BYTES, total - count * SEGMENT_BYTES)
        while left > 0:
            left -= os.write(descriptor, group[:left])
            os.fdatasync(descriptor)
        taken += perf_counter() - start
        os.close(descriptor)
    return taken


def appends(root: Path, body_bytes: int, total: int, rounds: int) -> Appends:
    body = os.urandom(body_bytes)
    ours, theirs, groups, waits = [], [], [], []
    for _ in range(rounds):
        seconds, window = fresh(root, lambda folder: append(folder, body, total // body_bytes))
        ours.append(total / seconds / 1e9)
        groups += window.groups
        waits += window.waits_s
        group = os.urandom(int(median(window.groups)))
        theirs.append(total / fresh(root, partial(disk, group=group, total=total)) / 1e9)
    waits.sort()
    ratio = median(a / b for a, b in zip(ours, theirs, strict=True))
    p50, p99 = waits[len(waits) // 2] * 1e3, waits[len(waits) * 99 // 100] * 1e3
    return Appends(body_bytes, int(median(groups)), median(ours), median(theirs), ratio, p50, p99)


def replays(root: Path, body_bytes: int, total: int, rounds: int) -> Replay:
    def measured(folder: Path) -> tuple[list[float], list[float]]:
        body = os.urandom(body_bytes)
        append(folder, body, total // body_bytes)
        ours, bare = [], []
        for _ in range(rounds):
            journal = Journal(folder, SystemFilesystem(), JournalSettings(), on_state=lambda *_: None)
            start = perf_counter()
            size = sum(len(record.body) for record in journal.recover(0))
            ours.append(size / (perf_counter() - start) / 1e9)
            start = perf_counter()
            for _ in range(total // body_bytes):
                crc32(body)
            bare.append(total / (perf_counter() - start) / 1e9)
        return ours, bare

    ours, bare = fresh(root, measured)
    return Replay(body_bytes, median(ours), median(bare), median(a / b for a, b in zip(ours, bare, strict=True)))


def fresh(root: Path, run: Callable[[Path], T]) -> T:
    """What a function returns that is given an empty folder, which is removed after it."""
    folder = Path(tempfile.mkdtemp(dir=root, prefix="bench-"))
    try:
        return run(folder)
    finally:
        shutil.rmtree(folder)


def print_tables(tables: list[Appends], replayed: list[Replay]) -> None:
    print(f"{'durable appends':>20}{'group':>12}{'journal':>10}{'disk':>10}{'ratio':>9}  goal{'':19}{'p50':>8}{'p99':>8}")
    for row in tables:
        verdict = "met" if row.ratio >= APPEND_GOAL else "MISSED"
        print(
            f"{row.body_bytes:14,} bytes{row.group_bytes:12,}{row.journal:10.2f}{row.disk:10.2f}{row.ratio:8.2f}x  "
            f">= {APPEND_GOAL}x  goal {verdict:8}{row.ack_p50_ms:7.1f} {row.ack_p99_ms:7.1f} ms"
        )
    print(f"\n{'replay':>20}{'':12}{'journal':>10}{'bare crc':>10}{'ratio':>9}  goal")
    for each in replayed:
        verdict = "met" if each.journal >= REPLAY_GOAL_GB_S else "MISSED"
        print(
            f"{each.body_bytes:14,} bytes{'':12}{each.journal:10.2f}{each.crc:10.2f}{each.ratio:8.2f}x  "
            f">= {REPLAY_GOAL_GB_S} GB/s  goal {verdict}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path(), help="a folder on the disk to measure (default: here)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--quick", action="store_true", help="less data, fewer rounds")
    options = parser.parse_args()
    sys.setswitchinterval(SWITCH_S)
    rounds, total = (3, 256 << 20) if options.quick else (7, 1 << 30)
    sizes = (656_000, 16_000)
    tables = [appends(options.folder, size, total // 2, rounds) for size in sizes]
    replayed = [replays(options.folder, size, total, rounds) for size in sizes]
    if options.json:
        print(json.dumps({"appends": [asdict(row) for row in tables], "replay": [asdict(row) for row in replayed]}, indent=1))
    else:
        print_tables(tables, replayed)


if __name__ == "__main__":
    main()
