"""Log lines for people or, with `log_json`, for machines; on standard error."""

import contextlib
import logging
import sys
from typing import TextIO, cast

import structlog


class Unbroken:
    """A stream of which nobody may be reading any more: then what is written is lost, and whoever wrote goes on."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()


def say(line: str) -> None:
    """A line for whoever started the server, on standard error."""
    print(line, file=cast("TextIO", Unbroken(sys.stderr)), flush=True)


def configure(*, json: bool) -> None:
    """Sets up structlog for the process."""
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", Unbroken(sys.stderr))),
    )
