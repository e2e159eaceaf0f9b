"""End to end: a client process, a server process, the transport between them, and queries meanwhile.

`python bench/ingest.py [--quick]`. Every ratio is of medians of rounds taken in turn in this run, against a bare gRPC stream that
carries the same bytes and discards them. What else the machine does moves every figure, so twice the rounds are taken, and the half
during which it did least is looked at. A monitor puts small batches together, so what 100 rows a message cost is also measured with
messages that are made beforehand and sent as they are.
"""

import argparse
import contextlib
import itertools
import os
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial

import grpc
import numpy as np
import pyarrow as pa
from machine import Others
from processes import bare_server, load, server
from samples import batches, reference

import driftline
from driftline.link import PUSH
from driftline.wire import batch_message
from driftline_proto.v1 import ingest_pb2 as pb

TURNS = 20


class Bench:
    """The two servers, and how to push to each."""

    def __init__(self, target: str, bare: str, *, seconds: float, rounds: int) -> None:
        self.target, self.seconds, self.rounds = target, seconds, rounds
        self.client = driftline.connect(target)
        self._bare = grpc.insecure_channel(bare).stream_stream("/bare.Stream/Push")
        self.plain = grpc.insecure_channel(target).stream_stream(PUSH, response_deserializer=pb.PushResponse.FromString)
        self._made: dict[int, str] = {}
        self.others = 0.0  # the most that other work took of the machine in a round that was looked at

    def endpoint(self, columns: int, name: str | None = None) -> str:
        """An endpoint of so many columns."""
        name = name or f"bench/ingest/columns{columns}"
        if name not in self._made.values():
            self.client.create_endpoint(name, reference=reference(columns))
            self._made[len(self._made)] = name
        return name

    def bare(self, sample: list[pa.RecordBatch]) -> float:
        """Rows a second of the bare stream."""
        payloads = [batch.serialize().to_pybytes() for batch in sample]
        sent = 0

        def messages() -> Iterator[bytes]:
            nonlocal sent
            end = time.perf_counter() + self.seconds
            for payload in itertools.cycle(payloads):
                if time.perf_counter() > end:
                    return
                sent += 1
                yield payload

        started = time.perf_counter()
        (answer,) = self._bare(messages())
        assert int.from_bytes(answer, "little") == sent
        return float(sent * sample[0].num_rows) / (time.perf_counter() - started)

    def driftline(self, sample: list[pa.RecordBatch], level: str = "accepted") -> float:
        """Rows a second through a Monitor, until every row is acknowledged at a level."""
        return self.push(sample, [self.endpoint(sample[0].num_columns)], level)

    def messages(self, sample: list[pa.RecordBatch], level: pb.AckLevel = pb.ACK_LEVEL_ACCEPTED) -> float:
        """Rows a second of messages that are ready to be sent, as `bare` sends them, until the last is acknowledged at a level."""
        payloads = [batch.serialize().to_pybytes() for batch in sample]
        name, schema = self.endpoint(sample[0].num_columns), sample[0].schema.serialize().to_pybytes()
        opening = pb.Open(handle=1, endpoint=name, producer_id=os.urandom(16), epoch=1, schema=schema)
        opening.level = level
        sent, acknowledged = 0, 0

        def requests() -> Iterator[bytes]:
            nonlocal sent
            yield pb.PushRequest(open=opening).SerializeToString()
            end = time.perf_counter() + self.seconds
            for payload in itertools.cycle(payloads):
                if time.perf_counter() > end:
                    return
                sent += 1
                yield batch_message(1, sent, payload)

        started = time.perf_counter()
        for response in self.plain(requests()):
            acknowledged = max([acknowledged, *(ack.sequence for ack in response.acks)])
            assert not any(ack.rejected for ack in response.acks)
        assert acknowledged == sent
        return float(sent * sample[0].num_rows) / (time.perf_counter() - started)

    def push(self, sample: list[pa.RecordBatch], names: list[str], level: str = "accepted") -> float:
        """Rows a second through a Monitor of each endpoint, their batches in turn, until every row is acknowledged at a level."""
        with contextlib.ExitStack() as stack:
            monitors = [
                stack.enter_context(driftline.Monitor(self.target, name, on_full="block", level=level, buffer_bytes_max=2**25))
                for name in names
            ]
            for monitor in monitors:
                monitor.log_batch(sample[0])
            assert all(monitor.flush(60) for monitor in monitors)
            started, sent = time.perf_counter(), 0
            end = started + self.seconds
            for batch, monitor in zip(itertools.cycle(sample), itertools.cycle(monitors), strict=False):
                if time.perf_counter() > end:
                    break
                monitor.log_batch(batch)
                sent += 1
            assert all(monitor.flush(60) for monitor in monitors)
            return float(sent * sample[0].num_rows) / (time.perf_counter() - started)

    def medians(self, *measures: Callable[[], float]) -> list[float]:
        """Medians of several measures, taken in turn, in the quieter half of the rounds."""
        taken = []
        for _ in range(2 * self.rounds):
            others = Others()
            figures = [measure() for measure in measures]
            taken.append((others.share(), figures))
        quieter = sorted(taken)[: self.rounds]
        self.others = max([self.others, *(share for share, _ in quieter)])
        return [statistics.median(column) for column in zip(*(figures for _, figures in quieter), strict=True)]


