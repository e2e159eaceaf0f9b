"""driftline push, of files that cannot be sent: each told in one line, with its name and the remedy."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import Result
from tests.cli.conftest import COMMAND

Call = Callable[..., Result]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize("options", [(), ("--timestamp", "time")])
@pytest.mark.parametrize("names", [("time", "time"), ("caf\u00e9", "cafe\u0301"), ("amount", "amount")], ids=ascii)
def test_a_file_with_two_columns_of_one_name(call: Call, tmp_path: Path, names: tuple[str, ...], options: tuple[str, ...]) -> None:
    path = tmp_path / "twice.parquet"
    pq.write_table(pa.table([[1.0], [2.0], [3.0]], names=[*names, "x"]), path)
    done = call("push", "m", str(path), *options)
    assert done.exit_code == 1 and isinstance(done.exception, SystemExit), done.exception
    assert done.stderr == (
        f"driftline: {path}: column {names[0]!r} stands twice; columns are matched by name, so give each its own\n"
    )


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("day.csv", "write it as Parquet: pandas.read_csv('{}').to_parquet('{}')"),
        ("day.json", "write it as Parquet: pandas.read_json('{}').to_parquet('{}')"),
        ("day.feather", "write it as Parquet: pandas.read_feather('{}').to_parquet('{}')"),
        ("day.parquet", "it is damaged, or not whole: write it again"),
        ("day", "give a Parquet file"),
    ],
)
def test_a_file_that_is_no_parquet_tells_how_it_becomes_one(call: Call, tmp_path: Path, name: str, remedy: str) -> None:
    path = tmp_path / name
    path.write_text("amount,country\n1,DE\n")
    for done in (call("push", "m", str(path)), call("endpoints", "create", "m", "--reference", str(path))):
        assert done.exit_code == 1 and done.stderr.count("\n") == 1
        assert str(path) in done.stderr and remedy.format(path, path.with_suffix(".parquet")) in done.stderr


def test_a_file_that_is_damaged_tells_how_far_it_was_sent(run: Run, created: str, reference: Path) -> None:
    rows = pq.read_table(reference)
    pq.write_table(rows, reference, row_group_size=1_000, compression="none")
    last = pq.ParquetFile(reference).metadata.row_group(4).column(0)
    start = min(last.data_page_offset, last.dictionary_page_offset or last.data_page_offset)
    data = bytearray(reference.read_bytes())
    data[start : start + 64] = b"\xff" * 64
    reference.write_bytes(data)
    done = run("push", created, str(reference))
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith(f"driftline: {reference} is damaged and can be read no further: ")
    sent = re.search(r"; ([0-9,]+) of its 5,000 rows were sent before; write it again, and send only the others$", done.stderr)
    assert sent is not None, done.stderr
    shown = json.loads(run("endpoints", "show", created, "--json").stdout)
    assert shown["counters"]["rows"] == int(sent[1].replace(",", "")) < 5_000


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize("args", [("--help",), ("push", "--help"), ("--version",)])
def test_what_cannot_be_written_is_told_in_one_line(args: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*COMMAND, *args], stdout=full, stderr=subprocess.PIPE, check=False, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (1, "driftline: the system: No space left on device\n")
