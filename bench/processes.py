"""Servers and load to measure against, each a process of its own, ended by its id."""

import contextlib
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
CLI = str(Path(sys.executable).with_name("driftline"))


@contextlib.contextmanager
def server(*options: str) -> Iterator[tuple[str, int]]:
    """A driftline server, its address and process id; it keeps nothing unless the options say so."""
    kept = () if "--data" in options else ("--data", "none")
    with _process([CLI, "serve", "--listen", "127.0.0.1:0", *kept, *options], r"driftline listening on (\S+)") as found:
        yield found


@contextlib.contextmanager
def bare_server() -> Iterator[tuple[str, int]]:
    """A gRPC server whose one stream discards what it gets, bytes in and bytes out: the ceiling of the transport."""
    with _process([sys.executable, str(HERE / "bare.py")], r"listening on (\S+)") as found:
        yield found


@contextlib.contextmanager
def load(target: str, endpoint: str, *, rows: int, seconds: float, rate: float = 0.0) -> Iterator[None]:
    """A process that pushes through a Monitor of its own, at so many batches a second; 0: at full speed."""
    command = [sys.executable, str(HERE / "load.py"), target, endpoint, str(rows), str(seconds), str(rate)]
    with _process(command, r"(pushing)"):
        yield


@contextlib.contextmanager
def _process(command: list[str], ready: str) -> Iterator[tuple[str, int]]:
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        said = ""
        for line in process.stderr:
            said += line
            if match := re.search(ready, line):
                threading.Thread(target=process.stderr.read, daemon=True).start()  # so that nothing it says holds it up
                yield match[1], process.pid
                break
        else:
            raise RuntimeError(f"{command} did not start: {said}")
    finally:
        process.terminate()
        process.wait(60)
