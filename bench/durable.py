"""What durability costs: ingest against a bare stream, how soon an acknowledgement comes, how fast a crash is read back.

`python bench/durable.py [--quick]`. Rates are medians of rounds taken in turn in this run; the disk's own write and fdatasync of
the same batches stands beside them.
"""

import argparse
import os
import signal
import statistics
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
from ingest import Bench
from machine import Others
from processes import bare_server, server
from samples import batches

from driftline.wire import batch_message
from driftline_proto.v1 import ingest_pb2 as pb

GOAL_RATIO, GOAL_ACK_MS, GOAL_REPLAY = 0.45, 15.0, 3.0


def disk_rate(folder: Path, sample: list[pa.RecordBatch], seconds: float) -> float:
    """Rows a second of write and fdatasync, a batch at a time, into a growing file."""
    payloads = [batch.serialize().to_pybytes() for batch in sample]
    file = os.open(folder / "disk", os.O_WRONLY | os.O_CREAT)
    started, written = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        os.write(file, payloads[written % len(payloads)])
        os.fdatasync(file)
        written += 1
    rate = written * sample[0].num_rows / (time.perf_counter() - started)
    os.close(file)
    (folder / "disk").unlink()
    return rate


def ack_ms(bench: Bench, sample: list[pa.RecordBatch], rate: float, seconds: float) -> np.ndarray:
    """Milliseconds from a batch's sending to its durable acknowledgement, at so many batches a second."""
    payloads = [batch.serialize().to_pybytes() for batch in sample]
    name, schema = bench.endpoint(sample[0].num_columns), sample[0].schema.serialize().to_pybytes()
    opening = pb.Open(handle=1, endpoint=name, producer_id=os.urandom(16), epoch=1, schema=schema)
    opening.level = pb.ACK_LEVEL_DURABLE
    sent_at: list[float] = []
    opened = threading.Event()

    def requests():
        yield pb.PushRequest(open=opening).SerializeToString()
        opened.wait(10)
        started = time.perf_counter()
        for number in range(int(rate * seconds)):
            time.sleep(max(0.0, started + number / rate - time.perf_counter()))
            sent_at.append(time.perf_counter())
            yield batch_message(1, number + 1, payloads[number % len(payloads)])

    taken: list[float] = []
    for response in bench._plain(requests()):
        now = time.perf_counter()
        if response.opened:
            opened.set()
        for ack in response.acks:
            assert ack.level == pb.ACK_LEVEL_DURABLE
            taken += [(now - sent_at[sequence]) * 1e3 for sequence in range(len(taken), ack.sequence)]
    return np.array(taken)


def start_s(folder: str) -> float:
    """Seconds until a server on a data folder serves."""
    started = time.perf_counter()
    with server("--data", folder):
        return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter rounds, noisier figures")
    quick = parser.parse_args().quick
    seconds, rounds, others = (1.0, 3, Others()) if quick else (3.0, 5, Others())
    sample = batches(4096, 20)
    with tempfile.TemporaryDirectory() as kept, tempfile.TemporaryDirectory() as empty, bare_server() as (bare, _):
        with server("--data", kept) as (target, pid):
            bench = Bench(target, bare, seconds=seconds, rounds=rounds)
            taken = [
                (bench.driftline(sample, "durable"), bench.bare(sample), disk_rate(Path(kept), sample, seconds / 2))
                for _ in range(rounds)
            ]
            durable, ceiling, disk = (statistics.median(column) for column in zip(*taken, strict=True))
            acks = ack_ms(bench, sample, durable / 4096 / 2, 5.0 if quick else 70.0)
            before = bench.client.endpoint(bench.endpoint(20)).counters.rows
            live = statistics.median(bench.driftline(sample, "durable") for _ in range(rounds))
            rows = bench.client.endpoint(bench.endpoint(20)).counters.rows
            os.kill(pid, signal.SIGKILL)
        recovered_s = start_s(kept) - start_s(empty)
    print("\ndurable ingest, 4096 × 20 float64     driftline       bare       disk's own")
    ratio = durable / ceiling
    verdict = "met" if ratio >= GOAL_RATIO else "MISSED"
    print(
        f"  rows/s {durable / 1e6:26.2f} M {ceiling / 1e6:8.2f} M {disk / 1e6:8.2f} M   ratio {ratio:.2f} >= {GOAL_RATIO} {verdict}"
    )
    p50, p99 = np.percentile(acks, [50, 99])
    verdict = "met" if p99 <= GOAL_ACK_MS else "MISSED"
    print(f"  acknowledged at half load: p50 {p50:.1f} ms, p99 {p99:.1f} ms   <= {GOAL_ACK_MS:g} ms {verdict}")
    replayed = max(rows - before, 1) / max(recovered_s, 1e-3)
    verdict = "met" if replayed / live >= GOAL_REPLAY else "MISSED"
    read = f"{(rows - before) / 1e6:.1f} M rows and more read back in {recovered_s:.2f} s"
    print(f"  {read}: {replayed / live:.1f} of live   >= {GOAL_REPLAY:g} {verdict}")
    print(others)


if __name__ == "__main__":
    main()
