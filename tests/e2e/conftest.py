"""The server of this folder: one process for all tests that need no limits of their own."""

from collections.abc import Iterator

import pytest
from tests.e2e.server import Server


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A server with default settings, but that it describes itself; at the end it must live, serve, and leave with status 0."""
    with Server(reflection=True) as started:
        yield started


@pytest.fixture(autouse=True)
def still_serving(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever a test sent, the shared server lives and serves after it."""
    yield
    if "server" in request.fixturenames:
        request.getfixturevalue("server").check_serving()