def ratios(bench: Bench) -> None:
    """Against the bare stream, and with nulls against without."""
    print("\nend to end, 20 float64 columns               driftline       bare   ratio    goal")
    for rows, goal in ((4096, 0.65), (100, 0.45)):
        sample = batches(rows, 20)
        ours, ready, bare = bench.medians(*[partial(measure, sample) for measure in (bench.driftline, bench.messages, bench.bare)])
        line(f"{rows} rows a batch, through a Monitor", ours, bare, ours / bare, goal)
        line(f"{rows} rows a message, made beforehand", ready, bare, ready / bare, goal)
    plain, holed = batches(4096, 20), batches(4096, 20, nulls=0.05)
    without, with_nulls = bench.medians(lambda: bench.driftline(plain), lambda: bench.driftline(holed))
    verdict = "met" if without / with_nulls <= 1.5 else "MISSED"
    print(f"  5% nulls, time against none: {without / with_nulls:.2f} (goal <= 1.5, {verdict})")
    print(f"  (other work took up to {bench.others:.0%} of the machine's processors)", flush=True)


def pairs(count: int, seconds: float) -> None:
    """What a pair of processes makes differs from what another makes, by where they lie in memory: so several are looked at."""
    sample, found = batches(4096, 20), []
    for number in range(1, count + 1):
        with server() as (target, _), bare_server() as (bare, _):
            bench = Bench(target, bare, seconds=seconds, rounds=3)
            measures = (bench.driftline, bench.messages, bench.bare)
            ours, ready, least = bench.medians(*[partial(measure, sample) for measure in measures])
            found.append((ours / least, ready / least))
            line(f"pair {number}, 4096 rows a batch, through a Monitor", ours, least, ours / least, 0.65)
            line("        made beforehand", ready, least, ready / least, 0.65)
    for what, ratios_ in zip(("through a Monitor", "made beforehand"), zip(*found, strict=True), strict=True):
        print(f"{what}: {min(ratios_):.2f} to {max(ratios_):.2f}, the middle one {statistics.median(ratios_):.2f} (goal >= 0.65)")


def line(what: str, ours: float, bare: float, ratio: float, goal: float) -> None:
    verdict = "met" if ratio >= goal else "MISSED"
    print(f"  {what:41} {ours / 1e6:8.2f} M {bare / 1e6:8.2f} M  {ratio:6.2f}  >={goal} {verdict}", flush=True)


def latency(bench: Bench, queries: int) -> None:
    """Drift queries while ingest runs at full load."""
    name = bench.endpoint(20)
    print(f"\ndrift query on 20 columns under full load, the quieter half of {queries} queries")
    for streams in (0, 1, 8):
        with contextlib.ExitStack() as stack:
            for _ in range(streams):
                stack.enter_context(load(bench.target, name, rows=4096, seconds=300))
            taken = [_asked(bench, name, queries // TURNS) for _ in range(TURNS)]
        quieter = sorted(taken)[: TURNS // 2]
        p50, p99 = np.percentile([each for _, milliseconds in quieter for each in milliseconds], [50, 99])
        verdict = "" if not streams else "goal <= 50, met" if p99 <= 50 else "goal <= 50, MISSED"
        print(f"  {streams} streams, a process each: p50 {p50:5.1f} ms, p99 {p99:5.1f} ms  {verdict}", end=" ")
        print(f"(other work took up to {quieter[-1][0]:.0%} of the machine's processors)", flush=True)


def _asked(bench: Bench, name: str, queries: int) -> tuple[float, list[float]]:
    """What other work took meanwhile, and milliseconds of each query."""
    others, taken = Others(), []
    for _ in range(queries):
        started = time.perf_counter()
        bench.client.drift(name)
        taken.append((time.perf_counter() - started) * 1e3)
    return others.share(), taken


def growth(bench: Bench) -> None:
    """What a doubling costs: rows a message, columns, endpoints."""
    print("\ngrowth                                     rows/s    values/s")
    for rows in (1, 100, 1000, 4096, 8192):
        rate = bench.driftline(batches(rows, 20))
        print(f"  {rows:5} rows a message, 20 columns     {rate / 1e6:8.3f} M {rate * 20 / 1e6:8.1f} M")
    for columns in (1, 10, 100, 400):
        rate = bench.driftline(batches(1000, columns))
        print(f"  1000 rows a message, {columns:4} columns   {rate / 1e6:8.3f} M {rate * columns / 1e6:8.1f} M")
    for endpoints in (1, 10, 100):
        names = [bench.endpoint(20, f"bench/many/e{i}") for i in range(endpoints)]
        rate = bench.push(batches(1000, 20), names)
        print(f"  1000 rows a message, {endpoints:4} endpoints {rate / 1e6:8.3f} M {rate * 20 / 1e6:8.1f} M")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter rounds, noisier figures")
    parser.add_argument("--seconds", type=float, help="length of a round")
    parser.add_argument("--pairs", type=int, default=0, help="the first ratio only, of so many pairs of servers")
    arguments = parser.parse_args()
    seconds = arguments.seconds or (0.7 if arguments.quick else 2.0)
    if arguments.pairs:
        pairs(arguments.pairs, seconds)
        return
    with server() as (target, _), bare_server() as (bare, _):
        bench = Bench(target, bare, seconds=seconds, rounds=3 if arguments.quick else 5)
        ratios(bench)
        latency(bench, 100 if arguments.quick else 800)
        growth(bench)


if __name__ == "__main__":
    main()
