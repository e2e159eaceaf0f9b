"""driftline history: a metric hour by hour."""

import time

import click

from driftline.cli.document import history_document
from driftline.cli.history_table import history_parts
from driftline.cli.options import checked, connected, json_option, output, print_json, print_whole, server_option
from driftline.hours import span_us
from driftline.spans import instant_us


@click.command()
@click.argument("name")
@click.option("--metric", default="drift", show_default=True, help="drift or rows; with --column also tvd, nulls, mean, etc.")
@click.option("--column", metavar="COL", help="The metric of this column.  [default: of the whole endpoint]")
@click.option(
    "--since",
    metavar="DURATION|INSTANT",
    default="7d",
    show_default=True,
    callback=checked(lambda since: span_us(since, None, time.time_ns() // 1000)),
    help="How far back from --until, or the first moment: ISO 8601, UTC unless it has an offset.",
)
@click.option("--until", metavar="INSTANT", callback=checked(instant_us), help="Up to this moment.  [default: now]")
@click.option(
    "--revisions",
    type=click.Choice(["newest", "all"]),
    default="newest",
    show_default=True,
    help="all: also what an hour was before late rows came.",
)
@server_option
@json_option
def history(
    name: str, *, metric: str, column: str | None, since: str, until: str | None, revisions: str, server: str, as_json: bool
) -> None:
    """Show a metric of endpoint NAME in every closed hour that the server keeps."""
    with connected(server) as client:
        table = client.history(name, metric, column, since=since, until=until, revisions="all" if revisions == "all" else "newest")
    if as_json:
        print_json(history_document(table))
    else:
        print_whole(*history_parts(table, output().width))
