"""A store in a folder of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.server.store.building import endpoint

from driftline_server.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store that has the endpoint "u"."""
    opened = Store.open(tmp_path / "data")
    opened.save_endpoint(endpoint("u"))
    yield opened
    opened.close()
