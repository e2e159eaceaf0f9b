"""driftline endpoints: what is watched."""

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from driftline.cli.choices import reserved_of, thresholds_of
from driftline.cli.document import endpoint_document
from driftline.cli.endpoint_table import endpoint_parts, endpoints_table
from driftline.cli.failure import Failure
from driftline.cli.flags import in_flags
from driftline.cli.options import (
    PARQUET,
    aside,
    at,
    checked,
    connected,
    json_option,
    output,
    print_json,
    print_whole,
    program,
    server_option,
)
from driftline.cli.progress import rows_bar
from driftline.cli.text import plain
from driftline.spans import duration_us

if TYPE_CHECKING:
    from collections.abc import Callable

    import driftline

KINDS = ("categorical", "numeric", "boolean")


@click.group()
def endpoints() -> None:
    """Create, list, show and delete endpoints: a model, and the reference its predictions are compared with.

    NAME is project/function/model:version, or short: model, or project/model.
    """


@endpoints.command()
@click.argument("name")
@click.option("--reference", type=PARQUET, required=True, help="Parquet file of trusted rows, such as the training data.")
@click.option("--prediction", metavar="COL", help="The column that holds the model's answer.")
@click.option("--label", metavar="COL", help="The column that holds the truth.")
@click.option(
    "--bins",
    type=click.Choice(["quantile", "uniform"]),
    default="quantile",
    show_default=True,
    help="How numeric columns are cut into bins.",
)
@click.option(
    "--feature",
    "features",
    metavar="COL",
    multiple=True,
    help="A feature; repeat for more.  [default: every column with no other role]",
)
@click.option("--exclude", metavar="COL", multiple=True, help="A column to leave out; repeat for more.")
@click.option(
    "--categorical", metavar="COL", multiple=True, help="A column of categories, whatever its type (a zip code); repeat for more."
)
@click.option("--numeric", metavar="COL", multiple=True, help="A column of numbers; repeat for more.")
@click.option("--boolean", metavar="COL", multiple=True, help="A column of true and false; repeat for more.")
@click.option(
    "--thresholds",
    metavar="[COL=]POTENTIAL,DETECTED",
    multiple=True,
    help="Drift from which a status holds; repeat for single columns.  [default: 0.5,0.7]",
)
@click.option(
    "--reserved",
    metavar="NAME=[COL]",
    multiple=True,
    help="The column that serves as id, timestamp, latency or error; 'id=' frees the name for a feature; repeat for more.",
)
@click.option(
    "--stale-after",
    metavar="DURATION",
    default="1h",
    show_default=True,
    callback=checked(duration_us),
    help="The endpoint is stale when no row has come for this long.",
)
@click.option("--rows-min", type=click.IntRange(min=1), default=50, show_default=True, help="Rows a column needs for a verdict.")
@server_option
@json_option
def create(name: str, reference: str, *, server: str, as_json: bool, **choices: Any) -> None:
    """Create endpoint NAME from a reference: trusted rows that show what is normal.

    \b
    driftline endpoints create shop/fraud/scorer:v3 --reference train.parquet --prediction score --thresholds amount=0.3,0.6
    """
    kinds = _kinds({kind: choices.pop(kind) for kind in KINDS})
    features = choices.pop("features") or None
    choices |= {"thresholds": thresholds_of(choices["thresholds"]), "reserved": reserved_of(choices["reserved"])}
    with connected(server) as client:
        created = _uploaded(
            reference,
            lambda progress: client.create_endpoint(
                name, reference=reference, kinds=kinds, features=features, progress=progress, **choices
            ),
        )
    if as_json:
        print_json(endpoint_document(created))
        return
    _tell("created", created)
    output().print(
        Text.assemble("next: ", (f"{program()} push {plain(created.name)} FILE.parquet{at(server)}", "bold")), soft_wrap=True
    )


