"""driftline push: the rows of a file as predictions, in constant memory."""

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import click
from rich.progress import Progress, TaskID
from rich.text import Text

from driftline.cli.failure import Failure
from driftline.cli.options import PARQUET, aside, at, connected, json_option, output, print_json, program, server_option
from driftline.cli.progress import rows_bar
from driftline.cli.text import count, plain
from driftline.formats import as_parquet
from driftline.names import column_name
from driftline.unknown import listed

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

    import driftline

READ_BYTES = 2**20  # of a column at a time
BATCH_BYTES = 4 * 2**20  # of a batch of float64; strings may take more
BATCH_ROWS_MAX = 65_536
AHEAD_BYTES_MAX = 16 * 2**20  # on their way before the next batch is logged: the monitor's buffer never blocks us
STALL_SECONDS = 30.0
TICK_SECONDS = 0.02
# What an endpoint counts of rows that were acknowledged and yet not taken.
NOT_TAKEN = {
    "future_rows": "more than 5 minutes ahead of the server's clock",
    "expired_rows": "older than what the server keeps",
}


class Damaged(Exception):
    """A file that can be read no further."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the rows of a file. `future_rows` and `expired_rows` are the endpoint's own counts of that time.

    `refused_by_time` are the rejected rows of this file that are among them.
    """

    endpoint: str
    rows: int
    acknowledged: int
    rejected: int
    dropped: int
    future_rows: int
    expired_rows: int
    seconds: float
    last_error: str | None
    refused_by_time: int = 0


@click.command()
@click.argument("name")
@click.argument("file", type=PARQUET)
@click.option("--timestamp", metavar="COL", help="The column of event times: Arrow timestamps, epoch seconds or ISO 8601.")
@server_option
@json_option
def push(name: str, file: str, *, timestamp: str | None, server: str, as_json: bool) -> None:
    """Send the rows of FILE.parquet to endpoint NAME as predictions.

    Columns are matched by name. Without --timestamp, and without a column `timestamp`, a row's event time is its arrival.
    """
    timestamp = None if timestamp is None else column_name(timestamp)
    source = opened(file, timestamp)
    with connected(server) as client:
        before = client.endpoint(name)
        kept = {column.name for column in before.columns} | set(before.reserved.values())
        _tell_unknown([name for name in source.schema_arrow.names if column_name(name) not in {*kept, timestamp}])
        began = time.monotonic()
        stats = _sent(server, before.name, _readable(batches(source, timestamp, kept), file), rows=source.metadata.num_rows)
        seconds = time.monotonic() - began
        after = client.endpoint(before.name)
    outcome = Outcome(
        endpoint=before.name,
        rows=source.metadata.num_rows,
        acknowledged=stats.acknowledged,
        rejected=stats.rejected,
        dropped=stats.dropped,
        **{name: getattr(after.counters, name) - getattr(before.counters, name) for name in NOT_TAKEN},
        seconds=round(seconds, 3),
        last_error=stats.last_error,
        refused_by_time=stats.refused_by_time,
    )
    _tell(outcome, server, as_json=as_json)


def opened(path: str, timestamp: str | None) -> "pq.ParquetFile":
    """The file, with its column of event times checked."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # By default Arrow reads whole row groups ahead, and a file may be a single one.
        source = pq.ParquetFile(path, buffer_size=READ_BYTES, pre_buffer=False)
    except (OSError, pa.ArrowInvalid) as error:
        raise Failure(f"{path} cannot be read as Parquet: {error}; {as_parquet(path)}") from None
    names = _names(source)
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise Failure(f"{path}: column {twice!r} stands twice; columns are matched by name, so give each its own")
    if timestamp is None:
        return source
    if timestamp not in names:
        raise click.BadParameter(f"no column {timestamp!r} in {path}; it has {listed(names)}", param_hint="'--timestamp'")
    found = source.schema_arrow.field(names.index(timestamp)).type
    if not any(is_time(found) for is_time in _times(pa.types)):
        remedy = "write it as an Arrow timestamp, as epoch seconds, or as ISO 8601 text"
        raise click.BadParameter(f"column {timestamp!r} is {found}, which is no time; {remedy}", param_hint="'--timestamp'")
    return source


def _names(source: "pq.ParquetFile") -> list[str]:
    """The file's columns, as the endpoint would call them."""
    return [column_name(name) for name in source.schema_arrow.names]


def _tell_unknown(names: list[str]) -> None:
    if names:
        said = f"driftline: columns that the endpoint does not know are left out: {listed(names)}"
        aside().print(Text(plain(said), "yellow"), soft_wrap=True)


def _times(types: Any) -> "Iterator[Callable[[pa.DataType], bool]]":
    yield from (types.is_timestamp, types.is_date, types.is_integer, types.is_floating)
    yield from (types.is_string, types.is_large_string, types.is_dictionary)


