"""A failed command: one clear line on stderr, exit status 1."""

import sys
from typing import IO, Any

import click

from driftline.cli.extras import install
from driftline.cli.flags import in_flags
from driftline.cli.text import plain
from driftline.errors import Error


class Failure(click.ClickException):
    """What went wrong and what to do about it, said in one line."""

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"driftline: {' '.join(plain(line) for line in self.format_message().split())}", file=file or sys.stderr)


def failure_of(error: Exception) -> Failure | None:
    """The failure to tell for an error that somebody outside can mend; None where it is a bug, whose traceback is wanted."""
    match error:
        case click.ClickException() | click.exceptions.Exit() | click.Abort() | BrokenPipeError():
            return None
        case Error():
            return Failure(in_flags(str(error)))
        case ModuleNotFoundError() if not (error.name or "").startswith("driftline"):
            return Failure(f"{error}; install what the server needs: {install('server')}")
        case OSError():
            return Failure(f"{error.filename or 'the system'}: {error.strerror or error}")
    return None
