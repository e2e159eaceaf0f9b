"""A server is told to stop, and does, though nobody reads any more what it says."""

import re
import signal
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tests.e2e.server import CALL_S, STOP_S, spawn


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
