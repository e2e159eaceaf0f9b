"""The options that several commands share, and how they speak."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Any, TypeVar

import click
from rich.console import Console, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from driftline.errors import InvalidInput

if TYPE_CHECKING:
    import driftline

Command = TypeVar("Command", bound=Callable[..., Any])

SERVER = "127.0.0.1:7433"
ENDLESS = 10_000  # characters: wider than any table


def at(server: str) -> str:
    """What a command that is told next needs to reach the same server."""
    return "" if server == SERVER else f" --server {server}"


def server_option(command: Command) -> Command:
    """--server HOST:PORT, or DRIFTLINE_SERVER."""
    return click.option(
        "--server",
        metavar="HOST:PORT",
        envvar="DRIFTLINE_SERVER",
        default=SERVER,
        show_default=True,
        show_envvar=True,
        help="The server to talk to.",
    )(command)


def json_option(command: Command) -> Command:
    """--json: for machines."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else, on standard output.")(command)


def checked(check: Callable[[str], object]) -> Callable[[click.Context, click.Parameter, str | None], str | None]:
    """An option's callback: text the client refuses is a wrong call, told in the client's words."""

    def callback(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
        try:
            if value is not None:
                check(value)
        except InvalidInput as error:
            raise click.BadParameter(str(error), ctx=ctx, param=param) from None
        return value

    return callback


PARQUET = click.Path(exists=True, dir_okay=False, readable=True)


def connected(server: str) -> "driftline.Client":
    """A client of `server`."""
    import driftline

    return driftline.connect(server)


def output() -> Console:
    """Standard output, for people."""
    return Console(highlight=False)


def aside() -> Console:
    """Standard error: progress and remarks, which belong to no answer."""
    return Console(stderr=True, highlight=False)


def print_json(document: object) -> None:
    """One JSON document on standard output."""
    click.echo(json.dumps(document, indent=2, allow_nan=False))


def print_json_line(document: object) -> None:
    """One JSON document on one line, at once: for what goes on and on."""
    click.echo(json.dumps(document, allow_nan=False))


def print_whole(*parts: RenderableType) -> None:
    """Prints tables as wide as they are, and so texts that are not to be wrapped, one below the other.

    A name cut in two can be neither copied nor searched for; a terminal that is too narrow wraps the line.
    """
    for part in parts:
        console = output()
        if isinstance(part, Table):
            natural = Measurement.get(console, console.options.update_width(ENDLESS), part).maximum
            console.width = max(natural, console.width)
        console.print(part, soft_wrap=isinstance(part, Text) and bool(part.no_wrap))


def program() -> str:
    """How this process was called, for commands that can be copied and run.

    By its bare name where that finds the same script, else as it was called.
    """
    called, found = Path(sys.argv[0]), which("driftline")
    if called.name == "__main__.py":
        return "python -m driftline.cli"
    elsewhere = called.name == "driftline" and called.exists() and (found is None or not called.samefile(found))
    return sys.argv[0] if elsewhere else "driftline"
