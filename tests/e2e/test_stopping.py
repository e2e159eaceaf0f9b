"""A server is told to stop, and does, though nobody reads any more what it says."""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tests.e2e.server import CALL_S, STOP_S, Server, spawn


@pytest.mark.parametrize("data", ["none", "kept"])
def test_it_stops_though_the_reader_of_its_lines_has_gone(tmp_path: Path, data: str) -> None:
    process = spawn(data="none" if data == "none" else tmp_path / data)
    assert process.stderr is not None
    try:
        said = next(line for line in process.stderr if "listening on" in line)
        process.stderr.close()  # as `| head` does: the next line breaks the pipe
        address = re.findall(r"listening on (\S+)", said)[0]
        with grpc.insecure_channel(address) as channel:
            answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=CALL_S)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        process.send_signal(signal.SIGTERM)
        assert process.wait(STOP_S) == 0
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def fresh() -> Iterator[Server]:
    server = Server(data="none")
    yield server
    server.kill()


def test_it_stops_though_the_signal_does_not_interrupt_the_main_thread(fresh: Server) -> None:
    others = [int(each.name) for each in Path(f"/proc/{fresh.pid}/task").iterdir() if int(each.name) != fresh.pid]
    os.kill(others[0], signal.SIGTERM)  # a signal for the process; the thread that is named takes it if it can
    assert fresh.wait() == 0


def test_it_stops_with_status_0_however_often_it_is_asked(fresh: Server) -> None:
    while fresh.is_alive():
        fresh.terminate()
    assert fresh.wait() == 0
