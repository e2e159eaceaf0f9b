"""driftline endpoints, against a real server."""

import json
import os
import pty
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.cli.conftest import COMMAND

Run = Callable[..., subprocess.CompletedProcess[str]]


def columns_of(done: subprocess.CompletedProcess[str]) -> dict[str, tuple[str, str]]:
    """Role and kind of each column, of an endpoint printed as JSON."""
    return {column["name"]: (column["role"], column["kind"]) for column in json.loads(done.stdout)["columns"]}


def test_create_tells_what_was_made_and_what_to_try_next(run: Run, name: str, reference: Path) -> None:
    done = run("endpoints", "create", name, "--reference", str(reference), "--prediction", "score", "--label", "truth")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"created {name}" in done.stdout
    assert "5 features, prediction score, label truth; 5,000 reference rows" in done.stdout
    assert f"push {name} FILE.parquet" in done.stdout


def test_create_takes_roles_kinds_and_limits(run: Run, name: str, reference: Path) -> None:
    options = ("--prediction", "score", "--exclude", "member", "--exclude", "truth", "--categorical", "zip", "--bins", "uniform")
    done = run("endpoints", "create", name, "--reference", str(reference), *options, "--rows-min", "7", "--json")
    assert done.returncode == 0, done.stderr
    assert columns_of(done) == {
        "amount": ("feature", "numeric"),
        "country": ("feature", "categorical"),
        "zip": ("feature", "categorical"),
        "age": ("feature", "numeric"),
        "score": ("prediction", "numeric"),
    }
    assert json.loads(done.stdout)["rows_min"] == 7


def test_create_takes_thresholds_reserved_names_and_staleness(run: Run, name: str, reference: Path) -> None:
    options = ("--thresholds", "amount=0.2,0.4", "--thresholds", "age=.3,.9", "--reserved", "timestamp=when", "--reserved", "id=")
    done = run("endpoints", "create", name, "--reference", str(reference), *options, "--stale-after", "10m", "--json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert made["column_thresholds"] == {"amount": [0.2, 0.4], "age": [0.3, 0.9]}
    assert made["reserved"] == {"timestamp": "when", "latency": "latency", "error": "error"}
    assert (made["thresholds"], made["stale_after"]) == ([0.5, 0.7], 600.0)
    assert re.search(r"amount +feature +numeric +0.2, 0.4 *\n", run("endpoints", "show", name).stdout)


def test_create_takes_thresholds_of_all_columns(run: Run, name: str, reference: Path) -> None:
    done = run("endpoints", "create", name, "--reference", str(reference), "--thresholds", "0.2,0.4", "--json")
    assert (json.loads(done.stdout)["thresholds"], json.loads(done.stdout)["column_thresholds"]) == ([0.2, 0.4], {})


def test_remedies_are_flags_and_commands(run: Run, name: str, reference: Path) -> None:
    table = pq.read_table(reference)
    odd = table.append_column("day off", pa.nulls(5_000)).append_column("id", pa.array(range(5_000)))
    pq.write_table(odd, reference)
    done = run("endpoints", "create", name, "--reference", str(reference))
    assert "leave it out (--exclude 'day off')" in done.stderr
    done = run("endpoints", "create", name, "--reference", str(reference), "--exclude", "day off")
    assert (done.returncode, done.stderr) == (0, "")
    assert "--reserved id= makes it one" in done.stdout
    assert (
        "give it a new reference with `driftline endpoints set-reference`"
        in run("endpoints", "create", name, "--reference", str(reference), "--exclude", "day off").stderr
    )
    assert (
        "create it with `driftline endpoints create nobody --reference FILE.parquet`" in run("endpoints", "show", "nobody").stderr
    )


def test_categories_that_are_not_kept_are_noted(run: Run, name: str, reference: Path) -> None:
    table = pq.read_table(reference)
    pq.write_table(table.append_column("city", pa.array([f"city {row % 1000}" for row in range(5_000)])), reference)
    for command in (("create", name), ("set-reference", name)):
        done = run("endpoints", *command, "--reference", str(reference))
        assert "note: column 'city' has more categories than the 256 most frequent" in done.stdout
        assert "74.4% of the rows, count as `other`" in done.stdout


def test_create_takes_features_by_name(run: Run, name: str, reference: Path) -> None:
    done = run("endpoints", "create", name, "--reference", str(reference), "--feature", "age", "--feature", "zip", "--json")
    assert done.returncode == 0, done.stderr
    assert set(columns_of(done)) == {"age", "zip"}


def test_create_twice_is_told(run: Run, created: str, reference: Path) -> None:
    done = run("endpoints", "create", created, "--reference", str(reference))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("driftline: ")
    assert done.stderr.count("\n") == 1
    assert created in done.stderr


def test_create_names_a_column_that_is_not_there(run: Run, name: str, reference: Path) -> None:
    done = run("endpoints", "create", name, "--reference", str(reference), "--prediction", "scroe")
    assert (done.returncode, done.stdout) == (1, "")
    assert "scroe" in done.stderr
    assert done.stderr.count("\n") == 1


def test_list_shows_what_matches(run: Run, created: str) -> None:
    assert created in run("endpoints", "list").stdout
    assert [found["name"] for found in json.loads(run("endpoints", "list", created, "--json").stdout)] == [created]
    done = run("endpoints", "list", "nobody/*")
    assert (done.returncode, done.stdout) == (0, "no endpoint matches nobody/*\n")
    assert json.loads(run("endpoints", "list", "nobody/*", "--json").stdout) == []


def test_show_tells_columns_and_reference(run: Run, created: str) -> None:
    done = run("endpoints", "show", created)
    assert done.returncode == 0
    for word in (created, "version 1, 5,000 rows", "amount", "categorical", "prediction", "none yet"):
        assert word in done.stdout
    assert json.loads(run("endpoints", "show", created, "--json").stdout)["name"] == created


def test_show_of_a_stranger_tells_the_remedy(run: Run) -> None:
    done = run("endpoints", "show", "nobody")
    assert (done.returncode, done.stdout) == (1, "")
    assert "nobody/default" in done.stderr or "default/default/nobody" in done.stderr
    assert "create" in done.stderr


def test_set_reference_raises_the_version(run: Run, created: str, reference: Path) -> None:
    done = run("endpoints", "set-reference", created, "--reference", str(reference))
    assert done.returncode == 0, done.stderr
    assert f"reference version 2 of {created}" in done.stdout
    assert (
        json.loads(run("endpoints", "set-reference", created, "--reference", str(reference), "--json").stdout)["reference_version"]
        == 3
    )


@pytest.mark.parametrize(("answer", "status"), [("n", 1), ("y", 0)])
def test_delete_asks_who_sits_at_a_terminal(run: Run, server: str, created: str, answer: str, status: int) -> None:
    ours, theirs = pty.openpty()
    os.write(ours, f"{answer}\n".encode())
    command = [*COMMAND, "endpoints", "delete", created, "--server", server]
    done = subprocess.run(command, stdin=theirs, capture_output=True, check=False, text=True, timeout=120)
    os.close(theirs)
    os.close(ours)
    assert f"Delete {created} and the counts of its 0 rows?" in done.stderr
    assert (done.returncode, run("endpoints", "show", created).returncode) == (status, 1 - status)


@pytest.mark.parametrize("options", [(), ("--yes",)])
def test_delete_deletes(run: Run, created: str, options: tuple[str, ...]) -> None:
    assert json.loads(run("endpoints", "delete", created, *options, "--json").stdout) == {"deleted": created}
    assert run("endpoints", "show", created).returncode == 1
