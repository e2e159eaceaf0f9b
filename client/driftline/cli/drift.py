"""driftline drift: how far each column has drifted."""

import click

from driftline.cli.document import report_document
from driftline.cli.options import checked, connected, json_option, output, print_json, print_whole, server_option
from driftline.cli.report_table import report_parts
from driftline.spans import duration_us, instant_us


@click.command()
@click.argument("name")
@click.option(
    "--window",
    metavar="DURATION",
    callback=checked(duration_us),
    help="The latest span of event time, as 30m or 1h30m.  [default: 1h]",
)
@click.option(
    "--start", metavar="INSTANT", callback=checked(instant_us), help="From this moment on: ISO 8601, UTC unless it has an offset."
)
@click.option("--end", metavar="INSTANT", callback=checked(instant_us), help="Up to this moment.")
@click.option("--convention", type=click.Choice(["mlrun"]), help="Another tool's formulas and verdict, from the same counts.")
@server_option
@json_option
def drift(
    name: str, *, window: str | None, start: str | None, end: str | None, convention: str | None, server: str, as_json: bool
) -> None:
    """Show how far each column of endpoint NAME has drifted from the reference.

    The span is widened to the panes that the server keeps; the answer says which span was used.
    """
    if window is not None and (start is not None or end is not None):
        raise click.UsageError("give either --window, or --start and --end, not both")
    with connected(server) as client:
        report = client.drift(name, window=window, start=start, end=end, convention=convention or "")
    if as_json:
        print_json(report_document(report))
    else:
        print_whole(*report_parts(report, output().width))
