"""Ten thousand alerts at once: all in the store, each told once, in few messages, in bounded memory."""

import json
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
from tests.e2e.server import MiB, Server
from tests.server.notify.receiver import LocalReceiver

import driftline

ENDPOINTS, COLUMNS = 100, 100
MESSAGES_MAX = 256  # so many groups at once have one of their own each
GROWTH_MAX = 200 * MiB
WAIT_S = 120.0
NAMES = [f"c{number:03}" for number in range(COLUMNS)]
USUAL = pa.table({name: np.random.default_rng(3).random(200) for name in NAMES})
EMPTY = pa.table({name: pa.nulls(100, pa.float64()) for name in NAMES})


def test_ten_thousand_alerts(tmp_path: Path) -> None:
    with LocalReceiver(200) as hook:
        receivers = json.dumps([{"name": "ops", "webhook": hook.url, "allow_private": True}])
        with Server(data=tmp_path / "data", receivers=receivers) as server, driftline.connect(server.address) as client:
            for number in range(ENDPOINTS):
                client.create_endpoint(f"storm/e{number}", reference=USUAL)
                with driftline.Monitor(server.address, f"storm/e{number}") as monitor:
                    monitor.log_batch(EMPTY)
                    assert monitor.flush(30)
            before = server.rss_bytes()
            server.forget_peak()
            client.create_rule("empty", endpoint="storm/*", metric="null_share", column="*", above=0.5)
            end, told, read = time.monotonic() + WAIT_S, Counter[str](), 0
            while told.total() < ENDPOINTS * COLUMNS:
                assert time.monotonic() < end, f"{told.total()} were told"
                client.rules()  # somebody who asks meanwhile is answered
                for request in hook.requests[read:]:
                    told.update(alert["fingerprint"] for alert in request.json["alerts"])
                    read += 1
                time.sleep(0.1)
            assert set(told.values()) == {1}
            assert len(hook.requests) <= MESSAGES_MAX
            found = client.alerts("storm/*", "firing")
            assert set(found["id"].to_pylist()) == set(told)
            assert server.rss_bytes("VmHWM") - before < GROWTH_MAX
