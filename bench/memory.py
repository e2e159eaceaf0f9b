"""The server's memory: the same after 100 M rows as after 10 M, and under twice a reference's size while it is uploaded.

`python bench/memory.py [--quick] [--data]`. Resident memory (VmRSS, and VmHWM at its peak) of the server process. Nothing is kept,
or with --data every batch goes through the journal too.
"""

import argparse
import itertools
import re
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
from processes import server
from rich.progress import Progress

import driftline

MiB = 2**20
ROWS = 16_384


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows")
    parser.add_argument("--data", action="store_true", help="keep the rows in a journal, in a folder that is deleted afterwards")
    arguments = parser.parse_args()
    scale = 10 if arguments.quick else 1
    with tempfile.TemporaryDirectory() as folder:
        options = ("--data", folder) if arguments.data else ()
        with server(*options) as (target, pid), driftline.connect(target) as client:
            rows(client, target, pid, at=10_000_000 // scale, until=100_000_000 // scale)
        with server(*options) as (target, pid), driftline.connect(target) as client:
            upload(client, pid, rows=2_000_000 // scale)


def rows(client: driftline.Client, target: str, pid: int, *, at: int, until: int) -> None:
    """Resident memory after so many rows of four columns, and after ten times as many."""
    sample = [batch(seed) for seed in range(8)]
    name = client.create_endpoint("bench/memory", reference=pa.Table.from_batches(sample)).name
    taken: dict[int, int] = {}
    sent = 0
    with (
        driftline.Monitor(target, name, on_full="block", level="accepted", buffer_bytes_max=2**24) as monitor,
        Progress() as progress,
    ):
        bar = progress.add_task("rows", total=until)
        for each in itertools.cycle(sample):
            monitor.log_batch(each)
            sent += each.num_rows
            progress.update(bar, completed=sent)
            if len(taken) < sent // at:
                assert monitor.flush(120)
                taken[sent] = resident(pid)
            if sent >= until:
                break
    first, last = next(iter(taken.values())), list(taken.values())[-1]
    assert client.endpoint(name).counters.rows == sent
    verdict = "met" if last <= 1.05 * first else "MISSED"
    print(f"after {at / 1e6:3.0f} M rows {first / MiB:6.1f} MiB, after {until / 1e6:3.0f} M rows {last / MiB:6.1f} MiB:", end=" ")
    print(f"{last / first:.3f} (goal <= 1.05, {verdict}); at most {peak(pid) / MiB:.1f} MiB meanwhile")


def upload(client: driftline.Client, pid: int, *, rows: int) -> None:
    """What a reference takes while it is uploaded, over what the server has anyway."""
    rng = np.random.default_rng(4)
    reference = pa.table({f"f{index}": rng.normal(size=rows) for index in range(20)})
    client.create_endpoint("bench/warm", reference=reference.slice(0, 1000))
    before = resident(pid)
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # VmHWM begins anew
    started = time.perf_counter()
    client.create_endpoint("bench/upload", reference=reference)
    taken, size = peak(pid) - before, reference.nbytes
    verdict = "met" if taken < 2 * size else "MISSED"
    print(f"a reference of {rows / 1e6:g} M rows x 20 ({size / MiB:.0f} MiB) takes {time.perf_counter() - started:.1f} s", end=" ")
    print(f"and at most {taken / MiB:.0f} MiB: {taken / size:.2f} of its size (goal < 2, {verdict});", end=" ")
    print(f"{(resident(pid) - before) / MiB:.1f} MiB stay")


def batch(seed: int) -> pa.RecordBatch:
    """Rows of every kind: numbers, numbers with nulls, categories, flags."""
    rng = np.random.default_rng(seed)
    return pa.record_batch(
        {
            "amount": rng.normal(size=ROWS),
            "age": pa.array(rng.integers(18, 90, ROWS).astype(np.int16), mask=rng.random(ROWS) < 0.05),
            "country": pa.DictionaryArray.from_arrays(rng.integers(0, 3, ROWS).astype(np.int8), ["DE", "FR", "IT"]),
            "known": pa.array(rng.random(ROWS) < 0.3),
        }
    )


def resident(pid: int) -> int:
    """VmRSS, in bytes, after a moment in which a spike can pass."""
    time.sleep(1.0)
    return _status(pid, "VmRSS")


def peak(pid: int) -> int:
    return _status(pid, "VmHWM")


def _status(pid: int, which: str) -> int:
    found = re.search(rf"{which}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


if __name__ == "__main__":
    main()
