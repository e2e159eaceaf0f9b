"""driftline export: the rows of a span as Parquet, a file an hour, in constant memory."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.text import Text

from driftline.cli.document import kept_document
from driftline.cli.options import aside, checked, connected, json_option, output, print_json, server_option
from driftline.cli.progress import rows_bar
from driftline.cli.text import between, plain
from driftline.spans import duration_us, instant_us, moment

if TYPE_CHECKING:
    import pyarrow as pa

    import driftline


@click.command()
@click.argument("name")
@click.option(
    "--start", metavar="INSTANT", callback=checked(instant_us), help="From this moment on: ISO 8601, UTC unless it has an offset."
)
@click.option("--end", metavar="INSTANT", callback=checked(instant_us), help="Up to this moment.")
@click.option(
    "--window",
    metavar="DURATION",
    callback=checked(duration_us),
    help="The latest span of event time, as 30m or 1h30m.  [default: 1h]",
)
@click.option(
    "--to",
    "folder",
    metavar="DIR",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder to write to; created if missing.",
)
@click.option("--clear", is_flag=True, help="Remove the files that earlier exports left in DIR.")
@server_option
@json_option
def export(
    name: str, *, start: str | None, end: str | None, window: str | None, folder: Path, clear: bool, server: str, as_json: bool
) -> None:
    """Write the rows of endpoint NAME to Parquet files in DIR, one per hour, in the order of event time.

    A file is named by the start of its hour, and replaces one of that name: give each endpoint a DIR of its own. Numbers are
    doubles, as they are counted. Hours of which rows are not kept are listed, with the setting that keeps them; where none is kept,
    that is an error.
    """
    if window is not None and (start is not None or end is not None):
        raise click.UsageError("give either --window, or --start and --end, not both")
    with connected(server) as client:
        kept, rows = client.rows_kept(name, start=start, end=end, window=window)
        folder.mkdir(parents=True, exist_ok=True)
        files = written(kept, rows, folder)
    others = _others(folder, files.paths, clear=clear)
    _tell(kept, files, folder, as_json=as_json)
    if others:
        said = f"driftline: {others} files of other hours are in {folder} too, from earlier exports: --clear removes them"
        aside().print(Text(plain(said), "yellow"), soft_wrap=True)


_HOUR_FILE = re.compile(r"\d{8}T\d{6}Z\.parquet")


def _others(folder: Path, files: list[Path], *, clear: bool) -> int:
    """How many files of hours lie beside those written: whoever reads the folder reads them too."""
    others = [path for path in folder.iterdir() if _HOUR_FILE.fullmatch(path.name) and path not in files]
    if not clear:
        return len(others)
    for path in others:
        path.unlink()
    return 0


def written(kept: "driftline.Kept", rows: "pa.RecordBatchReader", folder: Path) -> "HourFiles":
    """Writes rows, which come in order, an hour a file; returns the files."""
    with rows_bar(aside()) as progress, HourFiles(folder, kept) as files:
        task = progress.add_task("export", total=kept.rows)
        for batch in rows:
            files.write(batch)
            progress.update(task, advance=batch.num_rows)
    return files


class HourFiles:
    """Parquet files, one an hour; each has its name when it is whole. `replaced`: how many took the place of one of that name."""

    def __init__(self, folder: Path, kept: "driftline.Kept") -> None:
        self.paths: list[Path] = []
        self.replaced = 0
        self._folder = folder
        self._schema = kept.schema
        self._time = kept.timestamp
        self._hour_us = int(kept.hour.total_seconds()) * 10**6
        self._hour: int | None = None
        self._writer: pa.parquet.ParquetWriter | None = None

    def write(self, batch: "pa.RecordBatch") -> None:
        """Writes rows that follow those before."""
        import numpy as np
        import pyarrow as pa

        hours = batch.column(self._time).cast(pa.int64()).to_numpy() // self._hour_us
        starts = [0, *(np.flatnonzero(hours[1:] != hours[:-1]) + 1).tolist()]
        for start, stop in zip(starts, [*starts[1:], len(hours)], strict=True):
            if hours[start] != self._hour:
                self._end()
                self._begin(int(hours[start]))
            assert self._writer is not None
            self._writer.write_batch(batch.slice(start, stop - start))

    def __enter__(self) -> "HourFiles":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._end()
        elif self._writer is not None:
            self._writer.close()
            _part(self.paths.pop()).unlink(missing_ok=True)

    def _begin(self, hour: int) -> None:
        import pyarrow.parquet as pq

        self.paths.append(self._folder / f"{moment(hour * self._hour_us):%Y%m%dT%H%M%SZ}.parquet")
        self._writer = pq.ParquetWriter(_part(self.paths[-1]), self._schema, compression="zstd")
        self._hour = hour

    def _end(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
            self.replaced += self.paths[-1].exists()
            _part(self.paths[-1]).replace(self.paths[-1])


def _part(path: Path) -> Path:
    return path.with_suffix(".part")


def _tell(kept: "driftline.Kept", files: HourFiles, folder: Path, *, as_json: bool) -> None:
    if as_json:
        print_json(kept_document(kept) | {"files": [str(path) for path in files.paths]})
    else:
        console = output()
        sample = f", a sample of {kept.share:.3g}" if kept.share < 1 else ""
        said = f"{kept.rows:,} rows of {plain(kept.endpoint)}, {between(kept.start, kept.end)}{sample}"
        instead = f", {files.replaced} of them in place of earlier ones of the same hours" if files.replaced else ""
        console.print(Text(f"{said}\n  {len(files.paths)} files in {plain(str(folder))}{instead}"), soft_wrap=True)
    for gap in kept.gaps:
        rows = f"{gap.counted - gap.kept:,} of {gap.counted:,} rows" if gap.counted else "rows"
        said = f"driftline: {rows} of {between(gap.start, gap.end)} are not kept ({gap.setting}): {gap.remedy}"
        aside().print(Text(plain(said), "yellow"), soft_wrap=True)
