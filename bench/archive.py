"""How fast closed segments become Parquet and rows come out again, and how large the files are.

    python bench/archive.py [--rows 4096] [--columns 20] [--megabytes 64]

Rates are those of one core. pyarrow's own write_table and read_table of the same rows are timed in turn, and the ratio to them is
printed. Rows are normal numbers (which no codec makes small), prices of two decimals, and mixed: a quarter categories, a quarter
whole numbers.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from samples import batches

from driftline_core.binding import Plan
from driftline_core.engine import Frame
from driftline_core.facts import Origin
from driftline_core.panes import HOUR_US
from driftline_core.reference import build_reference
from driftline_core.roles import normal, resolve
from driftline_core.schema import EndpointSpec
from driftline_server import records
from driftline_server.archive.arrived import Bounds, Wanted
from driftline_server.archive.export import Export, Sources
from driftline_server.archive.payloads import payloads_of
from driftline_server.archive.pieces import SegmentRows
from driftline_server.archive.shelf import Shelf
from driftline_server.archive.writing import SegmentWriter
from driftline_server.filesystem import SystemFilesystem
from driftline_server.journal import Definition, Journal, JournalSettings, SegmentReader
from driftline_server.records import Record
from driftline_server.registration import Registration

UID = "0" * 32
START_US = 1_764_036_000_000_000
BOUNDS = Bounds(300_000_000, 400 * 24 * HOUR_US)
MB = 1e6


def samples(kind: str, rows: int, columns: int) -> list[pa.RecordBatch]:
    """Eight batches of a kind."""
    if kind == "normal":
        return batches(rows, columns)
    rng = np.random.default_rng(5)
    prices = lambda: pa.array(np.round(rng.lognormal(3, 1, rows), 2))  # noqa: E731
    words = lambda: pa.array(rng.integers(0, 20, rows), pa.int32()).cast(pa.string()).dictionary_encode()  # noqa: E731
    whole = lambda: pa.array(rng.integers(0, 1000, rows).astype(float))  # noqa: E731
    normal = lambda: pa.array(rng.normal(size=rows))  # noqa: E731
    makers: list[Callable[[], pa.Array]] = {"prices": [prices], "mixed": [prices, words, whole, normal]}[kind]
    return [
        pa.RecordBatch.from_arrays([makers[c % len(makers)]() for c in range(columns)], names=[f"f{c}" for c in range(columns)])
        for _ in range(8)
    ]


def timed(call: Callable[[], object]) -> float:
    """Seconds of a core: what else the machine does, and its disk, count little."""
    started = time.process_time()
    call()
    return time.process_time() - started


def payload_of(batch: pa.RecordBatch) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())


def measure(kind: str, rows: int, columns: int, megabytes: float, folder: Path) -> None:
    sample = samples(kind, rows, columns)
    spec = normal(EndpointSpec("bench"))
    resolved, _ = resolve(spec, sample[0].schema)
    reference = build_reference(sample, resolved, spec.bins, version=1)
    registration = Registration("default/default/bench:latest", UID, spec, resolved, reference, START_US)
    filesystem = SystemFilesystem()
    settings = JournalSettings(segment_bytes=int(megabytes * MB * 1.5))
    journal = Journal(folder / "journal", filesystem, settings, on_state=lambda *_: None)
    assert not list(journal.recover(0))
    journal.start(lambda *_: None)
    plan, definition = Plan.of(sample[0].schema, reference.layout, {}), Definition(1, sample[0].schema.serialize().to_pybytes())
    payloads = [payload_of(batch) for batch in sample]
    count = max(1, int(megabytes * MB / len(payloads[0])))
    for number in range(count):
        arrival_us = START_US + number * 1_000_000
        frame = Frame(UID, arrival_us, reference, plan.bind(sample[number % 8], arrival_us), Origin(b"p" * 16, 1, number + 1))
        journal.append(Record.BATCH, [records.batch_head(frame), payloads[number % 8]], None, definition=definition)
    journal.close()
    readers = [SegmentReader(segment, filesystem) for segment in journal.segments()]
    shelf = Shelf(folder / "archive", filesystem)
    writer = SegmentWriter(shelf, BOUNDS, HOUR_US, lambda: None)
    raw = sum(sample[number % 8].nbytes for number in range(count))
    table = pa.Table.from_batches([sample[number % 8] for number in range(count)])
    plain = folder / "plain.parquet"
    ceiling_s = timed(lambda: pq.write_table(table, plain, compression="zstd"))
    write_s = timed(lambda: [writer.write(reader, {UID: Wanted(registration)}, 0) for reader in readers])
    total = count * rows
    size = sum(path.stat().st_size for path in (folder / "archive").rglob("*.parquet"))
    print(f"{kind}: {total:,} rows of {columns} columns, {raw / total:.0f} bytes each as sent")
    print(
        f"  to Parquet    {raw / write_s / MB:6.0f} MB/s   {ceiling_s / write_s:4.2f} of pyarrow's own   "
        f"{size / total:.0f} bytes a row, {size / raw:.2f} of what was sent"
    )
    read_s = timed(lambda: pq.read_table(plain, use_threads=False))

    def export(readers: list[SegmentReader]) -> None:
        held = [SegmentRows(reader, Wanted(registration), BOUNDS, HOUR_US) for reader in readers]
        for each in held:
            each.read()
        out = Export(Sources(shelf, registration, held, HOUR_US), START_US, START_US + 24 * HOUR_US)
        found = sum(batch.num_rows for batch in out.batches() for _ in payloads_of(batch))
        assert out.rows == total
        assert found

    for label, given in (("archive", []), ("journal", readers)):
        export_s = timed(partial(export, given))
        rates = f"{total / export_s / MB:5.2f} M rows/s, {raw / export_s / MB:.0f} MB/s"
        print(f"  out of {label} {rates}   {read_s / export_s:4.2f} of pyarrow's read")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=4096)
    parser.add_argument("--columns", type=int, default=20)
    parser.add_argument("--megabytes", type=float, default=64)
    given = parser.parse_args()
    pa.set_cpu_count(1)
    for kind in ("normal", "prices", "mixed"):
        with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix="bench-") as folder:
            measure(kind, given.rows, given.columns, given.megabytes, Path(folder))


if __name__ == "__main__":
    main()
