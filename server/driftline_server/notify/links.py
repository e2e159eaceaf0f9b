"""Where a notification leads: the drift report of its window, and the command that fetches the window's rows."""

import shlex
import urllib.parse
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from driftline_server.notify.notification import TEST_ENDPOINT

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Windowed(Protocol):
    """What is about a window of an endpoint, such as a notification."""

    @property
    def endpoint(self) -> str: ...
    @property
    def start_us(self) -> int: ...
    @property
    def end_us(self) -> int: ...


def moment(us: int) -> datetime:
    """The UTC datetime of epoch microseconds; the calendar's end for what is beyond."""
    try:
        return _EPOCH + timedelta(microseconds=us)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC) if us > 0 else datetime.min.replace(tzinfo=UTC)


def iso(us: int) -> str:
    """An instant as people and commands write it, in UTC and to the second where it is one.

    >>> iso(1_700_000_000_000_000)
    '2023-11-14T22:13:20Z'
    """
    return moment(us).isoformat().replace("+00:00", "Z")


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
