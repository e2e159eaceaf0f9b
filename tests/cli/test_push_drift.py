"""driftline push and drift, against a real server: what is pushed is what is counted."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.progress import Progress

import driftline
from driftline.cli import push
from driftline.cli.failure import Failure

Run = Callable[..., subprocess.CompletedProcess[str]]

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def timed(reference: Path, start: datetime, *, seconds: bool) -> Path:
    """The rows of the reference with event times a second apart, as Arrow timestamps or as epoch seconds."""
    rows = pq.read_table(reference)
    times = [start + timedelta(seconds=row) for row in range(rows.num_rows)]
    column = pa.array([at.timestamp() for at in times]) if seconds else pa.array(times, pa.timestamp("ms", tz="UTC"))
    path = reference.with_name("timed.parquet")
    pq.write_table(rows.append_column("at", column), path, row_group_size=700)
    return path


def test_push_counts_every_row(run: Run, created: str, reference: Path) -> None:
    done = run("push", created, str(reference), "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert {key: told[key] for key in ("endpoint", "rows", "acknowledged", "rejected", "dropped")} == {
        "endpoint": created,
        "rows": 5_000,
        "acknowledged": 5_000,
        "rejected": 0,
        "dropped": 0,
    }
    assert json.loads(run("endpoints", "show", created, "--json").stdout)["counters"]["rows"] == 5_000


def test_push_tells_a_person(run: Run, created: str, reference: Path) -> None:
    done = run("push", created, str(reference))
    assert (done.returncode, done.stderr) == (0, "")
    assert f"sent 5,000 rows to {created}" in done.stdout
    assert "5,000 acknowledged, 0 rejected, 0 dropped" in done.stdout
    assert f"drift {created}" in done.stdout


@pytest.mark.parametrize("seconds", [False, True])
def test_the_column_of_event_times_is_used_and_is_no_feature(run: Run, created: str, reference: Path, seconds: bool) -> None:
    assert run("push", created, str(timed(reference, NOON, seconds=seconds)), "--timestamp", "at").returncode == 0
    done = run("drift", created, "--start", "2026-01-31T12:00:00Z", "--end", "2026-01-31T13:00:00Z", "--json")
    report = json.loads(done.stdout)
    assert report["rows"] == 3_600
    assert (report["start"], report["end"]) == ("2026-01-31T12:00:00+00:00", "2026-01-31T13:00:00+00:00")


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())], ids=["text", "large", "coded"]
)
def test_event_times_may_be_text(run: Run, created: str, reference: Path, kind: pa.DataType) -> None:
    rows = pq.read_table(reference).slice(0, 60)
    texts = pa.array([(NOON + timedelta(minutes=minute)).isoformat() for minute in range(60)]).cast(kind)
    path = reference.with_name("texts.parquet")
    pq.write_table(rows.append_column("at", texts), path)
    done = run("push", created, str(path), "--timestamp", "at")
    assert (done.returncode, done.stderr) == (0, "")
    done = run("drift", created, "--start", "2026-01-31T12:00:00Z", "--end", "2026-01-31T12:30:00Z", "--json")
    assert json.loads(done.stdout)["rows"] == 30


def test_columns_that_are_not_known_are_told_once(run: Run, created: str, reference: Path) -> None:
    rows = pq.read_table(reference).append_column("weather", pa.array(["fine"] * 5_000)).append_column("moon", pa.nulls(5_000))
    path = reference.with_name("more.parquet")
    pq.write_table(rows, path, row_group_size=700)
    done = run("push", created, str(path))
    assert done.returncode == 0
    assert done.stderr == "driftline: columns that the endpoint does not know are left out: weather, moon\n"


def test_labels_may_come_later(run: Run, created: str, reference: Path) -> None:
    path = reference.with_name("unlabelled.parquet")
    pq.write_table(pq.read_table(reference).drop_columns(["truth"]), path)
    done = run("push", created, str(path))
    assert (done.returncode, done.stderr) == (0, "")


def test_rows_ahead_of_the_clock_are_told(run: Run, created: str, reference: Path) -> None:
    done = run("push", created, str(timed(reference, datetime.now(UTC) + timedelta(days=1), seconds=False)), "--timestamp", "at")
    assert "5,000 rows were refused: more than 5 minutes ahead of the server's clock" in done.stderr
    assert (done.returncode, "no row was counted: rows are rejected: timestamp: they lie in the future" in done.stderr) == (1, True)


@dataclass
class Silent:
    """A monitor of a server that never acknowledges."""

    stats: driftline.Stats


def test_push_gives_up_when_nothing_is_acknowledged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push, "STALL_SECONDS", 0.05)
    stats = driftline.Stats(logged=9, acknowledged=4, rejected=0, dropped=0, buffered=5, last_error="the server is away")
    with Progress(disable=True) as progress:
        watch = push.Watch(cast("driftline.Monitor", Silent(stats)), progress, progress.add_task("push", total=9))
        watch.until_buffered(5)
        with pytest.raises(Failure, match="4 rows were acknowledged, then nothing for 0 seconds: the server is away"):
            watch.until_buffered(4)


def test_push_to_a_stranger_tells_the_remedy(run: Run, reference: Path) -> None:
    done = run("push", "nobody", str(reference))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert "create" in done.stderr


def test_the_reference_against_itself_has_no_drift(run: Run, created: str, reference: Path) -> None:
    run("push", created, str(reference))
    report = json.loads(run("drift", created, "--json").stdout)
    assert (report["drift"], report["status"], report["rows"]) == (0.0, "no_detection", 5_000)
    assert {row["column"]: row["tvd"] for row in report["columns"] if row["role"] != "label"} == dict.fromkeys(
        ("amount", "country", "zip", "member", "age", "score"), 0.0
    )


def test_drift_of_a_broken_column_is_seen_by_a_person(run: Run, created: str, reference: Path) -> None:
    rows = pq.read_table(reference)
    broken = reference.with_name("broken.parquet")
    pq.write_table(rows.set_column(rows.schema.get_field_index("country"), "country", pa.array(["XX"] * rows.num_rows)), broken)
    run("push", created, str(broken))
    done = run("drift", created)
    assert (done.returncode, done.stderr) == (0, "")
    head, *_, first = done.stdout.splitlines()[:5]
    assert head == f"{created}  ● detected"
    assert first.split()[0] == "country"
    assert "\x1b" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_mlruns_convention_is_named(run: Run, created: str, reference: Path) -> None:
    run("push", created, str(reference))
    assert json.loads(run("drift", created, "--convention", "mlrun", "--json").stdout)["convention"] == "mlrun"
    assert "convention mlrun" in run("drift", created, "--convention", "mlrun").stdout


def test_an_endpoint_without_rows_says_so(run: Run, created: str) -> None:
    done = run("drift", created)
    assert done.returncode == 0
    assert "insufficient_data" in done.stdout
    assert "No row in this span yet" in done.stdout


def test_the_index_of_a_shuffled_frame_is_no_column(run: Run, name: str, tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": np.arange(60.0)}).sample(frac=1, random_state=1)
    frame.to_parquet(tmp_path / "shuffled.parquet")
    assert run("endpoints", "create", name, "--reference", str(tmp_path / "shuffled.parquet")).returncode == 0
    assert run("push", name, str(tmp_path / "shuffled.parquet")).returncode == 0
    report = json.loads(run("drift", name, "--window", "1h", "--json").stdout)
    assert [(column["column"], column["rows"], column["nulls"]) for column in report["columns"]] == [("x", 60, 0)]
