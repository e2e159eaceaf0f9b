"""Byte-flip fuzzing of Push: whatever a payload becomes, the server lives, logs no fault, and counts exactly what it accepts.

`python -m tests.fuzz.push_payloads [--mutations 100000] [--seed N] [--first N]`

Each mutation is a function of the seed and its number, so `--seed S --first N --mutations 1` sends mutation N again. What a real
server process accepts, pyarrow must decode and numpy count to the same numbers, in a process of its own (`counting`). At the
end the server is killed, and the one that takes over its folder must have the same counts.
"""

import argparse
import random
import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

import pyarrow as pa
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from tests.e2e.push import Handle, PushClient
from tests.e2e.server import Server
from tests.e2e.watched import ALL, create
from tests.fuzz.corpus import Wire, reference, wires
from tests.fuzz.counting import Oracle, Tallied
from tests.fuzz.mutations import mutate

from driftline_proto.v1 import endpoint_pb2, metrics_pb2, schema_pb2

BLOCK = 250
HONEST = 0.02
MiB = 1024 * 1024


@dataclass(slots=True)
class Outcome:
    """What became of the mutations."""

    sent: int = 0
    accepted: int = 0
    reasons: Counter[str] = field(default_factory=Counter)  # of refusals, numbers and quotes left out
    rss_mib: list[int] = field(default_factory=list)


class Fuzz:
    """One endpoint under fire: a handle for each wire on one stream, and an oracle beside it."""

    def __init__(self, server: Server, *, seed: int) -> None:
        self._server = server
        self._seed = seed
        self._wires = wires(_now_us())
        self._corpus = [payload for wire in self._wires for payload in wire.payloads]
        spec = {"kinds": {"code": schema_pb2.KIND_CATEGORICAL}}
        self._endpoint = create(server, reference(), **spec).endpoint.name
        self._names = [*reference(1).schema.names]
        self._bins = {name: list(self._histogram(name).bins) for name in self._names}
        self._expected = Tallied.empty(self._bins)
        self._pending: list[Future[Tallied]] = []
        self._oracle = Oracle(self._bins)
        self._stream = PushClient(server.ingest)
        self._handles = [self._open(wire) for wire in self._wires]
        self.outcome = Outcome()

    def run(self, first: int, mutations: int, on_block: Callable[[int], None] = lambda _: None) -> Outcome:
        """Sends mutations `first` to `first + mutations - 1`; raises AssertionError at the first block that breaks a promise."""
        for start in range(first, first + mutations, BLOCK):
            stop = min(start + BLOCK, first + mutations)
            try:
                self._block(start, stop)
                if start // BLOCK % 20 == 0 or stop == first + mutations:
                    self.check()
            except AssertionError as error:
                again = f"--seed {self._seed} --first {start} --mutations {stop - start}"
                raise AssertionError(f"at or before mutations {start} to {stop - 1}; again: {again}\n{error}") from error
            on_block(stop - start)
        return self.outcome

    def check_after(self, server: Server) -> None:
        """A later life of the server has counted the same."""
        self._server = server
        self.check()

    def check(self) -> None:
        """The server lives, has logged no fault, and has counted what the oracle counts."""
        for each in self._pending:
            self._expected.add(each.result())
        self._pending.clear()
        self._server.check_serving()
        self.outcome.rss_mib.append(self._server.rss_bytes() // MiB)
        expected = self._expected
        for name in self._names:
            found = [each.current for each in self._histogram(name).bins]
            assert found == expected.counts[name].tolist(), f"{name}: {found}\noracle: {expected.counts[name].tolist()}"
        report = self._server.metrics.GetDrift(metrics_pb2.GetDriftRequest(endpoint=self._endpoint, span=ALL))
        assert {each.column.name: each.missing for each in report.columns} == expected.missing
        counters = self._server.endpoints.GetEndpoint(endpoint_pb2.GetEndpointRequest(name=self._endpoint)).endpoint.counters
        told = (counters.rows, counters.batches, counters.future_rows, counters.expired_rows, counters.rejected_batches)
        refused = sum(len(handle.rejected) for handle in self._handles)
        assert told == (expected.rows, expected.batches, expected.future_rows, expected.expired_rows, refused)

    def close(self) -> None:
        """Ends stream and oracle."""
        self._oracle.close()
        self._stream.close()

    def mutation(self, number: int) -> tuple[int, bytes]:
        """The wire and the payload of a mutation; a few are honest, which must always be accepted."""
        rng = random.Random(f"{self._seed}/{number}")
        at = rng.randrange(len(self._wires))
        payload = rng.choice(self._wires[at].payloads)
        return at, payload if rng.random() < HONEST else mutate(rng, payload, self._corpus)

    def _block(self, start: int, stop: int) -> None:
        now_us = _now_us()
        sent: list[list[tuple[int, bytes]]] = [[] for _ in self._wires]
        for number in range(start, stop):
            at, payload = self.mutation(number)
            self._stream.push(self._handles[at], payload)
            sent[at].append((self._handles[at].sent, payload))
        self._stream.settle()
        for wire, handle, payloads in zip(self._wires, self._handles, sent, strict=True):
            assert not handle.refused, f"{wire.name}: {handle.refused}"
            accepted = [payload for sequence, payload in payloads if sequence not in handle.rejected]
            refused = [handle.rejected[sequence] for sequence, _ in payloads if sequence in handle.rejected]
            honest = [payload for sequence, payload in payloads if sequence in handle.rejected and payload in wire.payloads]
            assert not honest, f"{wire.name}: honest payloads were refused"
            assert all(name and reason and reason.isprintable() for name, reason in refused), refused
            self._pending.append(self._oracle.tally(wire.schema, accepted, now_us))
            self.outcome.sent += len(payloads)
            self.outcome.accepted += len(accepted)
            self.outcome.reasons.update(re.sub(r"-?\d+|'[^']*'", "…", reason) for _, reason in refused)

    def _open(self, wire: Wire) -> Handle:
        handle = self._stream.open(self._endpoint, wire.schema)
        assert handle.opened is not None, (wire.name, handle.refused)
        return handle

    def _histogram(self, column: str) -> metrics_pb2.GetHistogramResponse:
        return self._server.metrics.GetHistogram(metrics_pb2.GetHistogramRequest(endpoint=self._endpoint, column=column, span=ALL))


def _now_us() -> int:
    return time.time_ns() // 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutations", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**9))
    parser.add_argument("--first", type=int, default=0, help="number of the first mutation")
    given = parser.parse_args()
    print(f"{given.mutations:,} mutations, --seed {given.seed}, pyarrow {pa.__version__}")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with tempfile.TemporaryDirectory() as data, Progress(*columns) as progress:
        task = progress.add_task("push", total=given.mutations)
        server = Server(data=data)
        try:
            fuzz = Fuzz(server, seed=given.seed)
            try:
                outcome = fuzz.run(given.first, given.mutations, lambda done: progress.advance(task, done))
            finally:
                fuzz.close()
        finally:
            server.kill()
        with Server(data=data) as again:
            fuzz.check_after(again)
    print(f"accepted {outcome.accepted:,} of {outcome.sent:,}, all counted as the oracle counts them")
    print("the server lived and logged no fault")
    print("killed and started again, it counts the same")
    first, *_, last, _ = outcome.rss_mib
    print(f"its memory: {first} MiB after the first block, at most {max(outcome.rss_mib)}, {last} at last")
    for reason, times in outcome.reasons.most_common(25):
        print(f"{times:8,}  {reason[:120]}")


if __name__ == "__main__":
    main()
