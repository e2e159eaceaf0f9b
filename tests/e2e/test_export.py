"""Rows come out of a real server as they went in: through its death and its next start, by the client and by the command line."""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.cli.conftest import COMMAND, listening

import driftline

NAME = "shop/default/scorer:latest"
HOURS = 3
START = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS)
SPAN = {"start": START - timedelta(days=1), "end": START + timedelta(hours=HOURS)}
SMALL = {"journal_segment_bytes": 200_000, "checkpoint_seconds": 1}


@contextmanager
def served(data: Path | str, *, ends: bool = True, **settings: object) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A server with small segments; unless it `ends` in order, whoever asked for it has killed it."""
    given = {f"DRIFTLINE_{key.upper()}": str(value) for key, value in (SMALL | settings).items()}
    command = [*COMMAND, "serve", "--listen", "127.0.0.1:0", "--data", str(data)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ | given) as process:
        try:
            yield listening(process), process
        finally:
            process.terminate()
            said = process.communicate(timeout=60)[1]
        assert process.returncode == 0 or not ends, said


def table(rows: int, *, first: int = 0) -> pa.Table:
    """Rows of every kind, spread over the hours."""
    random = np.random.default_rng(first)
    times = START.timestamp() * 1e6 + random.integers(0, HOURS * 3600 * 10**6, rows)
    return pa.table(
        {
            "id": np.arange(first, first + rows),
            "timestamp": pa.array(times.astype(np.int64), pa.timestamp("us", "UTC")),
            "amount": pa.array(random.lognormal(3, 1, rows), mask=random.random(rows) < 0.1),
            "country": pa.array(random.choice(["DE", "FR", "IT"], rows)),
            "member": random.random(rows) < 0.3,
            "score": random.random(rows),
            "truth": random.integers(0, 2, rows),
        }
    )


def created(client: driftline.Client, name: str = NAME, *, label: str | None = "truth") -> None:
    reference = table(500).drop_columns(["id", "timestamp"])
    client.create_endpoint(name, reference=reference, prediction="score", label=label)


def pushed(address: str, rows: pa.Table, name: str = NAME) -> None:
    with driftline.Monitor(address, name) as monitor:
        for batch in rows.to_batches(max_chunksize=1_000):
            monitor.log_batch(batch)
        assert monitor.flush(timeout=60)


def oracle(sent: pa.Table) -> pd.DataFrame:
    """The rows that were sent, as they should come out."""
    frame = sent.to_pandas().sort_values(["timestamp", "id"], ignore_index=True)
    return frame.assign(truth=frame["truth"].astype(float))


def found(rows: pa.Table) -> pd.DataFrame:
    """The rows that came out; those of one moment in the order of their ids."""
    assert rows["timestamp"].to_pandas().is_monotonic_increasing
    frame = rows.to_pandas().assign(country=lambda frame: frame["country"].astype(str))
    return frame.drop(columns=["latency", "error"]).sort_values(["timestamp", "id"], ignore_index=True)


def assert_equal(rows: pa.Table, sent: pa.Table) -> None:
    wanted = oracle(sent)
    pd.testing.assert_frame_equal(found(rows)[wanted.columns], wanted, check_dtype=False)


def until_archived(folder: Path, files: int = 1) -> None:
    """Waits until the archive has so many files."""
    deadline = time.monotonic() + 60
    while len(list((folder / "archive").rglob("*.parquet"))) < files:
        assert time.monotonic() < deadline, "nothing was archived"
        threading.Event().wait(0.05)


def test_every_acknowledged_row_comes_out_once_after_the_server_was_killed(tmp_path: Path) -> None:
    parts = [table(4_000, first=4_000 * number) for number in range(4)]
    with served(tmp_path, ends=False) as (address, process), driftline.connect(address) as client:
        created(client)
        threads = [threading.Thread(target=pushed, args=(address, part)) for part in parts[:3]]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        until_archived(tmp_path, 2)
        process.kill()
        process.wait()
    with served(tmp_path) as (address, _), driftline.connect(address) as client:
        assert_equal(client.rows(NAME, **SPAN).read_all(), pa.concat_tables(parts[:3]))
        pushed(address, parts[3])
        kept, reader = client.rows_kept(NAME, **SPAN)
        assert (kept.rows, kept.gaps, kept.share) == (16_000, (), 1.0)
        assert_equal(reader.read_all(), pa.concat_tables(parts))


def test_exports_run_beside_ingest_and_hold_nobody_up(tmp_path: Path) -> None:
    sent = table(40_000)
    with served(tmp_path) as (address, _), driftline.connect(address) as client:
        created(client)
        pushed(address, sent.slice(0, 20_000))
        slow = client.rows(NAME, **SPAN)
        slow.read_next_batch()
        pusher = threading.Thread(target=pushed, args=(address, sent.slice(20_000)))
        pusher.start()
        while pusher.is_alive():
            ids = client.rows(NAME, **SPAN).read_all()["id"].to_numpy()
            assert len(np.unique(ids)) == len(ids) >= 20_000
            assert client.drift(NAME, start=START).rows >= 20_000
        pusher.join()
        assert_equal(client.rows(NAME, **SPAN).read_all(), sent)
        assert slow.read_all().num_rows < 20_000  # the rest of what it began with


def test_the_command_writes_a_file_an_hour_and_says_what_is_not_kept(tmp_path: Path) -> None:
    sent, to = table(6_000), tmp_path / "out"
    with served(tmp_path / "data") as (address, _), driftline.connect(address) as client:
        created(client)
        pushed(address, sent)
        until_archived(tmp_path / "data", 3)
        done = exported(address, "--start", START.isoformat(), "--end", SPAN["end"].isoformat(), "--to", str(to), "--json")
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert (told["rows"], told["gaps"], len(told["files"])) == (6_000, [], HOURS)
        assert_equal(pa.concat_tables(pq.read_table(path) for path in told["files"]), sent)
        assert [path.name for path in sorted(to.iterdir())] == [
            f"{START + timedelta(hours=hour):%Y%m%dT%H%M%SZ}.parquet" for hour in range(HOURS)
        ]
        assert "in place of" not in exported(address, "--window", "3h", "--to", str(tmp_path / "other")).stdout
        person = exported(address, "--window", "3h", "--to", str(to))
        assert "rows of shop/default/scorer:latest" in person.stdout
        assert "3 files in" in person.stdout and "3 of them in place of earlier ones of the same hours" in person.stdout
        again = "--start", START.isoformat(), "--end", (START + timedelta(hours=1)).isoformat(), "--to", str(to)
        assert "2 files of other hours are in" in exported(address, *again).stderr
        assert len(list(to.iterdir())) == 3
        assert exported(address, *again, "--clear").stderr == ""
        assert len(list(to.iterdir())) == 1


def test_what_is_not_kept_is_warned_of_and_none_at_all_is_an_error(tmp_path: Path) -> None:
    sent = table(6_000)
    with served(tmp_path / "data", archive="off") as (address, _), driftline.connect(address) as client:
        created(client)
        pushed(address, sent)
        created(client, "other")
        kept = until_forgotten(client, address)
        assert {gap.setting for gap in kept.gaps} == {"archive"}
        assert sum(gap.counted for gap in kept.gaps) == 6_000
        if kept.rows:
            with pytest.warns(driftline.HoursNotKept, match="archive"):
                assert client.rows(NAME, **SPAN).read_all().num_rows == kept.rows
        until_none(client, address)
        with pytest.raises(driftline.NotFound, match='set archive = "on"'):
            client.rows(NAME, **SPAN)
        done = exported(address, "--start", START.isoformat(), "--to", str(tmp_path / "out"))
        assert (done.returncode, done.stdout) == (1, "")
        assert 'set archive = "on"' in done.stderr
        assert not (tmp_path / "out").exists()


def test_a_server_without_a_folder_keeps_no_rows(tmp_path: Path) -> None:
    with served("none") as (address, _), driftline.connect(address) as client:
        created(client)
        with pytest.raises(driftline.InvalidInput, match="--data DIR"):
            client.rows(NAME)
        done = exported(address, "--to", str(tmp_path))
        assert done.returncode == 1
        assert "--data none" in done.stderr


def test_a_wrong_call_is_told(tmp_path: Path) -> None:
    with served(tmp_path) as (address, _), driftline.connect(address) as client:
        with pytest.raises(driftline.NotFound, match="no endpoint"):
            client.rows("nobody")
        with pytest.raises(driftline.InvalidInput, match="not both"):
            client.rows(NAME, window="1h", start=START)
        created(client)
        assert client.rows(NAME).read_all().num_rows == 0
        assert client.kept(NAME).rows == 0


def test_more_exports_than_are_taken_at_once_are_refused(tmp_path: Path) -> None:
    with served(tmp_path, exports_max=1) as (address, _), driftline.connect(address) as client:
        created(client)
        pushed(address, table(200_000))
        held = client.rows(NAME, **SPAN)
        held.read_next_batch()
        with pytest.raises(driftline.ResourceExhausted, match="exports_max"):
            client.rows(NAME, **SPAN)
        del held


def test_an_export_whose_rows_nobody_takes_is_ended(tmp_path: Path) -> None:
    with served(tmp_path, exports_max=1, export_idle_seconds=4) as (address, _), driftline.connect(address) as client:
        created(client)
        pushed(address, table(200_000))
        held = client.rows(NAME, **SPAN)
        held.read_next_batch()
        deadline = time.monotonic() + 60
        while True:
            try:
                assert client.rows(NAME, **SPAN).read_all().num_rows == 200_000
                break
            except driftline.ResourceExhausted:
                assert time.monotonic() < deadline
                threading.Event().wait(0.2)
        # What gRPC had taken already is there to be read; more than that is an error.
        with contextlib.suppress(driftline.Error):
            assert held.read_all().num_rows < 200_000


def exported(address: str, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "driftline.cli", "export", NAME, *args, "--server", address]
    return subprocess.run(command, capture_output=True, check=False, text=True, timeout=120)


def until_forgotten(client: driftline.Client, address: str) -> driftline.Kept:
    """Waits until rows are not kept any more: two checkpoints, and for each something must have come."""
    deadline = time.monotonic() + 60
    while not (kept := client.kept(NAME, **SPAN)).gaps:
        assert time.monotonic() < deadline
        pushed(address, table(100), "other")
    return kept


def until_none(client: driftline.Client, address: str) -> None:
    """Waits until no row is kept: what comes for another endpoint pushes the journal on."""
    deadline = time.monotonic() + 60
    while client.kept(NAME, **SPAN).rows:
        assert time.monotonic() < deadline
        pushed(address, table(4_000), "other")
