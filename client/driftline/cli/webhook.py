"""The demo's own webhook: what a chat, a pager or a pipeline would be sent, received on this machine."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

BODY_BYTES_MAX = 2**20
RULE = "input drift"


@dataclass(frozen=True, slots=True)
class Message:
    """What came, and when (monotonic seconds): `status` is "firing" or "resolved"; `report_url` is empty where there is no page."""

    status: str
    summary: str
    at: float
    report_url: str = ""


@dataclass(slots=True)
class Webhook:
    """Messages in the order they came; `url` is where they are sent."""

    url: str
    _messages: list[Message] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def add(self, payload: dict[str, Any]) -> None:
        """Takes in a message: Alertmanager's webhook payload, version 4."""
        with self._changed:
            told = payload["alerts"][0]["annotations"]
            message = Message(
                str(payload["status"]), str(told.get("summary", "")), time.monotonic(), str(told.get("report_url", ""))
            )
            self._messages.append(message)
            self._changed.notify_all()

    def messages(self) -> list[Message]:
        """All that came so far."""
        with self._changed:
            return list(self._messages)

    def wait(self, is_there: Callable[[list[Message]], bool], seconds: float) -> bool:
        """Waits until what came is enough; False when the time is over."""
        with self._changed:
            return self._changed.wait_for(lambda: is_there(self._messages), timeout=seconds)


@contextmanager
def listening() -> Iterator[Webhook]:
    """A webhook on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = min(int(self.headers.get("Content-Length", 0)), BODY_BYTES_MAX)
            webhook.add(json.loads(self.rfile.read(length)))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        webhook = Webhook(f"http://127.0.0.1:{server.server_port}/alerts")
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield webhook
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def settings(webhook: Webhook, endpoint: str, window: str) -> Iterator[Path]:
    """A server's settings: one receiver, one rule; what `driftline.toml` holds where people use it."""
    lines = f"""
evaluate_seconds = 0.2

[[receivers]]
name = "webhook"
webhook = "{webhook.url}"
allow_private = true        # it is on this machine
group_interval = "1s"

[[rules]]
name = "{RULE}"
endpoint = "{endpoint}"
event = "data-drift-detected"
window = "{window}"
receivers = ["webhook"]
"""
    with TemporaryDirectory(prefix="driftline-demo-") as folder:
        path = Path(folder) / "driftline.toml"
        path.write_text(lines)
        yield path
