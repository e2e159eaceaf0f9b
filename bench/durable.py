"""What durability costs: ingest against a bare stream, how soon an acknowledgement comes, how fast a crash is read back.

`python bench/durable.py [--quick] [--folder DIR]`. Rates are medians of rounds taken in turn, in the quieter half of them; what the
disk itself does with the same bytes stands beside them: where it is slower than the stream, it is the disk that is measured.
"""

import argparse
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from ingest import Bench, latency
from machine import Others
from processes import CLI, bare_server, server
from samples import batches, reference

import driftline
from driftline.wire import batch_message
from driftline_proto.v1 import ingest_pb2 as pb

ROWS = 4096
GOAL_RATIO, GOAL_ACK_MS, GOAL_REPLAY = 0.45, 15.0, 3.0
GROUP_BYTES = 4 * 2**20  # what a commit gathers at full load
DISK_BYTES = 2**28
MANY, MANY_BYTES = 100, 10**9


def disk(folder: Path, payloads: list[bytes], *, group: int, seconds: float, rate: float = 0.0) -> tuple[float, np.ndarray]:
    """Bytes a second of write and fdatasync over room that was written before, as the journal has it after a while, and
    milliseconds of each; `rate`: so many writes a second."""
    together, written = payloads[0] * group, 0
    taken: list[float] = []
    file = os.open(folder / "disk", os.O_RDWR | os.O_CREAT)
    if not os.fstat(file).st_size:
        for _ in range(DISK_BYTES // len(together)):
            os.write(file, together)
        os.fsync(file)
    size = os.fstat(file).st_size
    began = time.perf_counter()
    while (now := time.perf_counter()) - began < seconds:
        if rate:
            time.sleep(max(0.0, began + len(taken) / rate - now))
        started = time.perf_counter()
        written += os.pwrite(file, together, written % (size - len(together)))
        os.fdatasync(file)
        taken.append((time.perf_counter() - started) * 1e3)
    rate_bytes = written / (time.perf_counter() - began)
    os.close(file)
    return rate_bytes, np.array(taken)


def ack_ms(bench: Bench, payloads: list[bytes], schema: bytes, *, rate: float, seconds: float) -> np.ndarray:
    """Milliseconds from a batch's sending to its durable acknowledgement, at so many batches a second."""
    opening = pb.Open(handle=1, endpoint=bench.endpoint(20), producer_id=os.urandom(16), epoch=1, schema=schema)
    opening.level = pb.ACK_LEVEL_DURABLE
    sent_at: list[float] = []
    opened = threading.Event()

    def requests() -> Iterator[bytes]:
        yield pb.PushRequest(open=opening).SerializeToString()
        opened.wait(10)
        started = time.perf_counter()
        for number in range(int(rate * seconds)):
            time.sleep(max(0.0, started + number / rate - time.perf_counter()))
            sent_at.append(time.perf_counter())
            yield batch_message(1, number + 1, payloads[number % len(payloads)])

    taken: list[float] = []
    for response in bench.plain(requests()):
        now = time.perf_counter()
        if response.opened:
            opened.set()
        for ack in response.acks:
            assert ack.level == pb.ACK_LEVEL_DURABLE
            taken += [(now - sent_at[sequence]) * 1e3 for sequence in range(len(taken), ack.sequence)]
    return np.array(taken)


def ingest(bench: Bench, folder: Path, payloads: list[bytes], seconds: float) -> float:
    """Durable ingest beside bare transport and the disk; returns batches a second of messages that were made beforehand."""
    sample, size_bytes = batches(ROWS, 20), len(payloads[0])
    group = max(1, GROUP_BYTES // size_bytes)
    through, ready, bare, own = bench.medians(
        lambda: bench.driftline(sample, "durable"),
        lambda: bench.messages(sample, pb.ACK_LEVEL_DURABLE),
        lambda: bench.bare(sample),
        lambda: disk(folder, payloads, group=group, seconds=seconds / 2)[0] / size_bytes * ROWS,
    )
    print("\ndurable ingest, 4096 × 20 float64       driftline       bare  the disk   of bare  of the disk")
    for what, rate in (("through a Monitor", through), ("made beforehand", ready)):
        verdict = "met" if rate / bare >= GOAL_RATIO else "MISSED: the disk allows no more" if own / bare < GOAL_RATIO else "MISSED"
        ours = f"{rate / 1e6:10.2f} M {bare / 1e6:8.2f} M {own / 1e6:7.2f} M"
        print(f"  rows/s, {what:24} {ours} {rate / bare:9.2f} {rate / own:9.2f}   >={GOAL_RATIO} {verdict}", flush=True)
    return ready / ROWS


def acknowledgements(bench: Bench, folder: Path, payloads: list[bytes], schema: bytes, *, rate: float, seconds: float) -> None:
    """How soon batches are durable at half load, and how soon the disk alone has one."""
    others = Others()
    own = disk(folder, payloads, group=1, seconds=seconds / 4, rate=rate)[1]
    acks = ack_ms(bench, payloads, schema, rate=rate, seconds=seconds)
    p50, p99 = np.percentile(acks, [50, 99])
    verdict = "met" if p99 <= GOAL_ACK_MS else "MISSED"
    print(
        f"\nacknowledged at half load ({rate:.0f} batches a second), checkpoints running: p50 {p50:.1f} ms, p99 {p99:.1f} ms",
        end=" ",
    )
    print(f"<= {GOAL_ACK_MS:g} {verdict}")
    p50, p99 = np.percentile(own, [50, 99])
    print(f"  the disk's own write and fdatasync of one, at that pace: p50 {p50:.1f} ms, p99 {p99:.1f} ms {others}", flush=True)


def restart(folder: Path) -> tuple[float, float]:
    """Seconds until a server on a data folder serves, and of them those that replay took."""
    started, replay_s = time.perf_counter(), 0.0
    command = [CLI, "serve", "--listen", "127.0.0.1:0", "--data", str(folder)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if found := re.search(r"recovered .*seconds=([\d.]+)", line):
                replay_s = float(found[1])
            if "listening on" in line:
                break
        served_s = time.perf_counter() - started
        process.kill()
    return served_s, replay_s


def replay(folder: Path, journal_bytes: int, live_bytes_s: float, endpoints: int) -> None:
    """A restart after a kill, against the rate at which the same came in. Each endpoint costs its search tables, once."""
    served_s, replay_s = restart(folder)
    ratio = journal_bytes / max(replay_s, 1e-3) / live_bytes_s
    verdict = "" if endpoints > 1 else f"  >={GOAL_REPLAY:g} {'met' if ratio >= GOAL_REPLAY else 'MISSED'}"
    read = f"{replay_s:.1f} s reading {journal_bytes / 1e9:.2f} GB back"
    print(f"\nrestart after a kill, 20 columns × {endpoints}: serves after {served_s:.1f} s, of them {read}")
    print(f"  {journal_bytes / max(replay_s, 1e-3) / 1e9:.2f} GB/s, {ratio:.1f} of live{verdict}", flush=True)


def fill(target: str, pid: int, endpoints: int, wanted_bytes: int) -> tuple[int, float]:
    """Pushes to so many endpoints until the journal has so many bytes, then kills the server: bytes, and bytes a second."""
    sample = batches(ROWS, 20)
    with driftline.connect(target) as client:
        names = [client.create_endpoint(f"bench/many/e{n}", reference=reference(20)).name for n in range(endpoints)]
    monitors = [driftline.Monitor(target, name, on_full="block", buffer_bytes_max=2**24) for name in names]
    size_bytes, count = sample[0].nbytes, 0
    started = time.perf_counter()
    while count * size_bytes < wanted_bytes:
        monitors[count % endpoints].log_batch(sample[count % len(sample)])
        count += 1
    assert all(monitor.flush(120) for monitor in monitors)
    rate = count * size_bytes / (time.perf_counter() - started)
    for monitor in monitors:
        monitor.close()
    os.kill(pid, signal.SIGKILL)
    return count * size_bytes, rate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="shorter rounds, noisier figures")
    parser.add_argument("--folder", type=Path, help="where data folders are made; default: where temporary files are")
    given = parser.parse_args()
    seconds, rounds = (1.0, 2) if given.quick else (2.0, 5)
    sample: list[pa.RecordBatch] = batches(ROWS, 20)
    payloads = [batch.serialize().to_pybytes() for batch in sample]
    os.environ["DRIFTLINE_CHECKPOINT_SECONDS"] = "5"
    with tempfile.TemporaryDirectory(dir=given.folder) as name, bare_server() as (bare, _):
        folder = Path(name)
        with server("--data", str(folder / "one")) as (target, _):
            bench = Bench(target, bare, seconds=seconds, rounds=rounds)
            rate = ingest(bench, folder, payloads, seconds)
            schema = sample[0].schema.serialize().to_pybytes()
            acknowledgements(bench, folder, payloads, schema, rate=rate / 2, seconds=5.0 if given.quick else 60.0)
            latency(bench, 100 if given.quick else 400)
        os.environ["DRIFTLINE_CHECKPOINT_SECONDS"] = "3600"
        os.environ["DRIFTLINE_CHECKPOINT_BYTES"] = str(2 * MANY_BYTES)
        for endpoints in (1, MANY):
            kept = folder / f"{endpoints}"
            with server("--data", str(kept)) as (target, pid):
                journal_bytes, live = fill(target, pid, endpoints, MANY_BYTES // (4 if given.quick else 1))
            replay(kept, journal_bytes, live, endpoints)


if __name__ == "__main__":
    main()
