"""driftline alerts rules: what is watched for."""

from typing import Any

import click
from rich.table import Table
from rich.text import Text

import driftline
from driftline.cli.document import fact_document
from driftline.cli.options import checked, connected, json_option, output, print_json, print_whole, program, server_option
from driftline.cli.text import plain, span
from driftline.rule import period_us
from driftline.spans import duration_us


@click.group()
def rules() -> None:
    """Write, list and delete rules."""


@rules.command()
@click.argument("name", required=False)
@click.option("--template", help="A whole rule: drift-detected, drift-suspected, silence or latency. Other options override it.")
@click.option("--endpoint", metavar="NAME|GLOB", help="Which endpoints, as 'shop/*'.  [default: all]")
@click.option("--event", help="data-drift-detected, data-drift-suspected, data-quality or no-data.")
@click.option("--metric", help="latency_p99, drift, null_share, rows and the like; with --above or --below.")
@click.option("--above", type=float, help="Breached when the metric is greater.")
@click.option("--below", type=float, help="Breached when the metric is smaller.")
@click.option("--clear", type=float, help="The level at which the alert is over.  [default: as soon as it is not breached]")
@click.option("--window", metavar="DURATION", callback=checked(duration_us), help="Span of event time to look at.  [default: 1h]")
@click.option("--column", metavar="COL|GLOB", help="Each column that matches has an alert of its own.")
@click.option("--count", type=int, help="Fire after this many events …")
@click.option("--within", metavar="DURATION", callback=checked(duration_us), help="… within this time.")
@click.option("--hold", metavar="DURATION", callback=checked(period_us), help="Fire when breached this long without a break.")
@click.option("--severity", type=click.Choice(["info", "warning", "critical"]), help="[default: warning]")
@click.option("--cooldown", metavar="DURATION", callback=checked(period_us), help="Tell at most once in this time.")
@click.option("--reset", type=click.Choice(["auto", "manual"]), help="Whether it ends by itself.  [default: auto]")
@click.option("--summary", help="A sentence; {endpoint}, {columns}, {value} and the like are filled in.")
@click.option(
    "--receiver", "receivers", metavar="NAME", multiple=True, help="A receiver; repeat for more.  [default: the default receivers]"
)
@server_option
@json_option
def add(name: str | None, *, count: int | None, within: str | None, server: str, as_json: bool, **keys: Any) -> None:
    """Write a rule NAME (a template has a name of its own).

    \b
    driftline alerts rules add --template drift-detected
    driftline alerts rules add slow --metric latency_p99 --above 0.2 --window 10m
    """
    if (count is None) != (within is None):
        raise click.UsageError("--count and --within go together: a number of events within a time")
    if not name and not keys["template"]:
        raise click.UsageError("give the rule a name, or take a --template")
    criteria = None if count is None else {"count": count, "within": within}
    with connected(server) as client:
        made = client.create_rule(name or "", criteria=criteria, **keys)
    if as_json:
        print_json(fact_document(made))
    else:
        output().print(
            Text.assemble("rule ", (plain(made.name), "bold"), f" watches {plain(made.endpoint)}: {condition(made)}"),
            soft_wrap=True,
        )


@rules.command("list")
@server_option
@json_option
def list_(*, server: str, as_json: bool) -> None:
    """List the rules, those of the server's settings first."""
    with connected(server) as client:
        found = client.rules()
    if as_json:
        print_json([fact_document(each) for each in found])
    elif found:
        print_whole(_table(found))
    else:
        output().print(Text(f"no rules yet; write one: {program()} alerts rules add --template drift-detected"), soft_wrap=True)


@rules.command()
@click.argument("name")
@server_option
@json_option
def delete(name: str, *, server: str, as_json: bool) -> None:
    """Delete rule NAME and end its alerts."""
    with connected(server) as client:
        client.delete_rule(name)
    if as_json:
        print_json({"deleted": name})
    else:
        output().print(Text(f"deleted {plain(name)}"), soft_wrap=True)


def condition(rule: driftline.Rule) -> str:
    """What a rule watches for, in few words."""
    level = f" > {rule.above:g}" if rule.above is not None else f" < {rule.below:g}" if rule.below is not None else ""
    what = f"{rule.event or rule.metric}{level}"
    parts = [plain(f"{what} of {rule.column}" if rule.column else what), f"over {span(rule.window)}"]
    if rule.criteria is not None:
        parts.append(f"{rule.criteria.count} times within {span(rule.criteria.within)}")
    if rule.hold:
        parts.append(f"for {span(rule.hold)}")
    return ", ".join(parts)


def _marked(rule: driftline.Rule) -> list[str]:
    """Its receivers, those marked that are there no more."""
    there = [f"{name} (gone)" if name in rule.missing_receivers else name for name in rule.receivers]
    return [*there, "default"] if there and len(rule.missing_receivers) == len(there) else there


def _table(found: list[driftline.Rule]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for title in ("rule", "endpoint", "condition", "severity", "told to", ""):
        table.add_column(title, no_wrap=True)
    for rule in found:
        table.add_row(
            Text(plain(rule.name), "bold"),
            Text(plain(rule.endpoint)),
            Text(condition(rule)),
            rule.severity,
            Text(plain(", ".join(_marked(rule))) or "default"),
            Text("in the settings" if rule.in_settings else "", "dim"),
        )
    return table
