"""Where a notification leads: the drift report of its window, and the command that fetches the window's rows."""

import shlex
import urllib.parse
from dataclasses import dataclass
from datetime import UTC, datetime

from driftline_server.notify.notification import Notification


def iso(us: int) -> str:
    """An instant as people and commands write it, in UTC and to the second where it is one.

    >>> iso(1_700_000_000_000_000)
    '2023-11-14T22:13:20Z'
    """
    return datetime.fromtimestamp(us / 1e6, UTC).isoformat().replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Links:
    """`page` is the address of the server's web page as its readers reach it, `server` its gRPC address; both may be empty."""

    page: str = ""
    server: str = ""

    def report(self, told: Notification) -> str:
        """The report's address or, where there is no page, the command that prints it."""
        if not self.page:
            return self._command("drift", told)
        query = urllib.parse.urlencode({"start": iso(told.start_us), "end": iso(told.end_us)})
        return f"{self.page.rstrip('/')}/endpoints/{urllib.parse.quote(told.endpoint)}?{query}"

    def export(self, told: Notification) -> str:
        """The command that writes the window's rows to a directory, as for a retraining."""
        return f"{self._command('export', told)} --to rows"

    def _command(self, name: str, told: Notification) -> str:
        parts = ["driftline", name, told.endpoint, "--start", iso(told.start_us), "--end", iso(told.end_us)]
        return shlex.join([*parts, *(["--server", self.server] if self.server else [])])
