"""driftline endpoints, against a real server."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

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


def test_delete_needs_a_yes_where_nobody_can_be_asked(run: Run, created: str) -> None:
    done = run("endpoints", "delete", created)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--yes" in done.stderr
    assert run("endpoints", "show", created).returncode == 0


def test_delete_deletes(run: Run, created: str) -> None:
    assert json.loads(run("endpoints", "delete", created, "--yes", "--json").stdout) == {"deleted": created}
    assert run("endpoints", "show", created).returncode == 1
