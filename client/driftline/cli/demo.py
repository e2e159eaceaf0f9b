"""driftline demo: the whole of it in a minute, on real data."""

import logging
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

import driftline
from driftline.cli import census, story
from driftline.cli.options import output, program
from driftline.cli.picture import write_picture
from driftline.cli.progress import rows_bar
from driftline.cli.screen import Screen, frame, screen_for
from driftline.cli.seen import Seen
from driftline.cli.server_process import Server, running
from driftline.cli.webhook import Webhook, listening, settings

if TYPE_CHECKING:
    import pyarrow as pa

ENDPOINT = f"census/employment/model:{census.REFERENCE_YEAR}"
WINDOW = "1h"
FLUSH_SECONDS = 30.0
ALERT_SECONDS = 10.0
SVG = click.Path(dir_okay=False, writable=True, path_type=Path)

INTRO = "A real model guesses from census answers whether a person has a job. driftline watches what it is asked."
CLOCK = (
    "The census knows years and no finer time, so the demo gives each row an event time of its own: a year takes "
    f"{story.YEAR.total_seconds() / 3600:.0f} hours, its people come in random order, and drift is that of the last hour."
)


@click.command()
@click.option("--keep", is_flag=True, help="Leave the server running, so that you can query it.")
@click.option("--svg", metavar="FILE", type=SVG, help="Write the screen to a picture.")
def demo(*, keep: bool, svg: Path | None) -> None:
    """See it work: start a server, stream three years of real people to it, and play an incident.

    Takes less than a minute, needs no network, and leaves nothing behind.
    """
    console = output()
    console.print(INTRO)
    starting = console.status("starting a server (its first start compiles the kernels)")
    with (
        listening() as webhook,
        settings(webhook, ENDPOINT, WINDOW) as config,
        running(config, keep=keep, meanwhile=starting) as server,
    ):
        console.print(f"Started a server at {server.target}, as its own process {server.process.pid}, all in its memory.")
        with driftline.connect(server.target) as client:
            worst, seen = _streamed(console, client, server.target)
            webhook.wait(lambda messages: any(each.status == "resolved" for each in messages), ALERT_SECONDS)
            words = _words(seen, client.endpoint(ENDPOINT), webhook)
            linked = next((each.report_url for each in webhook.messages() if each.report_url), "")
        console.print("", words, "", sep="\n")
    console.print(*_farewell(server if keep else None, linked), sep="\n", soft_wrap=True)
    if svg is not None:
        write_picture(svg, worst, words, title="driftline demo")


def _streamed(console: Console, client: driftline.Client, target: str) -> tuple[RenderableType, Seen]:
    """Creates the endpoint and plays the story: each step is sent, acknowledged, asked about and shown.

    Returns the screen as it was at its worst, and what was seen.
    """
    worst: RenderableType = ""
    endpoint = _created(console, client)
    console.print(CLOCK, "", sep="\n")
    people = census.people()
    seen = Seen(potential=endpoint.thresholds[0])
    # What the monitor would log, `_play` raises; a line in the middle of the screen helps nobody.
    logging.getLogger("driftline").setLevel(logging.ERROR)
    with driftline.Monitor(target, ENDPOINT) as monitor, screen_for(console, story.rows_of(people)) as screen:
        for step in story.steps(people, until=datetime.now(UTC)):
            _play(step, monitor, client, seen, screen)
            if step.faults:
                worst = frame(step, seen, height=100)
    return worst, seen


def _play(step: story.Step, monitor: driftline.Monitor, client: driftline.Client, seen: Seen, screen: Screen) -> None:
    monitor.log_batch(step.rows, timestamps=step.times())
    if not monitor.flush(timeout=FLUSH_SECONDS):
        raise driftline.Unavailable(f"rows were not acknowledged within {FLUSH_SECONDS:.0f} seconds: {monitor.stats.last_error}")
    asked = time.perf_counter()
    report = client.drift(ENDPOINT, window=WINDOW)
    seen.update(step, report, time.perf_counter() - asked)
    screen.show(step, seen)


def _created(console: Console, client: driftline.Client) -> driftline.Endpoint:
    rows: pa.Table = census.reference()
    with rows_bar(console) as progress:
        task = progress.add_task("reference", total=rows.num_rows)
        endpoint = client.create_endpoint(
            ENDPOINT,
            reference=rows,
            prediction=census.PREDICTION,
            label=census.LABEL,
            progress=lambda sent: progress.update(task, completed=sent),
        )
    people = f"{endpoint.reference_rows:,} people of {census.REFERENCE_YEAR}"
    console.print(Text.assemble("Created ", (endpoint.name, "bold"), f": what is normal is learned from {people}."))
    return endpoint


def _words(seen: Seen, endpoint: driftline.Endpoint, webhook: Webhook) -> RenderableType:
    counted = endpoint.counters.rows
    verdict = "none lost, none twice" if counted == seen.rows else "which should be equal"
    check = f"{seen.rows:,} rows were sent, {counted:,} counted: {verdict}."
    lines = [*seen.sentences(), *seen.alerts(webhook.messages()), check]
    points = Table.grid(padding=(0, 1, 0, 0))
    for line in lines:
        points.add_row("•", Text(line))
    return Group(Text("What was seen", "bold"), points)


def _farewell(server: Server | None, linked: str) -> list[Text]:
    me = program()
    if server is None:
        keep, again = f"{me} demo --keep", f"{me} demo"
        own = f"{me} endpoints create NAME --reference FILE"
        return [
            Text("The server has ended, exit status 0; nothing is left behind."),
            Text.assemble("Next, ask a server yourself:  ", (keep, "bold")),
            Text.assemble("Watch a model of your own:    ", (f"{me} serve", "bold")),
            Text.assemble("  and in another terminal:    ", (own, "bold")),
            Text.assemble("See this again:               ", (again, "bold")),
        ]
    return [
        Text(f"The server runs on, as process {server.process.pid}."),
        Text(f"Its log:   {server.log}"),
        Text.assemble("Next:      ", (f"{me} drift {ENDPOINT} --server {server.target}", "bold")),
        *([Text.assemble("The link:  ", (linked, "bold"))] if linked else []),
        Text.assemble("Stop it:   ", (f"kill {server.process.pid}", "bold")),
    ]
