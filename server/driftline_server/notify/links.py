"""Where a notification leads: the drift report of its window, and the command that fetches the window's rows."""

import shlex
import urllib.parse
from dataclasses import dataclass
from typing import Protocol

from driftline_core.instants import iso
from driftline_server.notify.notification import TEST_ENDPOINT


class Windowed(Protocol):
    """What is about a window of an endpoint, such as a notification."""

    @property
    def endpoint(self) -> str: ...
    @property
    def start_us(self) -> int: ...
    @property
    def end_us(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Links:
    """`page` is the address of the server's web page as its readers reach it, `server` its gRPC address; both may be empty.
    `keeps_rows`: whether there can be rows to fetch."""

    page: str = ""
    server: str = ""
    keeps_rows: bool = True

    def report_url(self, told: Windowed) -> str:
        """The address of the drift report; empty where there is no page, and of all endpoints for a test, which has none."""
        if not self.page or told.endpoint == TEST_ENDPOINT:
            return self.page
        query = urllib.parse.urlencode({"start": iso(told.start_us), "end": iso(told.end_us)}, safe=":")
        return f"{self.page.rstrip('/')}/report/{urllib.parse.quote(told.endpoint, safe='/:')}?{query}"

    def report(self, told: Windowed) -> str:
        """The command that prints the drift report."""
        return self._command("drift", told)

    def export(self, told: Windowed) -> str:
        """The command that writes the window's rows to a directory, as for a retraining; empty where no rows are kept."""
        if not self.keeps_rows:
            return ""
        return f"{self._command('export', told)} --to rows"

    def acknowledge(self, alert: str) -> str:
        """The command after which an alert, by its id, is told no more until it ends."""
        return self._line("alerts", "ack", alert)

    def _command(self, name: str, told: Windowed) -> str:
        return self._line(name, told.endpoint, "--start", iso(told.start_us), "--end", iso(told.end_us))

    def _line(self, *parts: str) -> str:
        return shlex.join(["driftline", *parts, *(["--server", self.server] if self.server else [])])
