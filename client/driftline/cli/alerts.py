"""driftline alerts: what was found, who is told, and what to do about it."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
from rich.text import Text

from driftline.alert import STATES
from driftline.cli.alert_rules import rules
from driftline.cli.alert_table import alert_line, alert_parts, alerts_table
from driftline.cli.document import fact_document, table_document
from driftline.cli.failure import Failure
from driftline.cli.options import checked, connected, json_option, output, print_json, print_json_line, print_whole, server_option
from driftline.cli.receivers import deliveries, receivers, resend
from driftline.cli.text import instant, plain
from driftline.spans import duration_us

if TYPE_CHECKING:
    import driftline


@click.group()
def alerts() -> None:
    """See and handle alerts: list, show, acknowledge, reset and silence them, write rules, test who is told."""


alerts.add_command(rules)
alerts.add_command(receivers)
alerts.add_command(deliveries)
alerts.add_command(resend)


@alerts.command("list")
@click.argument("endpoint", required=False)
@click.option(
    "--state", type=click.Choice([state for state in STATES.values() if state != "inactive"]), help="Only those in this state."
)
@click.option("--follow", is_flag=True, help="Print each alert as it fires, is acknowledged or resolves, until interrupted.")
@server_option
@json_option
def list_(endpoint: str | None, *, state: str | None, follow: bool, server: str, as_json: bool) -> None:
    """List alerts, the newest first; ENDPOINT is a name or a glob, as 'shop/*'.

    With --follow and --json, one object per line.
    """
    if follow and state:
        raise click.UsageError("--follow tells of every step; leave --state out")
    with connected(server) as client:
        if follow:
            _follow(client, endpoint, as_json=as_json)
            return
        found = client.alerts(endpoint, state)
    if as_json:
        print_json(table_document(found))
    elif found.num_rows:
        print_whole(alerts_table(found.to_pylist(), datetime.now(UTC)))
    else:
        output().print(Text("no alerts" if not (endpoint or state) else "no such alerts"))


@alerts.command()
@click.argument("alert_id", metavar="ID")
@server_option
@json_option
def show(alert_id: str, *, server: str, as_json: bool) -> None:
    """Show alert ID: what was found, and every step of its life."""
    with connected(server) as client:
        alert = client.alert(alert_id)
    if as_json:
        print_json(fact_document(alert))
    else:
        print_whole(*alert_parts(alert))


@alerts.command()
@click.argument("alert_id", metavar="ID")
@server_option
@json_option
def ack(alert_id: str, *, server: str, as_json: bool) -> None:
    """Say that you have seen alert ID: it is not told again, but its end is."""
    with connected(server) as client:
        _tell(client.acknowledge(alert_id), as_json=as_json)


@alerts.command()
@click.argument("alert_id", metavar="ID")
@server_option
@json_option
def reset(alert_id: str, *, server: str, as_json: bool) -> None:
    """End alert ID by hand."""
    with connected(server) as client:
        _tell(client.reset(alert_id), as_json=as_json)


@alerts.command()
@click.argument("endpoint")
@click.option("--rule", metavar="NAME", help="Only this rule.  [default: every rule]")
@click.option("--duration", metavar="DURATION", default="2h", show_default=True, callback=checked(duration_us), help="How long.")
@click.option("--reason", default="", help="Why, for others to read.")
@server_option
@json_option
def silence(endpoint: str, *, rule: str | None, duration: str, reason: str, server: str, as_json: bool) -> None:
    """Tell nobody of ENDPOINT (a name or a glob, as 'shop/*') for a while. Alerts that still fire at the end are told then."""
    with connected(server) as client:
        made = client.silence(endpoint, rule, duration, reason)
    if as_json:
        print_json(fact_document(made))
    else:
        output().print(Text(f"silence {made.id}: nothing is told of {_of(made)} until {instant(made.until)} UTC"), soft_wrap=True)


@alerts.command()
@server_option
@json_option
def silences(*, server: str, as_json: bool) -> None:
    """List the silences that have not ended."""
    with connected(server) as client:
        found = client.silences()
    if as_json:
        print_json([fact_document(each) for each in found])
        return
    for each in found:
        reason = f"  {plain(each.reason)}" if each.reason else ""
        output().print(Text(f"{each.id}  until {instant(each.until)} UTC  {_of(each)}{reason}"), soft_wrap=True)
    if not found:
        output().print("no silences")


@alerts.command()
@click.argument("silence_id", metavar="ID")
@server_option
@json_option
def unsilence(silence_id: str, *, server: str, as_json: bool) -> None:
    """End silence ID before its time."""
    with connected(server) as client:
        ended = client.end_silence(silence_id)
    if as_json:
        print_json(fact_document(ended))
    else:
        output().print(Text(f"ended silence {ended.id} of {_of(ended)}"), soft_wrap=True)


@alerts.command()
@click.argument("receiver")
@server_option
@json_option
def test(receiver: str, *, server: str, as_json: bool) -> None:
    """Send a test message to RECEIVER and say what came back."""
    with connected(server) as client:
        problem = client.test_receiver(receiver)
    if as_json:
        print_json({"receiver": receiver, "delivered": not problem, "problem": problem or None})
    elif not problem:
        output().print(Text(f"{plain(receiver)} took the test message"), soft_wrap=True)
    if problem:
        raise Failure(f"the test message did not reach {receiver}: {problem}")


def _follow(client: "driftline.Client", endpoint: str | None, *, as_json: bool) -> None:
    with client.alerts(endpoint, follow=True) as following:
        for alert in following:
            if as_json:
                print_json_line(fact_document(alert))
            else:
                output().print(alert_line(alert), soft_wrap=True)


def _tell(alert: "driftline.Alert", *, as_json: bool) -> None:
    if as_json:
        print_json(fact_document(alert))
    else:
        output().print(alert_line(alert), soft_wrap=True)


def _of(silence: "driftline.Silence") -> str:
    return plain(f"rule {silence.rule} on {silence.endpoint}" if silence.rule else silence.endpoint)