def batches(source: "pq.ParquetFile", timestamp: str | None, kept: set[str]) -> "Iterator[tuple[pa.RecordBatch, pa.Array | None]]":
    """The file piece by piece, event times apart; of the other columns those that the endpoint knows."""
    names = _names(source)
    known = [place for place, name in enumerate(names) if name in kept]
    size = min(BATCH_ROWS_MAX, max(256, BATCH_BYTES // (8 * max(1, len(names)))))
    for batch in source.iter_batches(batch_size=size):
        rows = batch.select(known) if known else batch  # which is refused in words
        yield rows, None if timestamp is None else batch.column(names.index(timestamp))


def _readable(pieces: "Iterator[tuple[pa.RecordBatch, pa.Array | None]]", path: str) -> "Iterator[Any]":
    """The pieces of a file; raises Damaged where Arrow fails."""
    import pyarrow as pa

    try:
        yield from pieces
    except (OSError, pa.ArrowException) as error:
        raise Damaged(f"{path} is damaged and can be read no further: {str(error).splitlines()[0]}") from None


def _sent(server: str, name: str, pieces: "Iterator[tuple[pa.RecordBatch, pa.Array | None]]", *, rows: int) -> "driftline.Stats":
    import driftline

    with rows_bar(aside()) as progress, driftline.Monitor(server, name, on_full="block") as monitor:
        watch = Watch(monitor, progress, progress.add_task("push", total=rows))
        try:
            for batch, times in pieces:
                watch.until_buffered(batch.num_rows * AHEAD_BYTES_MAX // max(1, batch.nbytes))
                monitor.log_batch(batch, timestamps=times)
            watch.until_buffered(0)
        except Damaged as damage:
            watch.until_buffered(0)
            told = f"{monitor.stats.acknowledged:,} of its {rows:,} rows were sent before; write it again, and send only the others"
            raise Failure(f"{damage}; {told}") from None
        except BaseException:
            monitor.close(timeout=0.0)  # whoever gives up does not wait for what is left
            raise
        return monitor.stats


class Watch:
    """Waits for acknowledgements, shows them, and gives up when none has come for a while."""

    def __init__(self, monitor: "driftline.Monitor", progress: Progress, task: TaskID) -> None:
        self._monitor = monitor
        self._progress = progress
        self._task = task
        self._settled = 0
        self._moved = time.monotonic()

    def until_buffered(self, rows_max: int) -> None:
        """Returns when at most `rows_max` rows are on their way. Raises Failure when nothing moves."""
        while True:
            stats = self._monitor.stats
            settled = stats.logged - stats.buffered
            self._progress.update(self._task, completed=settled)
            now = time.monotonic()
            if settled != self._settled:
                self._settled, self._moved = settled, now
            if stats.buffered <= rows_max:
                self._moved = now
                return
            if now - self._moved > STALL_SECONDS:
                raise Failure(_stalled(stats))
            time.sleep(TICK_SECONDS)


def _stalled(stats: "driftline.Stats") -> str:
    why = stats.last_error or "the server does not say why"
    return f"{stats.acknowledged:,} rows were acknowledged, then nothing for {STALL_SECONDS:.0f} seconds: {why}"


def _tell(outcome: Outcome, server: str, *, as_json: bool) -> None:
    if as_json:
        print_json(asdict(outcome))
    else:
        console = output()
        console.print(Text(_summary(outcome)), soft_wrap=True)
        console.print(Text.assemble("next: ", (f"{program()} drift {plain(outcome.endpoint)}{at(server)}", "bold")), soft_wrap=True)
    for name, why in NOT_TAKEN.items():
        if happened := getattr(outcome, name):
            aside().print(Text(f"driftline: {happened:,} rows were refused: {why}", "yellow"), soft_wrap=True)
    unsettled = outcome.rows - outcome.acknowledged - outcome.refused_by_time
    if unsettled:
        raise Failure(f"{unsettled:,} of {outcome.rows:,} rows were not acknowledged: {outcome.last_error or 'no reason is known'}")
    if 0 < outcome.rows <= outcome.refused_by_time:
        raise Failure(f"no row was counted: {outcome.last_error}")


def _summary(outcome: Outcome) -> str:
    speed = f" ({count(outcome.rows / outcome.seconds)} rows/s)" if outcome.seconds else ""
    counts: dict[str, Any] = {"acknowledged": outcome.acknowledged, "rejected": outcome.rejected, "dropped": outcome.dropped}
    told = ", ".join(f"{rows:,} {what}" for what, rows in counts.items())
    return f"sent {outcome.rows:,} rows to {plain(outcome.endpoint)} in {outcome.seconds:.1f} s{speed}\n  {told}"
