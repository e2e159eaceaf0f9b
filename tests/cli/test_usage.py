"""How the command line answers a wrong call, a missing part, a server that is away."""

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import Result

Call = Callable[..., Result]

TALKING = [
    ("alerts", "list"),
    ("alerts", "list", "--follow"),
    ("alerts", "show", "0"),
    ("alerts", "rules", "list"),
    ("drift", "m"),
    ("endpoints", "list"),
    ("endpoints", "show", "m"),
    ("endpoints", "delete", "m"),
]


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address at which nobody answers: bound, not listening."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"


def test_help_names_every_command(call: Call) -> None:
    said = call("--help")
    assert said.exit_code == 0
    for command in ("alerts", "demo", "drift", "endpoints", "push", "serve"):
        assert command in said.stdout


@pytest.mark.parametrize("command", ["alerts", "demo", "drift", "endpoints", "push", "serve"])
def test_every_command_has_help(call: Call, command: str) -> None:
    assert call(command, "--help").exit_code == 0


def test_version(call: Call) -> None:
    assert call("--version").stdout.startswith("driftline ")


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("drfit",), "No such command"),
        (("drift", "m", "--window", "soon"), "is no duration; write '30s'"),
        (("drift", "m", "--start", "yesterday"), "is no instant; write ISO 8601"),
        (("history", "m", "--since", "tomorrow"), "is neither a duration, as 7d, nor an instant, as 2026-01-31T12:00:00Z"),
        (("drift", "m", "--window", "1h", "--end", "2026-01-01"), "either --window, or --start and --end"),
        (("drift", "m", "--convention", "ours"), "'mlrun'"),
        (("endpoints", "create", "m"), "--reference"),
        (("endpoints", "create", "m", "--reference", "nowhere.parquet"), "does not exist"),
        (("push", "m", "nowhere.parquet"), "does not exist"),
        (("endpoints", "create", "m", "--reference", __file__, "--stale-after", "soon"), "is no duration"),
        (("endpoints", "create", "m", "--reference", __file__, "--thresholds", "0.5"), "write POTENTIAL,DETECTED, as 0.5,0.7"),
        (("endpoints", "create", "m", "--reference", __file__, "--thresholds", ".1,.2", "--thresholds", "a=.1,.2"), "not both"),
        (("endpoints", "create", "m", "--reference", __file__, "--reserved", "id"), "write id=COL, or 'id='"),
    ],
)
def test_a_wrong_call_is_told_with_status_2(call: Call, args: tuple[str, ...], told: str) -> None:
    said = call(*args)
    assert said.exit_code == 2
    assert told in said.stderr
    assert said.stdout == ""


def test_one_column_cannot_have_two_kinds(call: Call, reference: Path) -> None:
    said = call("endpoints", "create", "m", "--reference", str(reference), "--categorical", "zip", "--numeric", "zip")
    assert said.exit_code == 2
    assert "'zip' cannot be both categorical and numeric" in said.stderr


@pytest.mark.parametrize("args", TALKING, ids=" ".join)
@pytest.mark.parametrize("as_json", [False, True])
def test_a_server_that_is_away_is_one_line_with_the_remedy(call: Call, nobody: str, args: tuple[str, ...], as_json: bool) -> None:
    said = call(*args, "--server", nobody, *(["--json"] if as_json else []))
    assert said.exit_code == 1
    assert said.stdout == ""
    assert said.stderr.count("\n") == 1
    assert said.stderr.startswith(f"driftline: no driftline server answers at {nobody}")
    assert "driftline serve" in said.stderr


def test_the_server_is_taken_from_the_environment(call: Call, nobody: str) -> None:
    said = call("endpoints", "list", env={"DRIFTLINE_SERVER": nobody})
    assert nobody in said.stderr


@pytest.mark.parametrize(("column", "told"), [("when", "it has amount, flag"), ("flag", "is bool, which is no time")])
def test_a_column_that_is_no_time_is_a_wrong_call(call: Call, tmp_path: Path, column: str, told: str) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"amount": [1.0], "flag": [True]}), path)
    said = call("push", "m", str(path), "--timestamp", column)
    assert said.exit_code == 2
    assert told in " ".join(said.stderr.split())


def test_a_file_that_is_no_parquet_is_told(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("amount\n1.0\n")
    said = call("push", "m", str(path))
    assert said.exit_code == 1
    assert "cannot be read as Parquet" in said.stderr
    assert said.stderr.count("\n") == 1


def without(module: str, *args: str) -> subprocess.CompletedProcess[str]:
    """Runs the command line in an interpreter that cannot import `module`."""
    code = f"import sys; sys.modules[{module!r}] = None; sys.argv[1:] = {args!r}; from driftline.cli import main; main()"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, text=True, timeout=60)


@pytest.mark.parametrize("module", ["click", "rich"])
def test_without_the_cli_extra_it_says_what_to_install(module: str) -> None:
    done = without(module, "--help")
    assert (done.returncode, done.stdout) == (1, "")
    assert "pip install '.[cli]' in a checkout of driftline" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("args", [("serve",), ("serve", "--help"), ("serve", "--listen", "127.0.0.1:0")], ids=" ".join)
def test_without_the_server_extra_serve_says_what_to_install(args: tuple[str, ...]) -> None:
    done = without("driftline_server", *args)
    assert (done.returncode, done.stdout) == (1, "")
    assert "pip install '.[server]' in a checkout of driftline" in done.stderr
    assert done.stderr.count("\n") == 1


def test_without_the_server_extra_the_rest_is_there() -> None:
    done = without("driftline_server", "--help")
    assert done.returncode == 0
    assert "serve" in done.stdout


def test_help_needs_neither_server_nor_kernels() -> None:
    code = (
        "import sys; sys.argv[1:] = ['--help']\n"
        "from driftline.cli import main\n"
        "try: main()\n"
        "except SystemExit: print([m for m in ('numba', 'driftline_core', 'driftline_server', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]"


def test_json_option_is_on_every_command_that_prints_data(call: Call) -> None:
    for command in (
        ("drift",),
        ("push",),
        *(("alerts", verb) for verb in ("list", "show", "ack", "reset", "silence", "silences", "unsilence", "test", "receivers")),
        *(("alerts", verb) for verb in ("deliveries", "resend")),
        *(("alerts", "rules", verb) for verb in ("add", "list", "delete")),
        *(("endpoints", verb) for verb in ("create", "set-reference", "list", "show", "delete")),
    ):
        helped = call(*command, "--help").stdout
        assert "--json" in helped
        assert "--server" in helped


def test_json_is_strict() -> None:
    from driftline.cli.options import print_json

    with pytest.raises(ValueError, match="not JSON compliant"):
        print_json(float("nan"))
    assert json.loads("null") is None
