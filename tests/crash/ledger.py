"""What was sent to an endpoint, counted by numpy: by hour, column and bin."""

import threading
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from tests.crash.sample import HOUR_US, Bins, Block, Ints, Portion, Timeline, blocks
from tests.e2e.server import CALL_S, Server

from driftline_proto.v1 import endpoint_pb2, metrics_pb2

ALL = metrics_pb2.Span(start_us=0)


@dataclass(slots=True)
class Ledger:
    """An endpoint's rows as they must be counted."""

    name: str
    uid: str
    bins: Bins
    blocks: list[Block]
    start_us: int
    rows: Ints  # by hour
    counts: dict[str, Ints]  # by column: hour × bin
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(cls, server: Server, name: str, schema: pa.Schema, timeline: Timeline) -> "Ledger":
        """Of an endpoint that has counted nothing."""
        found = endpoint(server, name)
        bins = {each.name: list(histogram(server, name, each.name, ALL).bins) for each in found.columns}
        counts = {each: np.zeros((timeline.hours, len(bins[each])), np.int64) for each in bins}
        return cls(name, found.uid, bins, blocks(schema, bins), timeline.start_us, np.zeros(timeline.hours, np.int64), counts)

    def add(self, portion: Portion) -> None:
        """Counts rows."""
        hours = (portion.times_us - self.start_us) // HOUR_US
        with self._lock:
            np.add.at(self.rows, hours, 1)
            for name, slots in portion.block.slots.items():
                np.add.at(self.counts[name], (hours, slots), 1)

    def hour(self, start_us: int) -> int:
        """The number of the hour that begins then."""
        return (start_us - self.start_us) // HOUR_US

    def span(self, hour: int) -> tuple[int, int]:
        """Begin and end of an hour."""
        return self.start_us + hour * HOUR_US, self.start_us + (hour + 1) * HOUR_US


def endpoint(server: Server, name: str) -> endpoint_pb2.Endpoint:
    return server.endpoints.GetEndpoint(endpoint_pb2.GetEndpointRequest(name=name), timeout=CALL_S).endpoint


def histogram(server: Server, name: str, column: str, span: metrics_pb2.Span) -> metrics_pb2.GetHistogramResponse:
    request = metrics_pb2.GetHistogramRequest(endpoint=name, column=column, span=span)
    return server.metrics.GetHistogram(request, timeout=CALL_S)


def drift(server: Server, name: str, span: metrics_pb2.Span) -> metrics_pb2.GetDriftResponse:
    return server.metrics.GetDrift(metrics_pb2.GetDriftRequest(endpoint=name, span=span), timeout=CALL_S)
