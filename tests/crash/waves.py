"""A thread that pushes by turns rows that breach a rule on nulls and rows that do not, life after life."""

import random
import threading
import time
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from tests.crash.broken import require
from tests.crash.pusher import Pusher
from tests.e2e.push import Handle, PushClient, payload_of
from tests.e2e.server import Server
from tests.e2e.watched import create

from driftline_proto.v1 import ingest_pb2 as pb

ENDPOINTS = [f"crash/alerts/{each}:v1" for each in "abcdef"]
FEATURES = ["amount", "clicks", "score"]
WIRE = pa.schema([("timestamp", pa.timestamp("us", "UTC")), *((name, pa.float64()) for name in FEATURES)])
ROWS = 60
NULL_SHARE = 0.9  # of what breaches
STEP_US = 10 * 60_000_000  # of event time between two batches: more than any rule's window
BEGUN_US = 300 * 86_400_000_000  # before now
PACE_S = 0.02


class Waves(Pusher):
    """Event time only rises, and stays in the past: a window over the newest rows holds one batch, which breaches or does not."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__([], chance)
        self._at_us = time.time_ns() // 1000 - BEGUN_US
        self._breaching = dict.fromkeys(ENDPOINTS, False)
        self._pause = threading.Event()

    def furnish(self, server: Server) -> None:
        """The endpoints, each with a reference without nulls."""
        for name in ENDPOINTS:
            create(server, self._rows(()).drop_columns(["timestamp"]), name=name)

    def _live(self, server: Server, client: PushClient) -> None:
        """Ends with rows that breach nowhere, all of them acknowledged."""
        handles = [client.open(name, WIRE, level=pb.ACK_LEVEL_DURABLE) for name in ENDPOINTS]
        while not self._is_stopping:
            self._push(client, self._chance.choice(handles))
            self._pause.wait(PACE_S)
        for handle in handles:
            self._breaching[handle.endpoint] = True
            self._push(client, handle)
        client.settle()

    def _push(self, client: PushClient, handle: Handle) -> None:
        breaching = self._breaching[handle.endpoint] = not self._breaching[handle.endpoint]
        columns = self._chance.sample(FEATURES, self._chance.randint(1, len(FEATURES))) if breaching else ()
        assert not client.ended, client.error
        require(not handle.refused, handle.endpoint, handle.refused)
        client.push(handle, payload_of(self._rows(columns)))

    def _rows(self, columns: Sequence[str]) -> pa.RecordBatch:
        """The next rows; `columns` are mostly null."""
        self._at_us += STEP_US
        require(self._at_us < time.time_ns() // 1000, "event time has come up to the clock: too many batches")
        rng = np.random.default_rng(self._chance.getrandbits(32))
        times = pa.array([self._at_us] * ROWS, WIRE.field("timestamp").type)
        holes = [rng.random(ROWS) < NULL_SHARE * (name in columns) for name in FEATURES]
        return pa.record_batch([times, *(pa.array(rng.normal(100, 30, ROWS), mask=mask) for mask in holes)], schema=WIRE)
