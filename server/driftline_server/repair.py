"""`driftline repair`: a data folder that a start refuses is made readable again, and what is lost by that is said."""

import contextlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from driftline_server.journal import Loss
    from driftline_server.rebuild import Rebuilt

_SPANS_MAX = 10


@click.command()
@click.option("--data", metavar="DIR", default="./driftline-data", show_default=True, help="The folder; no server may run on it.")
@click.option("--from-database", is_flag=True, help="Start from driftline.sqlite alone, if the rest is lost.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else, on standard output.")
def repair(data: str, *, from_database: bool, as_json: bool) -> None:
    """Make a damaged journal readable again: every record that is whole is kept, and what is dropped is said.

    Nothing is changed where nothing is damaged. A damaged file is set aside under another name and not deleted.
    """
    try:
        if from_database:
            _tell_rebuilt(data, rebuilt(Path(data)), as_json=as_json)
            return
        losses = repaired(Path(data))
    except RepairError as error:
        click.echo(f"driftline: {error}", err=True)
        sys.exit(2)
    if as_json:
        click.echo(json.dumps({"data": data, "lost": [document(loss) for loss in losses]}, indent=2))
        return
    for line in [sentence(loss) for loss in losses] or ["the journal is whole: nothing was changed"]:
        click.echo(line)
    if losses:
        counted = (
            "rows of what was dropped are counted no more"
            if any(loss.positions or loss.is_cut_short for loss in losses)
            else "no row is lost"
        )
        click.echo(f"{counted}; start the server again with `driftline serve`")


def _tell_rebuilt(data: str, made: "Rebuilt", *, as_json: bool) -> None:
    aside = [path.name for path in made.set_aside]
    if as_json:
        said = {"data": data, "endpoints": made.endpoints, "rows": made.rows}
        said |= {"lost_rows_known": made.lost, "endpoints_of_unknown_loss": made.unknown}
        click.echo(json.dumps({**said, "set_aside": aside}, indent=2))
        return
    click.echo(f"{made.endpoints:,} endpoints with {made.rows:,} rows in stored hours are served again")
    click.echo(
        f"lost: {made.lost:,} rows that were counted when the database was last written to and are in no stored hour "
        "(the endpoints' lost_rows), and what came later, which monitors that are still there report"
    )
    if made.unknown:
        click.echo(f"of {made.unknown:,} endpoints, made by an older version, it is not known how many rows are lost")
    if aside:
        click.echo(f"set aside in {data}: {', '.join(aside)}")
    click.echo("start the server again with `driftline serve`")


class RepairError(Exception):
    """Why nothing can be repaired, in one line."""


def repaired(folder: Path) -> "list[Loss]":
    """Repairs the journal of a data folder that no server uses; says what is lost. Raises RepairError."""
    from driftline_server import checkpoint
    from driftline_server.checkpoint import CheckpointUnknown
    from driftline_server.filesystem import SystemFilesystem
    from driftline_server.journal import JournalUnknown
    from driftline_server.journal import repair as repair_journal
    from driftline_server.lineage import CHECKPOINTS, COPY, JOURNAL, PartsDiffer, require_database, require_one
    from driftline_server.store import StoreError
    from driftline_server.store.database import FILE, damage
    from driftline_server.store.folder import lock_folder
    from driftline_server.store.standing import standing_of

    if not folder.is_dir():
        raise RepairError(f"there is no data directory {folder}; name it with --data DIR")
    filesystem = SystemFilesystem()
    try:
        lock = lock_folder(folder)
        try:
            if wrong := damage(folder / FILE):
                raise RepairError(f"data directory {folder}: its {FILE} is damaged ({wrong}), which repair cannot mend: {COPY}")
            found = checkpoint.load(folder / CHECKPOINTS, filesystem)
            after, reached = (found.position, found.reached) if found else (0, 0)
            standing = standing_of(folder / FILE)
            require_database(folder / JOURNAL, folder / CHECKPOINTS, folder / FILE, filesystem)
            require_one(folder / JOURNAL, filesystem, found, standing)  # else there is nothing here to be mended
            reached = max(reached, standing.position)
            return list(repair_journal(folder / JOURNAL, filesystem, after=after, reached=reached))
        finally:
            lock.release()
    except StoreError as error:
        raise RepairError(str(error)) from None
    except (CheckpointUnknown, JournalUnknown, PartsDiffer, OSError) as error:
        raise RepairError(f"data directory {folder}: {error}") from None


def rebuilt(folder: Path) -> "Rebuilt":
    """A data folder that no server uses, from its database alone. Raises RepairError, where it is whole as it is too."""
    from driftline_server import checkpoint, lineage
    from driftline_server.archive import Shelf
    from driftline_server.filesystem import SystemFilesystem
    from driftline_server.lineage import ARCHIVE, CHECKPOINTS, JOURNAL
    from driftline_server.rebuild import rebuild
    from driftline_server.store import Store, StoreError
    from driftline_server.store.database import FILE

    if not (folder / FILE).is_file():
        raise RepairError(f"there is no {folder / FILE}; put a copy there")
    filesystem = SystemFilesystem()
    try:
        store = Store.open(folder)
        try:
            if not store.standing.lineage:
                raise RepairError(f"{folder / FILE} belongs to no data directory: driftline serve takes it as it is")
            with contextlib.suppress(lineage.PartsDiffer):
                lineage.require_one(folder / JOURNAL, filesystem, checkpoint.load(folder / CHECKPOINTS, filesystem), store.standing)
                raise RepairError(f"data directory {folder} has all its parts: start it, or call repair without --from-database")
            archived = Shelf(folder / ARCHIVE, filesystem).reached()
            return rebuild(folder, filesystem, store, parts=(JOURNAL, CHECKPOINTS), archived=archived)
        finally:
            store.close()
    except StoreError as error:
        raise RepairError(str(error)) from None
    except (OSError, checkpoint.CheckpointUnknown) as error:
        raise RepairError(f"data directory {folder}: {error}") from None


def sentence(loss: "Loss") -> str:
    """A loss in plain words."""
    records = sum(last - first + 1 for first, last in loss.positions)
    spans = [f"{first}" if first == last else f"{first} to {last}" for first, last in loss.positions]
    shown = ", ".join(spans[:_SPANS_MAX]) + (f" and {len(spans) - _SPANS_MAX} spans more" if len(spans) > _SPANS_MAX else "")
    dropped = f"{records:,} records dropped (positions {shown})" if records else "no record dropped"
    aside = f"; the damaged file is {loss.set_aside.name}" if loss.set_aside else ""
    behind = "; the end of the file is missing, and records that stood there are lost too" if loss.is_cut_short else ""
    return f"{loss.path.name}: {loss.reason}: {dropped}, {loss.bytes:,} bytes{behind}{aside}"


def document(loss: "Loss") -> dict[str, Any]:
    """A loss as JSON values."""
    return {
        "segment": loss.path.name,
        "reason": loss.reason,
        "bytes": loss.bytes,
        "positions": [list(span) for span in loss.positions],
        "cut_short": loss.is_cut_short,
        "set_aside": loss.set_aside.name if loss.set_aside else None,
    }
