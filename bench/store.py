"""How fast closed hours are saved and found again, and how large the database gets.

    python bench/store.py [--endpoints 1000] [--columns 50] [--hours 8]

A disk and a machine that others share make the rates vary from run to run: a raw executemany of the same columns' rows is timed in
turn with each hour, and the ratio printed. Sizes are exact.
"""

import argparse
import resource
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import pyarrow as pa

from driftline_core.binding import Plan
from driftline_core.engine import Engine, Frame, Span
from driftline_core.panes import HOUR_US
from driftline_core.query import Report, drift_report
from driftline_core.reference import build_reference
from driftline_core.roles import normal, resolve
from driftline_core.schema import EndpointSpec
from driftline_server.store import Hour, Store, StoredEndpoint

ROWS = 2000
SINCE = 480_000  # hours since 1970
SPEC = normal(EndpointSpec("bench"))


def sample(columns: int) -> pa.RecordBatch:
    """Rows of normal columns, every fifth of categories."""
    rng = np.random.default_rng(9)
    kinds = (rng.choice(list("abcdefgh"), ROWS) if at % 5 == 4 else rng.normal(size=ROWS) for at in range(columns))
    return pa.RecordBatch.from_arrays([pa.array(values) for values in kinds], names=[f"column_{at}" for at in range(columns)])


def report_of(batch: pa.RecordBatch) -> Report:
    """The report of an hour that had half of those rows."""
    columns, _ = resolve(SPEC, batch.schema)
    reference = build_reference([batch], columns, SPEC.bins, version=1)
    engine = Engine()
    engine.create("u", reference)
    engine.feed(Frame("u", 0, reference, Plan.of(batch.schema, reference.layout, {}).bind(batch.slice(0, ROWS // 2), 0)))
    return drift_report(engine.window("u", Span(window_us=HOUR_US), 0), SPEC)


def hours(endpoints: int, at: int, report: Report | None) -> list[Hour]:
    """One hour of every endpoint."""
    start_us = at * HOUR_US
    return [Hour(f"{uid:032x}", start_us, start_us + HOUR_US, 1, at, start_us, report, None) for uid in range(endpoints)]


def seconds(call: Callable[[], object]) -> float:
    start = perf_counter()
    call()
    return perf_counter() - start


def size_bytes(store: Store, folder: Path) -> int:
    store.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return (folder / "driftline.sqlite").stat().st_size


@contextmanager
def raw_table(folder: Path) -> Iterator[Callable[[int], None]]:
    """The same number of rows of as many numbers, into a table without keys: what SQLite itself can do here."""
    connection = sqlite3.connect(folder / "raw.sqlite", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"CREATE TABLE raw ({', '.join(f'c{at}' for at in range(16))})")
    row = (*range(9), *(0.1 * at for at in range(7)))

    def insert(rows: int) -> None:
        connection.execute("BEGIN")
        connection.executemany(f"INSERT INTO raw VALUES ({', '.join('?' * 16)})", (row for _ in range(rows)))
        connection.execute("COMMIT")

    yield insert
    connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("endpoints", 1000), ("columns", 50), ("hours", 8)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=".") as made, raw_table(Path(made)) as insert:
        folder = Path(made) / "data"
        store = Store.open(folder)
        report = report_of(sample(asked.columns))
        columns = tuple(each.column for each in report.columns)
        with store.atomic():
            for uid in range(asked.endpoints):
                name = f"bench/f/m{uid}:1"
                store.save_endpoint(StoredEndpoint(f"{uid:032x}", name, replace(SPEC, name=name), columns, 0))
        measure(store, folder, insert, report, asked)
        store.close()


def measure(store: Store, folder: Path, insert: Callable[[int], None], report: Report, asked: argparse.Namespace) -> None:
    rows, end = asked.endpoints * asked.columns, SINCE + asked.hours
    before = size_bytes(store, folder)
    saves, raws = [], []
    for at in range(SINCE, end):
        made = hours(asked.endpoints, at, report)
        saves.append(seconds(lambda made=made: store.save_hours(made)))  # type: ignore[misc]
        raws.append(seconds(lambda: insert(rows)))
    full = size_bytes(store, folder)
    ratio = median(raw / save for raw, save in zip(raws, saves, strict=True))
    print(f"an hour of {asked.endpoints} endpoints × {asked.columns} columns saved in {median(saves):.3f} s:")
    print(f"  {rows / median(saves):,.0f} column-rows/s, {ratio:.2f} of a raw executemany in the same run")
    print(f"  {(full - before) / asked.hours / rows:.1f} bytes a column and hour, without the encoded counts")
    for at in range(end, end + 24):
        store.save_hours(hours(asked.endpoints, at, None))
    idle = (size_bytes(store, folder) - full) / 24 / asked.endpoints
    print(f"an hour without rows: {idle:.1f} bytes, {idle * 720 / 1000:.1f} kB a month")
    uid = f"{asked.endpoints // 2:032x}"
    found = median(seconds(lambda: store.reader.hour(uid, SINCE * HOUR_US)) for _ in range(1000))
    print(f"one hour found in {found * 1e6:.0f} µs")
    history = partial(store.reader.history, uid, "drift", "column_3", since_us=0, until_us=2**61)
    read = median(seconds(history) for _ in range(20))
    print(f"a history of {asked.hours + 24} hours of a column read in {read * 1e3:.1f} ms")
    expired = seconds(lambda: store.expire((SINCE + 1) * HOUR_US))
    print(f"an hour of all endpoints expired in {expired:.3f} s")
    print(f"peak memory of this process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
