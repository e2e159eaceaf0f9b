"""`driftline serve`: a server in the foreground, until SIGTERM or Ctrl-C."""

import os
import signal
import sys
import time
from pathlib import Path

import click

from driftline_server.config import ConfigError, load
from driftline_server.logs import configure, say

SAY_SECONDS = 2.0
_STOPS = (signal.SIGTERM, signal.SIGINT)


@click.command()
@click.option("--listen", metavar="HOST:PORT", help="Address to serve on. Default 127.0.0.1:7433; port 0 takes a free one.")
@click.option(
    "--http", metavar="HOST:PORT|none", help="Address of the page of reports. Default: beside --listen, 1000 ports above it."
)
@click.option("--data", metavar="DIR|none", help="Where state is kept; none keeps everything in memory. Default ./driftline-data.")
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="A TOML file of settings; see docs/settings.md.")
def serve(listen: str | None, http: str | None, data: str | None, config: Path | None) -> None:
    """Run the server: takes predictions, computes drift, answers.

    Every setting is a key of the file or DRIFTLINE_<KEY> in the environment: docs/settings.md lists them. The command line holds
    over the environment, the environment over the file.
    """
    try:
        settings = load(config, listen=listen, http=http, data=data)
        configure(json=settings.log_json)
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # gRPC's own lines tell an operator nothing that ours do not
        from driftline_server.app import App  # numba and gRPC: not for --help

        app = App(settings)
        port = app.start(_Shown())
    except ConfigError as error:
        say(f"driftline: {error}")
        sys.exit(2)
    kept = "nothing is kept (--data none)" if settings.data == "none" else f"data in {settings.data}"
    say(f"driftline: {kept}")
    if app.page is not None:
        linked = f", linked as {app.page.url}" if settings.public_url else ""
        say(f"driftline: reports for a browser at {app.page.local}{linked}")
    asked = _when_asked_to_stop()
    say(f"driftline listening on {settings.listen.rpartition(':')[0]}:{port}")
    os.read(asked, 1)
    say("driftline: draining")
    app.stop()
    for number in _STOPS:
        signal.signal(number, signal.SIG_IGN)  # or one more would kill the interpreter while it ends


def _when_asked_to_stop() -> int:
    """Where a byte can be read once somebody asks the server to stop.

    The byte is written by the interpreter's own handler, in C: one in Python runs between two instructions, and never where the
    signal came after the last of them and before the main thread began to wait.
    """
    asked, ask = os.pipe()
    os.set_blocking(ask, False)
    signal.set_wakeup_fd(ask, warn_on_full_buffer=False)
    for number in _STOPS:
        signal.signal(number, lambda *_: None)
    return asked


class _Shown:
    """Says now and then how far the journal is read."""

    def __init__(self) -> None:
        self._at = time.monotonic()

    def __call__(self, read_bytes: int, total_bytes: int) -> None:
        now = time.monotonic()
        if now - self._at >= SAY_SECONDS:
            self._at = now
            share = read_bytes / max(1, total_bytes)
            say(f"driftline: reading the journal, {share:.0%} of {total_bytes / 1e6:,.0f} MB")
