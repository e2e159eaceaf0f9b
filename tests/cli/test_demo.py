"""driftline demo as a log shows it: a real server, the whole story, and nothing left behind."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import driftline

COMMAND = [sys.executable, "-m", "driftline.cli", "demo"]
STARTED = re.compile(r"server at (\S+), as its own process (\d+)")


def only(found: list[Any]) -> Any:
    """The one thing that was found."""
    assert len(found) == 1
    return found[0]


def lives(pid: int) -> bool:
    """Whether a process runs (one that ended and was not waited for does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 30
    while lives(pid):
        assert time.monotonic() < deadline, f"process {pid} is still there"
        time.sleep(0.02)


@contextmanager
def started(*args: str) -> Iterator[tuple[subprocess.Popen[str], str, int]]:
    """A demo whose server runs: the demo's process, the server's address and process id."""
    # Whoever runs the tests in the background has made them deaf to Ctrl-C, which is inherited.
    heard = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        demo = subprocess.Popen([*COMMAND, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    finally:
        signal.signal(signal.SIGINT, heard)
    with demo:
        assert demo.stdout is not None
        found = None
        try:
            found = next(filter(None, map(STARTED.search, demo.stdout)))
            yield demo, found[1], int(found[2])
        finally:
            demo.kill()
            if found and lives(int(found[2])):
                os.kill(int(found[2]), signal.SIGKILL)


def test_the_whole_story(tmp_path: Path) -> None:
    picture = tmp_path / "demo.svg"
    done = subprocess.run([*COMMAND, "--svg", str(picture)], capture_output=True, check=False, text=True, timeout=170)
    assert (done.returncode, done.stderr) == (0, "")
    said = done.stdout
    assert "\x1b" not in said
    turns = [
        said.index(turn) for turn in ("○ no_detection", "(AGEP potential)", "(AGEP detected)", "(AGEP detected, MAR potential)")
    ]
    assert turns == sorted(turns)
    words = " ".join(said.split())
    assert "208,892 people: not one alarm" in words
    assert re.search(r"mean of its 16 features, 0\.\d+, would have raised no alarm on its own", words)
    assert re.search(r"([\d,]+) rows were sent, \1 counted: none lost, none twice", words)
    assert "linked the window's report" in words
    assert "exit status 0" in words
    assert "demo --keep" in words
    assert not lives(int(only(re.findall(STARTED, said))[1]))
    assert "AGEP" in "".join(ET.parse(picture).getroot().itertext())


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_an_interrupted_demo_ends_its_server_quietly(number: signal.Signals, status: int) -> None:
    with started() as (demo, _, pid):
        assert lives(pid)
        demo.send_signal(number)
        _, said = demo.communicate(timeout=60)
        assert (demo.returncode, said.strip()) == (status, "")
        assert not lives(pid)


def test_a_kept_server_answers_and_can_be_ended() -> None:
    with started("--keep") as (demo, target, pid):
        said, errors = demo.communicate(timeout=170)
        assert (demo.returncode, errors) == (0, "")
        assert f"kill {pid}" in said
        link = only(re.findall(r"The link: +(\S+)", said))
        with urllib.request.urlopen(link, timeout=30) as page:
            assert "AGEP" in page.read().decode()
        with driftline.connect(target) as client:
            assert client.drift("census/employment/model:2015", window="1h").status == "no_detection"
        os.kill(pid, signal.SIGTERM)
        wait_until_gone(pid)
    Path(only(re.findall(r"Its log: +(\S+)", said))).unlink()
