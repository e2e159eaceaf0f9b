"""driftline alerts receivers, deliveries, resend: who can be told, and what became of what was sent to them."""

import click
from rich.table import Table
from rich.text import Text

import driftline
from driftline.cli.document import fact_document
from driftline.cli.options import connected, json_option, output, print_json, print_whole, server_option
from driftline.cli.text import instant, plain

STATES = ("waiting", "pending", "sending", "delivered", "dead")
STYLES = {"delivered": "green", "dead": "bold red"}


@click.command()
@server_option
@json_option
def receivers(*, server: str, as_json: bool) -> None:
    """List who can be told."""
    with connected(server) as client:
        found = client.receivers()
    if as_json:
        print_json([fact_document(each) for each in found])
    elif found:
        print_whole(_receivers_table(found))
    else:
        output().print("nobody is told yet; add [[receivers]] to the server's settings")


@click.command()
@click.option(
    "--state",
    type=click.Choice(STATES),
    help="Only messages in this state; waiting: gathered for the next message; dead: given up.",
)
@click.option("--receiver", metavar="NAME", help="Only messages to this receiver.")
@server_option
@json_option
def deliveries(*, state: str | None, receiver: str | None, server: str, as_json: bool) -> None:
    """List messages to receivers, what waits for its message first, then the newest."""
    with connected(server) as client:
        found = client.deliveries(state, receiver)
    if as_json:
        print_json([fact_document(each) for each in found])
    elif found:
        print_whole(_deliveries_table(found))
    else:
        output().print("no messages")


@click.command()
@click.argument("key")
@server_option
@json_option
def resend(key: str, *, server: str, as_json: bool) -> None:
    """Try the dead message KEY anew."""
    with connected(server) as client:
        client.resend(key)
    if as_json:
        print_json({"resent": key})
    else:
        output().print(Text(f"{plain(key)} is tried again"), soft_wrap=True)


def _receivers_table(found: list[driftline.Receiver]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for title in ("receiver", "leads to", ""):
        table.add_column(title, no_wrap=True)
    for each in found:
        remarks = [*(["default"] if each.is_default else []), *(["callback"] if each.is_callback else [])]
        table.add_row(Text(plain(each.name), "bold"), Text(plain(each.shown)), Text(", ".join(remarks), "dim"))
    return table


def _deliveries_table(found: list[driftline.Delivery]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for title in ("message", "receiver", "alerts", "created (UTC)", "state", "next (UTC)", "attempts", "problem"):
        table.add_column(title, no_wrap=True)
    for each in found:
        state = Text(each.state, STYLES.get(each.state, "yellow"))
        sent = (instant(each.created), state, instant(each.next_attempt) if each.next_attempt else "", str(each.attempts))
        table.add_row(Text(plain(each.key) or "–"), Text(plain(each.receiver)), str(each.alerts), *sent, Text(plain(each.problem)))
    return table
