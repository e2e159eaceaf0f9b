"""From the batch that crosses a threshold to the webhook that hears of it: 100 endpoints, under half load, all of it durable.

`python bench/alerts.py [--quick]`. A trial: an endpoint's rows are fine; then a batch that drifts is sent. The time is from its
acknowledgement to the arrival of the message. Each endpoint has a rule of its own, so that no message waits for another.
"""

import argparse
import contextlib
import json
import tempfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pyarrow as pa
from processes import load, server
from samples import batches, reference

import driftline

COLUMNS = 20
GOAL_S = 1.5


class Heard:
    """When each endpoint's message came."""

    def __init__(self) -> None:
        self.at: dict[str, float] = {}
        self.changed = threading.Condition()

    def add(self, endpoint: str) -> None:
        with self.changed:
            self.at.setdefault(endpoint, time.perf_counter())
            self.changed.notify_all()

    def wait(self, endpoint: str, seconds: float) -> float | None:
        with self.changed:
            self.changed.wait_for(lambda: endpoint in self.at, timeout=seconds)
            return self.at.get(endpoint)


@contextlib.contextmanager
def webhook(heard: Heard) -> Iterator[str]:
    """A webhook on this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            payload = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            for alert in payload["alerts"]:
                if alert["status"] == "firing":
                    heard.add(alert["labels"]["endpoint"])
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listener.server_port}/"
        listener.shutdown()


def settings(url: str, names: list[str]) -> str:
    receiver = f'[[receivers]]\nname = "hook"\nwebhook = "{url}"\nallow_private = true\n'
    rules = [
        f'[[rules]]\nname = "rule {name}"\nendpoint = "{name}"\nevent = "data-drift-detected"\nwindow = "10m"\n' for name in names
    ]
    return "\n".join([receiver, *rules])


def full_rate(target: str, endpoint: str, seconds: float) -> float:
    """Batches a second at full load, until all are durable."""
    sample = batches(4096, COLUMNS)
    with driftline.Monitor(target, endpoint, on_full="block", buffer_bytes_max=2**24) as monitor:
        monitor.log_batch(sample[0])
        monitor.flush(30)
        started, sent = time.perf_counter(), 0
        while time.perf_counter() - started < seconds:
            monitor.log_batch(sample[sent % len(sample)])
            sent += 1
        monitor.flush(60)
        return sent / (time.perf_counter() - started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20 endpoints")
    count = 20 if parser.parse_args().quick else 100
    names = [f"bench/alerts/e{number}:1" for number in range(count)]
    heard = Heard()
    with webhook(heard) as url, tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "driftline.toml"
        config.write_text(settings(url, names))
        with server("--data", str(Path(folder) / "data"), "--config", str(config)) as (target, _):
            client = driftline.connect(target)
            sample = reference(COLUMNS)
            for name in (*names, "bench/alerts/load:1"):
                client.create_endpoint(name, reference=sample)
            rate = full_rate(target, "bench/alerts/load:1", 2.0)
            with load(target, "bench/alerts/load:1", rows=4096, seconds=600, rate=rate / 2), contextlib.ExitStack() as stack:
                monitors = [stack.enter_context(driftline.Monitor(target, name)) for name in names]
                taken = trials(names, monitors, heard)
    p50, p99 = np.percentile(taken, [50, 99])
    verdict = "met" if p99 <= GOAL_S else "MISSED"
    print(f"\nfrom acknowledgement to webhook: {count} endpoints × {COLUMNS} columns, {rate * 2048 / 1e6:.2f} M rows/s (half load)")
    print(f"  p50 {p50 * 1e3:.0f} ms, p99 {p99 * 1e3:.0f} ms, most {max(taken) * 1e3:.0f} ms   <= {GOAL_S:g} s {verdict}")


def trials(names: list[str], monitors: list[driftline.Monitor], heard: Heard) -> list[float]:
    """Every endpoint is fed all along; one after the other begins to drift."""
    rng = np.random.default_rng(3)
    fine, broken = batches(20, COLUMNS)[0], batches(20, COLUMNS)[1]
    broken = pa.record_batch([pa.array(rng.normal(50.0, size=20_000)) for _ in range(COLUMNS)], names=broken.schema.names)
    taken = []
    for number, (name, monitor) in enumerate(zip(names, monitors, strict=True)):
        for other in monitors[number:]:
            other.log_batch(fine)
        monitor.flush(10)
        time.sleep(rng.uniform(0, 0.3))  # so that trials begin anywhere between two looks
        monitor.log_batch(broken)
        assert monitor.flush(10)
        acknowledged = time.perf_counter()
        came = heard.wait(name, 30.0)
        assert came is not None, f"nothing was heard of {name}"
        taken.append(max(0.0, came - acknowledged))
    return taken


if __name__ == "__main__":
    main()
