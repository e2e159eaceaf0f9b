"""At every moment: logged == acknowledged + rejected + dropped + buffered, whatever is logged and whatever the server does."""

import threading
import time

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.client.fake_server import FakeServer

import driftline
from driftline_proto.v1 import ingest_pb2 as pb

FLUSH_S = 30.0
STEPS = {
    "row": lambda monitor, fake: monitor.log({"amount": 1.0}),
    "bad row": lambda monitor, fake: monitor.log({"amount": "much"}),
    "no row": lambda monitor, fake: monitor.log(3),
    "table": lambda monitor, fake: monitor.log_batch(pa.table({"amount": [1.0] * 7})),
    "bad table": lambda monitor, fake: monitor.log_batch(pa.table({"weather": ["fine"] * 3})),
    "large": lambda monitor, fake: monitor.log({"country": "x" * 3000}),
    "flush": lambda monitor, fake: monitor.flush(0.02),
    "drop": lambda monitor, fake: fake.drop(),
    "forget": lambda monitor, fake: fake.forget(),
    "recreate": lambda monitor, fake: fake.recreate(),
    "hold": lambda monitor, fake: setattr(fake, "ack_level", None),
    "go on": lambda monitor, fake: setattr(fake, "ack_level", pb.ACK_LEVEL_DURABLE),
    "reject": lambda monitor, fake: fake.rejects.update(dict.fromkeys(range(2, 40, 3), ("amount", "no"))),
    "lose": lambda monitor, fake: fake.lose.update((2, 5)),
}


def check(stats: driftline.Stats) -> None:
    assert stats.logged == stats.acknowledged + stats.rejected + stats.dropped + stats.buffered
    assert min(stats.acknowledged, stats.rejected, stats.dropped, stats.buffered) >= 0


@settings(max_examples=25, deadline=None)
@given(steps=st.lists(st.sampled_from(sorted(STEPS)), min_size=1, max_size=25), limit=st.sampled_from([6_000, 2**20]))
def test_the_accounts_add_up_after_every_step(steps: list[str], limit: int) -> None:
    with FakeServer() as fake, driftline.Monitor(fake.target, "m", linger=0.0, buffer_bytes_max=limit) as monitor:
        for step in steps:
            STEPS[step](monitor, fake)
            check(monitor.stats)
        fake.lose.clear()
        fake.ack_level = pb.ACK_LEVEL_DURABLE
        fake.drop()  # whoever waits for an answer that was withheld asks again
        assert monitor.flush(FLUSH_S), monitor.stats
        check(monitor.stats)
        assert monitor.stats.buffered == 0
        if not {"forget", "recreate"} & set(steps):
            assert len(fake.rows) == monitor.stats.acknowledged


def test_the_accounts_add_up_while_threads_log(fake: FakeServer) -> None:
    rows, loggers = 2000, 4
    with driftline.Monitor(fake.target, "m", linger=0.001, buffer_bytes_max=2**18) as monitor:

        def log(number: int) -> None:
            for row in range(rows):
                monitor.log({"amount": float(row) if row % 100 else "much", "country": str(number)})

        threads = [threading.Thread(target=log, args=(number,), daemon=True) for number in range(loggers)]
        for thread in threads:
            thread.start()
        until = time.monotonic() + FLUSH_S
        while any(thread.is_alive() for thread in threads) and time.monotonic() < until:
            check(monitor.stats)
            fake.drop()
            threads[0].join(0.02)
        assert monitor.flush(FLUSH_S)
        stats = monitor.stats
    check(stats)
    assert (stats.logged, stats.buffered) == (rows * loggers, 0)
    assert len(fake.rows) == stats.acknowledged
    fake.until(lambda fake: fake.lost == (stats.dropped, stats.rejected, 0))
