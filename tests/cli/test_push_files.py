"""driftline push, of files that cannot be sent: each told in one line, with its name and the remedy."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import Result

Call = Callable[..., Result]


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