@endpoints.command("set-reference")
@click.argument("name")
@click.option("--reference", type=PARQUET, required=True, help="Parquet file with every column of the endpoint.")
@click.option(
    "--bins", type=click.Choice(["quantile", "uniform"]), help="How numeric columns are cut into bins.  [default: as at creation]"
)
@server_option
@json_option
def set_reference(name: str, reference: str, *, bins: str | None, server: str, as_json: bool) -> None:
    """Replace the reference of endpoint NAME; rows that come from now on are compared with the new one."""
    with connected(server) as client:
        changed = _uploaded(
            reference, lambda progress: client.set_reference(name, reference=reference, bins=bins, progress=progress)
        )
    if as_json:
        print_json(endpoint_document(changed))
        return
    _tell(f"reference version {changed.reference_version} of", changed)


@endpoints.command("list")
@click.argument("pattern", required=False)
@server_option
@json_option
def list_(pattern: str | None, *, server: str, as_json: bool) -> None:
    """List the endpoints; PATTERN is a glob on the whole name, as 'shop/*'."""
    with connected(server) as client:
        found = client.endpoints(pattern)
    if as_json:
        print_json([endpoint_document(endpoint) for endpoint in found])
    elif found:
        print_whole(endpoints_table(found, datetime.now(UTC)))
    elif pattern:
        output().print(Text(f"no endpoint matches {plain(pattern)}"))
    else:
        output().print(
            Text(f"no endpoints yet; create one: {program()} endpoints create NAME --reference FILE.parquet"), soft_wrap=True
        )


@endpoints.command()
@click.argument("name")
@server_option
@json_option
def show(name: str, *, server: str, as_json: bool) -> None:
    """Show endpoint NAME: its columns, its reference, and what became of the rows it was sent."""
    with connected(server) as client:
        endpoint = client.endpoint(name)
    if as_json:
        print_json(endpoint_document(endpoint))
    else:
        print_whole(*endpoint_parts(endpoint))


@endpoints.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@server_option
@json_option
def delete(name: str, *, yes: bool, server: str, as_json: bool) -> None:
    """Delete endpoint NAME and everything counted for it. Asks first when run in a terminal."""
    with connected(server) as client:
        endpoint = client.endpoint(name)
        if not yes and sys.stdin.isatty() and not _confirmed(endpoint):
            raise Failure(f"{endpoint.name} was not deleted")
        client.delete_endpoint(endpoint.name)
    if as_json:
        print_json({"deleted": endpoint.name})
    else:
        output().print(Text(f"deleted {plain(endpoint.name)}"), soft_wrap=True)


def _confirmed(endpoint: "driftline.Endpoint") -> bool:
    question = f"Delete {plain(endpoint.name)} and the counts of its {endpoint.counters.rows:,} rows?"
    return click.confirm(question, err=True)


def _kinds(columns: dict[str, tuple[str, ...]]) -> dict[str, str]:
    kinds: dict[str, str] = {}
    for kind, names in columns.items():
        for name in names:
            if kinds.setdefault(name, kind) != kind:
                raise click.UsageError(f"column {name!r} cannot be both {kinds[name]} and {kind}")
    return kinds


def _uploaded(reference: str, upload: "Callable[[Callable[[int], None]], driftline.Endpoint]") -> "driftline.Endpoint":
    """What `upload` answers, with a bar on standard error while it sends the rows of the file."""
    with rows_bar(aside()) as progress:
        task = progress.add_task("reference", total=rows_of(reference))
        return upload(lambda rows: progress.update(task, completed=rows))


def rows_of(path: str) -> int | None:
    """Rows a Parquet file says it has; None where it is none (the upload will say so)."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return int(pq.read_metadata(path).num_rows)
    except (OSError, pa.ArrowInvalid):
        return None


def _tell(done: str, endpoint: "driftline.Endpoint") -> None:
    roles = [column.role for column in endpoint.columns]
    named = [f"{column.role} {plain(column.name)}" for column in endpoint.columns if column.role in {"prediction", "label"}]
    columns = ", ".join([f"{roles.count('feature')} features", *named])
    output().print(Text.assemble(f"{done} ", (plain(endpoint.name), "bold")), soft_wrap=True)
    output().print(Text(f"  {columns}; {endpoint.reference_rows:,} reference rows"), soft_wrap=True)
    for note in endpoint.notes:
        output().print(Text(f"  note: {plain(in_flags(note))}", "yellow"), soft_wrap=True)
