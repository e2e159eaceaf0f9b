"""A fake server for each test, and monitors that talk to it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.client.fake_server import FakeServer

import driftline

ENDPOINT = "tests/client/model:v1"

MakeMonitor = Callable[..., driftline.Monitor]


@pytest.fixture
def fake() -> Iterator[FakeServer]:
    with FakeServer() as server:
        yield server


@pytest.fixture
def monitor_of(fake: FakeServer) -> Iterator[MakeMonitor]:
    """Makes monitors of the fake server; all are closed at the end, without waiting for what cannot be sent."""
    made: list[driftline.Monitor] = []

    def make(endpoint: str = ENDPOINT, *, target: str | None = None, **options: Any) -> driftline.Monitor:
        made.append(driftline.Monitor(target or fake.target, endpoint, **({"linger": 0.0} | options)))
        return made[-1]

    yield make
    for monitor in made:
        monitor.close(0.0)


@pytest.fixture
def monitor(monitor_of: MakeMonitor) -> driftline.Monitor:
    return monitor_of()
