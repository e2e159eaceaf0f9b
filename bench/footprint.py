"""What endpoints take where they are many: memory while an hour of each is live, memory and disk of one that is idle.

`python bench/footprint.py [--quick]`. An endpoint has 50 columns, a fifth of them of 30 categories. Memory is what is resident of a
server process with a data folder; a month of an idle endpoint is closed and stored by the server's own engine and database.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import numpy as np
import pyarrow as pa
from memory import resident
from processes import server

import driftline
from driftline.link import PUSH
from driftline.wire import batch_message
from driftline_core.engine import Engine, EngineSettings
from driftline_core.panes import DAY_US, HOUR_US, MINUTE_US
from driftline_core.reference import build_reference, encode_reference
from driftline_core.roles import normal, resolve
from driftline_core.schema import EndpointSpec
from driftline_proto.v1 import ingest_pb2 as pb
from driftline_server.snapshots import hour_of
from driftline_server.store import Store, StoredEndpoint, StoredReference

COLUMNS, CATEGORICAL, CATEGORIES = 50, 10, 30
ROWS_A_MINUTE, STEP_MINUTES = 100, 6
GOAL_BYTES, GOAL_ENDPOINTS = 2**30, 1000
MiB = 2**20


def table(rows: int, seed: int = 1) -> pa.Table:
    """Rows of such an endpoint."""
    rng = np.random.default_rng(seed)
    numeric = {f"f{index}": rng.normal(size=rows) for index in range(COLUMNS - CATEGORICAL)}
    words = np.array([f"category-{index}" for index in range(CATEGORIES)])
    return pa.table(numeric | {f"c{index}": words[rng.integers(0, CATEGORIES, rows)] for index in range(CATEGORICAL)})


def hour(start_us: int) -> Iterator[pa.RecordBatch]:
    """Rows of every minute of an hour, in batches of six minutes; strings as dictionaries, as a monitor sends them."""
    rows = ROWS_A_MINUTE * STEP_MINUTES
    for step in range(60 // STEP_MINUTES):
        batch = table(rows, seed=step).to_batches()[0]
        columns = [each.dictionary_encode() if pa.types.is_string(each.type) else each for each in batch.columns]
        times = start_us + (step * STEP_MINUTES + np.arange(rows) // ROWS_A_MINUTE) * MINUTE_US
        yield pa.record_batch([*columns, pa.array(times, pa.timestamp("us"))], names=[*batch.schema.names, "timestamp"])


def payload(batch: pa.RecordBatch) -> bytes:
    """A batch as a whole IPC stream: dictionaries go along."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())


def push(target: str, names: list[str]) -> None:
    """The last full hour of every endpoint, minute by minute in all of them, on one stream."""
    start_us = time.time_ns() // 1000 // HOUR_US * HOUR_US - HOUR_US
    batches = list(hour(start_us))
    schema = batches[0].schema.serialize().to_pybytes()

    def requests() -> Iterator[bytes]:
        for handle, name in enumerate(names, start=1):
            opening = pb.Open(handle=handle, endpoint=name, producer_id=os.urandom(16), epoch=1, schema=schema)
            opening.level = pb.ACK_LEVEL_DURABLE
            yield pb.PushRequest(open=opening).SerializeToString()
        for sequence, body in enumerate(map(payload, batches), start=1):
            for handle in range(1, len(names) + 1):
                yield batch_message(handle, sequence, body)

    with grpc.insecure_channel(target, options=[("grpc.max_send_message_length", -1)]) as channel:
        acknowledged: dict[int, int] = {}
        for response in channel.stream_stream(PUSH, response_deserializer=pb.PushResponse.FromString)(requests()):
            assert not response.refused, response.refused
            acknowledged |= {ack.handle: max(ack.sequence, acknowledged.get(ack.handle, 0)) for ack in response.acks}
    assert acknowledged == dict.fromkeys(range(1, len(names) + 1), len(batches))


def live(endpoints: int) -> None:
    """Memory of a server before there are endpoints, with them, and with an hour of rows in each."""
    reference = table(2000)
    with (
        tempfile.TemporaryDirectory() as folder,
        server("--data", folder) as (target, pid),
        driftline.connect(target) as client,
    ):
        client.create_endpoint("bench/footprint/first", reference=reference)
        began = resident(pid)
        names = [client.create_endpoint(f"bench/footprint/e{n}", reference=reference).name for n in range(endpoints)]
        idle = resident(pid)
        push(target, names)
        assert client.endpoint(names[-1]).counters.rows == 60 * ROWS_A_MINUTE
        full = resident(pid)
    print(f"\n{endpoints} endpoints of {COLUMNS} columns, a server process:")
    print(f"  it began with {began / MiB:.0f} MiB; an endpoint without rows takes {(idle - began) / endpoints / 1024:.0f} kiB")
    scaled = began + (full - began) * GOAL_ENDPOINTS / endpoints
    verdict = "met" if scaled <= GOAL_BYTES else "MISSED"
    of = "" if endpoints == GOAL_ENDPOINTS else f", {scaled / MiB:.0f} MiB at {GOAL_ENDPOINTS}"
    print(f"  with an hour of rows in every minute: {full / MiB:.0f} MiB{of}   <= 1 GiB {verdict}")


def month(endpoints: int) -> None:
    """Disk that an endpoint takes in 30 days without rows, and what each of its hours with rows would take."""
    columns, _ = resolve(normal(EndpointSpec("m")), table(10).schema)
    reference = build_reference(table(2000).to_batches(), columns, EndpointSpec("m").bins, version=1)
    engine = Engine(EngineSettings(has_store=True))
    with tempfile.TemporaryDirectory() as name:
        store = Store.open(Path(name))
        before = _size(store)
        for number in range(endpoints):
            uid, spec = f"{number:032x}", EndpointSpec(f"bench/idle/e{number}:v1")
            engine.create(uid, reference, now_us=0)
            store.save_endpoint(StoredEndpoint(uid, spec.name, spec, columns, 0))
            store.save_reference(uid, StoredReference(1, 0, reference.profile.rows, encode_reference(reference)))
        created = _size(store)
        while effects := engine.advance(30 * DAY_US):
            store.save_hours([hour_of(effect, spec) for effect in effects])
            engine.saved(effects)
        closed = _size(store)
        store.close()
    print("\nan endpoint of 50 columns in the database:")
    print(f"  {(created - before) / endpoints / 1024:.0f} kiB when it is created, and in 30 days without rows", end=" ")
    print(f"{(closed - created) / endpoints / 1024:.0f} kiB: {(closed - created) / endpoints / 720:.0f} bytes an hour")


def _size(store: Store) -> int:
    """The database file's bytes."""
    (pages,) = store.connection.execute("PRAGMA page_count").fetchone()
    (page_bytes,) = store.connection.execute("PRAGMA page_size").fetchone()
    return int(pages * page_bytes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the endpoints")
    quick = parser.parse_args().quick
    live(GOAL_ENDPOINTS // 10 if quick else GOAL_ENDPOINTS)
    month(5 if quick else 50)


if __name__ == "__main__":
    main()
