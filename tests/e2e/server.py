"""A real server process: started as an operator starts it, asked as any gRPC client asks it, stopped by SIGTERM."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from driftline_proto.v1 import endpoint_pb2_grpc, ingest_pb2_grpc, metrics_pb2_grpc

COMMAND = [sys.executable, "-c", "from driftline_server.commands import serve; serve()"]
START_S = 60.0
STOP_S = 30.0
CALL_S = 30.0
MiB = 1024 * 1024


def environment(**settings: object) -> dict[str, str]:
    """The environment of a server: none of the caller's settings, and the given ones as DRIFTLINE_*."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("DRIFTLINE_")}
    return kept | {f"DRIFTLINE_{key.upper()}": str(value) for key, value in settings.items()}


class Process(Protocol):
    """What is asked of a server's process: what `subprocess.Popen` offers."""

    stderr: Any

    @property
    def pid(self) -> Any: ...
    @property
    def returncode(self) -> Any: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def kill(self) -> None: ...
    def send_signal(self, number: signal.Signals, /) -> None: ...


def spawn(*, listen: str = "127.0.0.1:0", data: Path | str = "none", **settings: object) -> subprocess.Popen[str]:
    """The process of a server; it may not serve yet."""
    arguments = [*COMMAND, "--listen", listen, "--data", str(data)]
    return subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True, env=environment(**settings))


class Server:
    """A server process on a free port; a context manager that asserts at its end that the server lived and leaves cleanly.

    It keeps nothing unless `data` is given.
    """

    def __init__(self, process: Process | None = None, **given: Any) -> None:
        """Waits until a process serves: the given one, or one that is spawned."""
        self.lines: list[str] = []
        self._lines_checked = 0
        self._listening = threading.Event()
        self._process: Process = process or spawn(**given)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._channels: list[grpc.Channel] = []
        self._listening.wait(START_S)
        found = re.search(r"listening on (\S+)", self.log)
        if not found:
            self.kill()
            raise AssertionError(f"the server did not start:\n{self.log}")
        self.address = found[1]
        channel = self.channel()
        self.endpoints = endpoint_pb2_grpc.EndpointServiceStub(channel)
        self.ingest = ingest_pb2_grpc.IngestServiceStub(channel)
        self.metrics = metrics_pb2_grpc.MetricsServiceStub(channel)
        self._health = health_pb2_grpc.HealthStub(channel)

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    @property
    def page(self) -> str:
        """The address of its page; empty where it has none."""
        found = re.search(r"reports for a browser at (\S+?),?(\s|$)", self.log)
        return found[1] if found else ""

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def log(self) -> str:
        return "\n".join(self.lines)

    def channel(self, **options: object) -> grpc.Channel:
        """A connection of its own."""
        given = {
            "grpc.use_local_subchannel_pool": 1,
            "grpc.max_receive_message_length": 64 * MiB,
            "grpc.max_send_message_length": -1,
        }
        given |= {f"grpc.{key}": value for key, value in options.items()}
        channel = grpc.insecure_channel(self.address, options=list(given.items()))
        self._channels.append(channel)
        return channel

    def health(self, timeout_s: float = CALL_S) -> int:
        """What the health service says."""
        return int(self._health.Check(health_pb2.HealthCheckRequest(), timeout=timeout_s).status)

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def rss_bytes(self, which: str = "VmRSS") -> int:
        """Resident memory now, or (VmHWM) its peak since `forget_peak`."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(rf"{which}:\s+(\d+) kB", status)[1]) * 1024  # type: ignore[index]

    def forget_peak(self) -> None:
        """Makes VmHWM start anew from what is resident."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def check_serving(self) -> None:
        """Asserts that the process lives, says it serves, and has logged no fault of its own."""
        assert self.is_alive(), f"the server died with status {self._process.returncode}:\n{self.log}"
        assert self.health() == health_pb2.HealthCheckResponse.SERVING
        self.check_log()

    def check_log(self) -> None:
        """Asserts that no fault of the server's own was logged since this was last asked."""
        lines = self.lines[self._lines_checked :]
        self._lines_checked += len(lines)
        assert not any("Traceback" in line for line in lines), "\n".join(lines)

    def until_at_rest(self) -> None:
        """Waits until the process does next to nothing."""
        before = -1.0
        while (used := self._cpu_s()) - before > 0.02:
            before = used
            time.sleep(0.2)

    def _cpu_s(self) -> float:
        ticks = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK")

    def terminate(self) -> None:
        self._process.send_signal(signal.SIGTERM)

    def wait(self, timeout_s: float = STOP_S) -> int:
        """The exit status, once the process has ended."""
        try:
            return self._process.wait(timeout_s)
        finally:
            self._reader.join(1.0)

    def stop(self) -> None:
        """Asserts that the server lives, serves, and leaves with status 0 on SIGTERM, having logged no fault of its own."""
        try:
            self.check_serving()
            self.terminate()
            assert self.wait() == 0, self.log
            self.check_log()
        finally:
            self.kill()

    def kill(self) -> None:
        """Ends what is left of the process, at once, and of the connections to it."""
        if self.is_alive():
            self._process.kill()
            self._process.wait()
        for channel in self._channels:
            channel.close()
        self._reader.join(1.0)
        if self._process.stderr:
            self._process.stderr.close()

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.stop()
        else:
            self.kill()

    def _read(self) -> None:
        assert self._process.stderr
        for line in self._process.stderr:
            self.lines.append(line.rstrip("\n"))
            if "listening on" in line:
                self._listening.set()
        self._listening.set()
