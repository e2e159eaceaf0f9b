"""Settings that cannot be used, an address that cannot be had: one line that says why, exit status 2 (folders: test_history)."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.e2e.server import COMMAND, START_S, Server, environment

from driftline_server.commands import serve


def refused(*args: str, **settings: object) -> str:
    """The one line that `serve` says of settings it cannot mean; called in this process, since it starts nothing."""
    said = CliRunner().invoke(serve, args, env=environment(**settings))
    return only_line(said.exit_code, said.stdout, said.stderr)


def ended(*args: str, command: Sequence[str] = COMMAND) -> str:
    """The one line a server process says when it cannot have what it was told to take."""
    done = subprocess.run([*command, *args], capture_output=True, check=False, text=True, timeout=START_S, env=environment())
    return only_line(done.returncode, done.stdout, done.stderr)


def only_line(status: int, stdout: str, stderr: str) -> str:
    """Asserts that this is how a server ends that has not begun."""
    assert (status, stdout) == (2, ""), stderr
    (line,) = stderr.splitlines()
    assert line.startswith("driftline: ")
    return line


FILES = {
    "unknown key": (b"payload_byte_max = 3", "setting 'payload_byte_max': there is no such setting (in"),
    "misspelt key": (b"archive_day = 3", "did you mean archive_days or"),
    "unknown section": (b"[server]\nlisten = '127.0.0.1:0'", "setting 'server': there is no such setting (in"),
    "wrong type": (b"payload_bytes_max = 'many'", "setting 'payload_bytes_max': Input should be a valid integer"),
    "a truth for a number": (b"snapshot_days = true", "setting 'snapshot_days': Input should be a valid integer (in"),
    "a number for a truth": (b"reflection = 1", "setting 'reflection': Input should be a valid boolean (in"),
    "a number as text": (b"snapshot_days = '90'", "setting 'snapshot_days': Input should be a valid integer (in"),
    "not positive": (b"queue_batches_max = 0", "setting 'queue_batches_max': Input should be greater than 0"),
    "no TOML": (b"listen: 127.0.0.1:0", "settings in "),
    "no text": (b"\xff\xfe", "settings in "),
    "one rule for many": (b"[rules]\nname = 'a'", "setting 'rules': write [[rules]] where it says [rules]"),
    "one receiver for many": (b"[receivers]\nname = 'a'", "setting 'receivers': write [[receivers]] where it says [receivers]"),
    "wrong though overridden": (b"listen = 5", "setting 'listen': Input should be a valid string"),
    "no folder": (b"data = ''", "setting 'data': name a directory to keep state in, or none"),
}


@pytest.mark.parametrize(("text", "told"), FILES.values(), ids=FILES.keys())
def test_a_file_of_settings_that_cannot_be_meant_is_refused(tmp_path: Path, text: bytes, told: str) -> None:
    config = tmp_path / "driftline.toml"
    config.write_bytes(text)
    line = refused("--config", str(config), "--listen", "127.0.0.1:0")
    assert told in line
    assert str(config) in line


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert "there is no such file" in refused("--config", str(tmp_path / "nowhere.toml"))
    assert "there is no such file" in refused("--config", str(tmp_path))


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"push_streams_max": "lots"}, "setting 'push_streams_max': Input should be a valid integer"),
        ({"unary_threads": -1}, "setting 'unary_threads': Input should be greater than 0"),
        ({"log_json": "perhaps"}, "setting 'log_json': Input should be a valid boolean"),
        (
            {"unary_thread": 3},
            "DRIFTLINE_UNARY_THREAD in the environment: there is no such setting; did you mean DRIFTLINE_UNARY_THREADS?",
        ),
        ({"http": "8433"}, "setting 'http': '8433' is no address for the page; write HOST:PORT, none, or auto"),
        ({"public_url": "drift"}, "setting 'public_url': 'drift' is no address of the page; write https://HOST"),
        ({"listen": "7433"}, "setting 'listen': '7433' is no address to listen on; write HOST:PORT"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_an_environment_that_cannot_be_meant_is_refused(settings: dict[str, object], told: str) -> None:
    assert told in refused("--data", "none", **settings)


@pytest.mark.parametrize(
    "listen",
    ["", "localhost", "127.0.0.1", ":7433", "127.0.0.1:", "127.0.0.1:99999", "127.0.0.1:-1", "127.0.0.1:http", "127.0.0.1:７"],
)
def test_an_address_is_a_host_and_a_port(listen: str) -> None:
    assert "is no address to listen on; write HOST:PORT, with a port from 0" in refused("--data", "none", "--listen", listen)


@pytest.mark.parametrize("command", [COMMAND, [sys.executable, "-m", "driftline.cli", "serve"]], ids=["server", "command"])
def test_an_address_that_cannot_be_had_is_told(server: Server, command: list[str]) -> None:
    told = {
        server.address: "the port is in use; ",
        "192.0.2.1:7433": "the address is not this machine's; ",
        "nohost.invalid:7433": "the host cannot be resolved",
    }
    for address, why in told.items():
        line = ended("--data", "none", "--listen", address, command=command)
        assert line.startswith(f"driftline: cannot listen on {address}: {why}")


def test_a_page_s_address_that_cannot_be_had_is_told(server: Server) -> None:
    for address in (server.page.removeprefix("http://"), server.address, "192.0.2.1:8433"):
        line = ended("--data", "none", "--listen", "127.0.0.1:0", "--http", address)
        why = "the address is not this machine's; " if address.startswith("192") else "the port is in use; "
        assert line.startswith(f"driftline: cannot serve the page on {address}: {why}")
