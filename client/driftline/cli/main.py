"""The group `driftline`: which commands there are, loaded when they are asked for, and how a run ends."""

import sys
from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import NoReturn

import click

from driftline.cli.extras import install
from driftline.cli.failure import Failure, failure_of

# Ours: where a command lives, and what `driftline --help` says of it without importing it.
BUILT_IN = {
    "alerts": ("driftline.cli.alerts:alerts", "See and handle alerts, write rules, test who is told."),
    "demo": ("driftline.cli.demo:demo", "See it work: a server, three years of real people, an incident."),
    "drift": ("driftline.cli.drift:drift", "Show how far each column has drifted."),
    "endpoints": ("driftline.cli.endpoints:endpoints", "Create, list, show and delete endpoints."),
    "export": ("driftline.cli.export:export", "Write the rows of a span to Parquet files."),
    "history": ("driftline.cli.history:history", "Show a metric hour by hour."),
    "push": ("driftline.cli.push:push", "Send the rows of a Parquet file as predictions."),
}
# Those of packages beside ours, found through the entry points of this group. Known by name: what is said while they are missing.
GROUP = "driftline.commands"
KNOWN = {
    "repair": ("driftline_server.repair:repair", "Make a damaged data folder readable again."),
    "serve": ("driftline_server.commands:serve", "Run a server."),
}
INTERRUPTED = 130


class Commands(click.Group):
    """Commands of this package and of every package that has an entry point in `driftline.commands`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*BUILT_IN, *KNOWN, *_plugins()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in BUILT_IN:
            command = EntryPoint(cmd_name, BUILT_IN[cmd_name][0], GROUP).load()
            assert isinstance(command, click.Command)
            return command
        plugin = _plugins().get(cmd_name)
        if plugin is None and cmd_name not in KNOWN:
            return None
        return _loaded(cmd_name, plugin)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._short_help(ctx, name)) for name in self.list_commands(ctx)])

    def _short_help(self, ctx: click.Context, name: str) -> str:
        if name in BUILT_IN:
            return BUILT_IN[name][1]
        if name in KNOWN:
            return KNOWN[name][1]
        command = self.get_command(ctx, name)
        return command.get_short_help_str(limit=100) if command is not None else ""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except Exception as error:
            failure = failure_of(error)
            if failure is None:
                raise
            raise failure from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="driftline", message="driftline %(version)s")
def cli() -> None:
    """See every prediction a model makes, and hear the moment its data drifts.

    New here: `driftline demo`.
    """


def run(args: Sequence[str] | None = None) -> int:
    """Runs one command line (None: this process's) and says the exit status."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that cannot show a sign gets a question mark, not a traceback
    try:
        status = cli.main(args=args, prog_name="driftline", standalone_mode=False)
    except click.ClickException as failure:
        failure.show()
        return failure.exit_code
    except OSError as error:  # of what click itself says, as --help where nothing can be written
        if (failed := failure_of(error)) is None:
            raise
        failed.show()
        return failed.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    return status if isinstance(status, int) else 0


def _plugins() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def _loaded(name: str, plugin: EntryPoint | None) -> click.Command:
    try:
        command = (plugin or EntryPoint(name, KNOWN[name][0], GROUP)).load()
    except ImportError as error:
        return _missing(name, plugin, error)
    assert isinstance(command, click.Command)
    return command


def _missing(name: str, plugin: EntryPoint | None, error: ImportError) -> click.Command:
    ours = plugin is None or plugin.value.startswith("driftline_server")
    remedy = f"install the server: {install('server')}" if ours else f"reinstall the package of {plugin}"
    return click.Command(
        name,
        callback=_failing(f"`driftline {name}` cannot start: {error}; {remedy}"),
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
        add_help_option=False,
    )


def _failing(message: str) -> Callable[[], NoReturn]:
    def fail() -> NoReturn:
        raise Failure(message)

    return fail
