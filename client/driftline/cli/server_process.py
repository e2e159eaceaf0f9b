"""`driftline serve` as a process of our own: started, ready when its health says so, ended with SIGTERM."""

import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

import grpc

from driftline.cli.failure import Failure
from driftline.errors import Error, Unavailable

START_SECONDS_MAX = 120.0  # kernels are compiled when the server starts for the first time
STOP_SECONDS_MAX = 20.0
TICK_SECONDS = 0.05
LISTENING = re.compile(r"driftline listening on (\S+:\d+)")
# grpc.health.v1: an empty HealthCheckRequest, and the HealthCheckResponse whose status is SERVING.
HEALTH_CHECK = "/grpc.health.v1.Health/Check"
SERVING = b"\x08\x01"


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs: its address, its process, the file its log goes to."""

    target: str
    process: subprocess.Popen[bytes]
    log: Path


@contextmanager
def running(config: Path, *, keep: bool, meanwhile: AbstractContextManager[object]) -> Iterator[Server]:
    """A server with its state in memory, on a free port, with settings of its own; `meanwhile` is entered while it starts.

    It is ended with the block, whatever ends that; with `keep`, only where the block failed. Raises Failure where the server
    does not start, or does not end in order.
    """
    log = Path(tempfile.mkstemp(prefix="driftline-serve-", suffix=".log")[1])
    with _signals_as_exits():
        process = _spawned(log, config)
        try:
            with meanwhile:
                target = _ready(process, log)
            yield Server(target, process, log)
        except Error as error:
            ended(process)
            raise Failure(f"{error}; the log of the server is {log}") from error
        except BaseException:
            ended(process)
            log.unlink()
            raise
        if not keep:
            _check_end(ended(process), log)


def ended(process: subprocess.Popen[bytes]) -> int:
    """Ends the process, in order if it can, and says its exit status."""
    process.send_signal(signal.SIGTERM)
    try:
        return process.wait(STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _spawned(log: Path, config: Path) -> subprocess.Popen[bytes]:
    # -P: a click.py in the current folder is not ours. A session of its own: Ctrl-C is for us, and we end it in order.
    command = [sys.executable, "-P", "-m", "driftline.cli", "serve", "--listen", "127.0.0.1:0", "--data", "none"]
    command += ["--config", str(config)]
    with log.open("wb") as lines:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=lines, stderr=lines, start_new_session=True)  # noqa: S603


def _ready(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + START_SECONDS_MAX
    target = None
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise Unavailable(f"the server did not start (exit status {process.returncode}): {_last_line(log)}")
        found = LISTENING.search(log.read_text(errors="replace"))
        target = found[1] if found else None
        if target is not None and serving(target):
            return target
        time.sleep(TICK_SECONDS)
    raise Unavailable(f"the server was not ready within {START_SECONDS_MAX:.0f} seconds")


def serving(target: str) -> bool:
    """Whether the standard health check of a server says SERVING."""
    with grpc.insecure_channel(target) as channel:
        check = channel.unary_unary(HEALTH_CHECK, request_serializer=None, response_deserializer=None)
        try:
            return bool(check(b"", timeout=2.0) == SERVING)
        except grpc.RpcError:
            return False


def _check_end(status: int, log: Path) -> None:
    if status != 0:
        raise Failure(f"the server did not end in order (exit status {status}); the log of the server is {log}")
    log.unlink()


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


@contextmanager
def _signals_as_exits() -> Iterator[None]:
    """SIGTERM and SIGHUP unwind the block like any error, so that what was started is ended."""

    def leave(number: int, frame: FrameType | None) -> NoReturn:
        sys.exit(128 + number)

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, action in before.items():
            signal.signal(number, action)
